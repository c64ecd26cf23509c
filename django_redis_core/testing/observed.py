"""What a format keeps, found out by trying: for a run of the kit without a class that states it.

A plugin's own test class states these things, so that it notices when they change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..registry import registry
from .contracts.compressor import SHORT
from .contracts.damage import flipped
from .contracts.values import SAMPLES, same

Options = Mapping[str, Any]


def _made(kind: str, name: str, options: Options) -> Any:
    return registry.plugin(kind, name, f"The {kind} {name!r}")(**options)


def kept_and_changed(name: str, options: Options) -> tuple[frozenset[str], dict[str, Any]]:
    """``keeps`` and ``changes`` of ``SerializerContract`` for an installed serializer."""
    serializer = _made("serializer", name, options)
    keeps, changes = set(), {}
    for what, value in SAMPLES.items():
        try:
            data = serializer.dumps(value)
        except Exception:  # of any type, as the interface says
            continue
        try:
            back = serializer.loads(data)
        except Exception:  # stored and unreadable: neither, so that the contract's test fails
            continue
        if same(back, value):
            keeps.add(what)
        else:
            changes[what] = back
    return frozenset(keeps), changes


def finds_damage(name: str, options: Options) -> bool:
    """``checksum`` of ``CompressorContract`` for an installed compressor."""
    compressor = _made("compressor", name, options)
    for damaged in flipped(compressor.compress(SHORT)):
        try:
            if compressor.decompress(damaged) != SHORT:
                return False
        except Exception:  # of another type than it should be: the contract's tests say that
            continue
    return True


def described(kind: str, name: str, options: Options) -> list[str]:
    """Lines on what was found out, for whoever documents the plugin."""
    if kind == "serializer":
        keeps, changes = kept_and_changed(name, options)
        refused = [what for what in SAMPLES if what not in keeps and what not in changes]
        lines = [
            f"The serializer {name!r}, of the samples in testing.contracts.values:",
            f"  keeps    {', '.join(sorted(keeps)) or 'none'}",
            f"  refuses  {', '.join(refused) or 'none'}",
        ]
        lines += [f"  changes  {what} into {value!r}" for what, value in changes.items()]
        return [*lines, "State this in its documentation, and in a SerializerContract of its own."]
    if kind == "compressor" and not finds_damage(name, options):
        return [
            f"The compressor {name!r} does not find out every damaged bit.",
            "State this in its documentation, and with `checksum = False` in a CompressorContract.",
        ]
    return []
