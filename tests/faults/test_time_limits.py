"""The promise: a time limit that strikes into a call comes out of it as itself.

It is no miss and no SerializationError, and nothing is deleted or told of for it, though a limit is
an exception like any other. ``DRC_INTERRUPTS`` is how many are struck in each stack of plugins.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

INTERRUPTS = int(os.environ.get("DRC_INTERRUPTS", "80"))
#: Stacks of plugins in limits.py.
STACKS = 11


@pytest.mark.parametrize("way", ["signal", "thread"])
def test_a_limit_at_a_random_moment_comes_out_as_itself(way: str) -> None:
    """In a process of its own, for it may strike anywhere."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("limits.py")), str(INTERRUPTS), way],
        capture_output=True,
        text=True,
        timeout=240 + INTERRUPTS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome.pop("struck") > INTERRUPTS * STACKS * 0.8
    assert outcome == {"wrong": [], "swallowed": [], "changed": [], "unreadable": []}
