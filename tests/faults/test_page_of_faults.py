"""The command that writes docs/faults.md still makes its faults, and they find this backend well:
those that take no time. The others have tests of their own, which the page names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["a shard down", "bits under a seal"])
def test_the_promise_is_kept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(CHECKOUT / "benchmarks")
    import faults

    fault = next(fault for fault in faults.FAULTS if fault.name == name)
    assert faults.see(fault, faults.OURS, sys.executable).startswith("✓ ")
