"""What a format keeps, found out by trying: for a run of the kit without a class that states it.

A plugin's own test class states these things, so that it notices when they change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hypothesis import HealthCheck, given, settings

from .._plugins.registry import registry
from .apart import Ended, apart, survived
from .contracts.compressor import SHORT
from .contracts.damage import flipped
from .contracts.serializer import REFUSED
from .contracts.values import MORE, SAMPLES, same

Options = Mapping[str, Any]

_some = settings(
    max_examples=50,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Kept:
    """``keeps``, ``changes`` and ``partly`` of a ``SerializerContract``; ``examples`` are of values
    of the last, one that is kept and one that is not."""

    keeps: set[str] = field(default_factory=set)
    changes: dict[str, Any] = field(default_factory=dict)
    partly: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    examples: dict[str, tuple[Any, Any]] = field(default_factory=dict)


def _made(kind: str, name: str, options: Options) -> Any:
    return registry.plugin(kind, name, f"The {kind} {name!r}")(**options)


def what_is_kept(name: str, options: Options) -> Kept:
    """What an installed serializer keeps. What ends Python is left out, so that the contract's
    test, which outlives it, tells it."""
    asked = name, repr(options)
    if asked not in _found:  # by the tests, and by the summary
        serializer = _made("serializer", name, options)
        tried = list(SAMPLES)
        if not survived(partial(_try, serializer, tried)):
            tried = [what for what in tried if survived(partial(_try, serializer, [what]))]
        _found[asked] = _try(serializer, tried)
    return _found[asked]


_found: dict[tuple[str, str], Kept] = {}


def _try(serializer: Any, samples: Sequence[str]) -> Kept:
    found = Kept()
    for what in samples:
        _try_one(serializer, what, found)
    return found


def _try_one(serializer: Any, what: str, found: Kept) -> None:
    kept: list[Any] = []
    lost: list[Any] = []

    def look(value: Any) -> None:
        (kept if same(_comes_back(serializer, value), value) else lost).append(value)

    look(SAMPLES[what])
    if what in MORE:
        _some(given(MORE[what])(look))()
    if kept and lost:
        found.partly[what] = partial(_comes_back, serializer)
        found.examples[what] = (min(kept, key=_length), min(lost, key=_length))
    elif kept:
        found.keeps.add(what)
    elif (back := _comes_back(serializer, SAMPLES[what])) is not REFUSED:
        found.changes[what] = back


def _comes_back(serializer: Any, value: Any) -> Any:
    try:
        data = serializer.dumps(value)
    except Exception:  # of any type, as the interface says
        return REFUSED
    try:
        return serializer.loads(data)
    except Exception:  # stored and unreadable, which nothing may be: the contract's test fails
        return value


def _length(value: Any) -> int:
    return len(repr(value))


def finds_damage(name: str, options: Options) -> bool:
    """``checksum`` of ``CompressorContract`` for an installed compressor."""
    compressor = _made("compressor", name, options)
    try:
        return apart(lambda: _finds_damage(compressor), name)
    except Ended:  # the contract's test tells it
        return True


def _finds_damage(compressor: Any) -> bool:
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
        return _described(name, what_is_kept(name, options), _made(kind, name, options))
    if kind == "compressor" and not finds_damage(name, options):
        return [
            f"The compressor {name!r} does not find out every damaged bit.",
            "State this in its documentation, and with `checksum = False` in a CompressorContract.",
        ]
    return []


def round_trips_described(name: str) -> list[str]:
    """The same of a client, as far as its tests have run."""
    from .contracts.behaviour import UNSTATED

    more = UNSTATED.get(name)
    if not more:
        return []
    listed = ", ".join(f"{operation} {count}" for operation, count in more.items())
    return [
        f"The client {name!r} needs more round trips than the default one: {listed}.",
        "State this in its documentation, and as `round_trips` in a ClientContract of its own.",
    ]


def _described(name: str, found: Kept, serializer: Any) -> list[str]:
    told = {*found.keeps, *found.changes, *found.partly}
    lines = [
        f"The serializer {name!r}, of the samples in testing.contracts.values:",
        f"  keeps    {', '.join(sorted(found.keeps)) or 'none'}",
        f"  refuses  {', '.join(what for what in SAMPLES if what not in told) or 'none'}",
    ]
    lines += [f"  changes  {what} into {value!r}" for what, value in found.changes.items()]
    for what, (kept, lost) in found.examples.items():
        back = _comes_back(serializer, lost)
        becomes = "is refused" if back is REFUSED else f"comes back as {back!r}"
        lines.append(f"  partly   {what}: {kept!r} is kept, {lost!r} {becomes}")
    return [*lines, "State this in its documentation, and in a SerializerContract of its own."]
