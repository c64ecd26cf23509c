"""Two processes at one key, in the orders in which their commands can reach the servers.

Also in two phases that stand next to each other, since processes do not learn of a new one at the
same moment. What one of them has written is what everybody sees afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_redis_core_mirror.phases import Phase

from .conftest import old_of
from .processes import Begin, Process

#: More steps than any of these operations takes.
MOST = 40


def orders(
    prepare: Callable[[], None], one: Callable[[], Iterator[Any]], two: Callable[[], Iterator[Any]]
) -> Iterator[tuple[Any, Any]]:
    """Runs both, with two changes between them at most, and yields their results: for each number
    of commands after which the one is interrupted, and the other before the one goes on."""
    for first, second in ((one, two), (two, one)):
        for before in range(MOST):
            for between in range(1, MOST):
                prepare()
                mine, theirs = first(), second()
                ended = _advance(mine, before)
                other = _advance(theirs, between)
                done = {
                    first: ended or _advance(mine, MOST),
                    second: other or _advance(theirs, MOST),
                }
                yield done[one][1], done[two][1]
                if other is not None:
                    break
            if ended is not None:
                break


def _advance(steps: Iterator[Any], count: int) -> Any:
    for _ in range(count):
        item = next(steps)
        if item is not None:
            return item
    return None


#: The phases of a writer and a reader, and whether the new cache has the entry too at first.
CASES = [
    (writing, reading, both)
    for writing in Phase
    for reading in Phase
    if abs(writing - reading) <= 1
    for both in (False, True)
    # Before BOTH the new cache has nothing, and after NEW nobody looks into the old one.
    if (min(writing, reading) >= Phase.BOTH if both else max(writing, reading) <= Phase.NEW)
]

#: What a writer does, and what is to be seen afterwards. Before, "k" holds 5.
WRITES: dict[str, tuple[Begin, Any]] = {
    "set": (lambda who: who.client.set("k", 70, 600), 70),
    "set-briefly": (lambda who: who.client.set("k", 70, 30), 70),
    "set_many": (lambda who: who.client.set_many({"k": 70, "other": 1}), 70),
    "delete": (lambda who: who.client.delete("k"), None),
    "delete_many": (lambda who: who.client.delete_many(["k", "other"]), None),
    "incr": (lambda who: who.client.incr("k"), 6),
    "getdel": (lambda who: who.client.getdel("k"), None),
}
ONE_SIDED = {"incr", "getdel"}


@pytest.mark.parametrize(("writing", "reading", "both"), CASES, ids=str)
def test_what_was_written_is_what_everybody_sees(
    pair: tuple[Process, Process], writing: Phase, reading: Phase, both: bool
) -> None:
    writer, reader = pair
    old = old_of(writer.cache)
    new = writer.cache.raw_client()
    names = writer.client.full_names([("k", None), ("other", None)])
    marks = [writer.client.mark_key(full) for full in names]

    def prepare() -> None:
        new.delete(*names, *marks)
        old.delete("other")
        old.set("k", 5, 300)
        if both:
            new.set(names[0], b"5", px=300_000)
        writer.go_by(writing)
        reader.go_by(reading)

    for name, (begin, expected) in WRITES.items():
        if name in ONE_SIDED and Phase.HANDOVER in (writing, reading):
            continue  # they wait; see test_switch

        def write(begin: Begin = begin) -> Iterator[Any]:
            return writer.steps(begin(writer))

        def read() -> Iterator[Any]:
            return reader.steps(reader.client.get("k"))

        count = 0
        for _, seen in orders(prepare, write, read):
            count += 1
            assert seen in (5, expected), f"{name}: a reader saw {seen!r}"
            for who in (writer, reader):
                found = who.cache.get("k")
                where = f"{name} in {writing.title}, a reader in {reading.title}, order {count}"
                assert found == expected, f"{where}: then {found!r} in {who.phase}"
        assert count > 2


#: How two counters, or one and a writer, may end: what the first returned, and what is there then.
COUNTED: dict[str, tuple[Begin, Begin, set[tuple[Any, Any, Any]]]] = {
    "incr-incr": (
        lambda who: who.client.incr("k"),
        lambda who: who.client.incr("k"),
        {(6, 7, 7), (7, 6, 7)},
    ),
    "incr-set": (
        lambda who: who.client.incr("k"),
        lambda who: who.client.set("k", 70, 600),
        {(6, True, 70), (71, True, 71)},
    ),
    "getdel-getdel": (
        lambda who: who.client.getdel("k"),
        lambda who: who.client.getdel("k"),
        {(5, None, None), (None, 5, None)},
    ),
    "add-add": (
        lambda who: who.client.add("other", 1),
        lambda who: who.client.add("other", 2),
        {(True, False, 5), (False, True, 5)},
    ),
}


@pytest.mark.parametrize(
    ("one", "two"),
    [(one, two) for one in Phase for two in Phase if abs(one - two) <= 1 and 3 not in (one, two)],
    ids=str,
)
def test_nothing_is_counted_twice_or_lost(
    pair: tuple[Process, Process], one: Phase, two: Phase
) -> None:
    first, second = pair
    old = old_of(first.cache)
    new = first.cache.raw_client()
    names = first.client.full_names([("k", None), ("other", None)])
    marks = [first.client.mark_key(full) for full in names]

    def prepare() -> None:
        new.delete(*names, *marks)
        old.delete_many(["k", "other"])
        (new.set(names[0], b"5") if max(one, two) >= Phase.LEAVE else old.set("k", 5, 300))
        first.go_by(one)
        second.go_by(two)

    for name, (begin, other, possible) in COUNTED.items():

        def mine(begin: Begin = begin) -> Iterator[Any]:
            return first.steps(begin(first))

        def theirs(other: Begin = other) -> Iterator[Any]:
            return second.steps(other(second))

        for results in orders(prepare, mine, theirs):
            for who in pair:
                ended = (*results, who.cache.get("k"))
                assert ended in possible, f"{name} in {one.title} and {two.title}"
