"""No change makes an operation 5% dearer, beside redis-py's own ``get`` in the same run.

Not named test_*: it holds where tox' environment `cost` has installed the libraries that the
figures were taken with. Where an operation is dearer for a good reason, and where it has become
cheaper, ``python tests/cost/counted.py --write`` makes what is counted now the figures; the commit
then shows both.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
FIGURES: dict[str, Any] = json.loads((HERE / "figures.json").read_text(encoding="utf-8"))
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

#: How much dearer an operation may become.
MOST = 1.05


def counted(*arguments: str) -> dict[str, Any]:
    """In a process of its own, where nobody else watches or has warmed what is counted."""
    done = subprocess.run(
        [sys.executable, HERE / "counted.py", *arguments],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def too_dear(figures: dict[str, float], found: dict[str, float]) -> dict[str, str]:
    """What is to be said of each operation that costs more than it may."""
    return {
        name: f"{ratio:.3f} of redis-py's get, which was {figures[name]:.3f}: "
        f"{ratio / figures[name] - 1:+.1%}"
        for name, ratio in found.items()
        if ratio > figures[name] * MOST
    }


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    """Those of this version of Python."""
    assert PYTHON in FIGURES, f"no figures of Python {PYTHON}: run tests/cost/counted.py --write"
    found: dict[str, Any] = FIGURES[PYTHON]
    return found


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What is counted now."""
    return counted()


def test_no_operation_is_dearer(figures: dict[str, Any], found: dict[str, Any]) -> None:
    assert found["with"] == figures["with"], (
        "other libraries than the figures are of: see tox.ini, [testenv:cost]"
    )
    assert found["ratios"].keys() == figures["ratios"].keys()
    assert too_dear(figures["ratios"], found["ratios"]) == {}


def test_six_percent_more_in_each_would_be_seen(found: dict[str, Any]) -> None:
    planted = counted("--planted")["ratios"]
    assert too_dear(found["ratios"], planted).keys() == planted.keys()
