"""A short form of benchmarks/soak.py: every fault of its list once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"
#: Ways to break it that soak_faults.py lists.
FAULTS = 23


def test_no_value_is_wrong_and_nothing_is_left_open_after_every_fault() -> None:
    done = subprocess.run(
        [sys.executable, str(SOAK), "--once", "--lasts", "0.3"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| wrong values | 0 | 0 |" in done.stdout
    assert int(done.stdout.partition(" faults in ")[0].rpartition("\n")[2]) >= FAULTS
