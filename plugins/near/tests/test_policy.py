"""What is worth keeping: the store alone, on reads of known shapes. No server has a part in it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from django_redis_core_near.sketch import TOP, Sketch
from django_redis_core_near.store import NEVER, Session, Store

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"

FOR_EVER = float("inf")

#: The part of reads by which near answers more than an LRU does, at least; below 0: by how much it
#: may answer less, where what is in demand changes with nearly every read.
AHEAD = {
    "Zipf 0.8": 0.04,
    "Zipf 1.0": 0.03,
    "Zipf 1.0 and scans": 0.03,
    "loop, 1.25 of the room": 0.5,
    "loop, twice the room": 0.15,
    "new keys each 20 rooms of reads": -0.01,
    "a new key in demand each 30 reads": -0.01,
}


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("near_traces")


@pytest.mark.parametrize("shape", AHEAD)
def test_more_is_answered_than_by_an_lru(traces: Any, shape: str) -> None:
    room, reads = 200, 8000
    trace = traces.shapes(room)[shape]
    near = traces.Near(room)
    answered = traces.ratio(near.read, trace(), reads)
    assert answered >= traces.ratio(traces.of_functools(room), trace(), reads) + AHEAD[shape]
    # And for that a copy was asked for a few times, where an LRU keeps each value that it reads.
    assert near.asked < (1 - answered) * reads / 2


def test_every_shape_is_measured(traces: Any) -> None:
    assert [*traces.shapes(100)] == [*AHEAD]


SESSION = Session(FOR_EVER)


def keep(store: Store, key: str, until: float = FOR_EVER, size: int = 28) -> bool:
    """A read of ``key``; whether there is a copy afterwards."""
    if store.wanted(store.name(key) or key):
        begun = store.begin(key, SESSION)
        if begun is not None:
            store.keep(key, begun, 1, b"", size, until)
    copy = store.copies.get(key)
    return copy is not None and copy.until != NEVER


def full(room: int = 10) -> Store:
    """A store that is, of keys that were read twice: ``old0``, ``old1`` …"""
    store = Store(room, 10**6)
    for number in range(room):
        while not keep(store, f"old{number}"):
            assert store.misses < 10 * room
    assert store.entries == room
    return store


def use(store: Store, *keys: str, times: int = 1) -> None:
    for key in keys:
        store.copies[key].hits += times


def test_what_is_read_once_is_not_kept() -> None:
    store = Store(1000, 10**8)
    assert not keep(store, "k")
    assert (store.entries, store.bytes, [*store.copies]) == (0, 0, [])
    assert keep(store, "k")
    # A few share both of their counters with other keys, and may be kept at once.
    assert sum(keep(store, f"k{number}") for number in range(1000)) < 20


def test_a_full_store_keeps_what_is_used_more() -> None:
    store = full()
    use(store, *[f"old{number}" for number in range(9)], times=5)
    while not keep(store, "new"):
        assert store.misses < 1000
    assert "old9" not in store.copies, "which nobody has used"
    assert store.entries == 10


def test_where_all_is_in_use_nothing_goes() -> None:
    store = full()
    kept = {*store.copies}
    for _ in range(20):
        use(store, *kept)
        assert not keep(store, "new")
    assert {*store.copies} == kept


def test_what_has_ended_gives_way_however_much_it_was_used() -> None:
    store = full()
    use(store, *store.copies, times=TOP)
    store.copies["old0"].until = -1e9
    while not keep(store, "new"):
        assert store.misses < 1000
    assert {*store.copies} == {"new", *[f"old{number}" for number in range(1, 10)]}


def test_a_copy_that_nobody_has_used_is_kept_again_after_two_reads() -> None:
    store = Store(10, 10**6)
    keep(store, "k")
    assert keep(store, "k", until=-1e9), "and it has ended at once"
    assert not keep(store, "k")
    assert keep(store, "k", until=-1e9)
    use(store, "k")
    assert keep(store, "k"), "at the first read, for it was of use"


def test_what_is_written_as_often_as_it_is_read_is_not_kept() -> None:
    store = Store(10, 10**6)
    for _ in range(5):
        assert not keep(store, "k")
        store.invalidate([b"k"])
    keep(store, "k")
    assert keep(store, "k")
    use(store, "k", times=3)
    store.invalidate([b"k"])
    assert keep(store, "k"), "what was read more often than written is"


def test_a_key_counts_as_one_under_both_of_its_names() -> None:
    store = Store(10, 10**6, "p:1:")
    assert not store.wanted("k")
    assert keep(store, "p:1:k")
    assert store.names["k"] is store.copies["p:1:k"]
    keep(store, "p:2:k")
    assert keep(store, "p:2:k")
    assert [*store.names] == ["k"], "of the others there is only the whole key"
    store.invalidate([b"p:1:k"])
    assert not store.names


def test_of_many_keys_a_part_is_kept_at_a_time() -> None:
    store = Store(1000, 10**7)
    keys = [f"k{number}" for number in range(160)]
    wanted: list[int] = []
    calls = 0
    while keys:
        assert len(wanted) < 20
        for at in wanted:
            begun = store.begin(keys[at], SESSION)
            assert begun is not None
            store.keep(keys[at], begun, 1, b"", 28, FOR_EVER)
        keys = [key for key in keys if key not in store.copies]
        wanted = store.wanted_of(keys) if keys else []
        calls += 1
    assert store.entries == 160
    assert 10 < calls < 80


def test_bytes_are_a_limit_too() -> None:
    store = Store(10_000, 10_000)
    for number in range(100):
        keep(store, f"k{number}")
        keep(store, f"k{number}")
        assert store.bytes <= 10_000
    assert 5 < store.entries < 20
    assert store.bytes == sum(copy.size for copy in store.copies.values())


def test_what_was_begun_and_has_no_value_takes_nobodys_place() -> None:
    store = full()
    for key in ("old0", "old1"):
        store.copies[key].until = -1e9
    while not store.wanted("none"):
        assert store.misses < 1000
    begun = store.begin("none", SESSION)
    assert begun is not None
    assert store.entries == 10
    store.abandon({"none": begun})
    assert store.entries == 10
    assert "none" not in store.copies


def test_hits_are_counted_for_those_that_are_gone_too() -> None:
    store = full()
    use(store, "old0", "old1", times=3)
    store.invalidate([b"old0"])
    assert (store.entries, store.hits) == (9, 6)
    store.drop(SESSION)
    assert (store.entries, store.hits) == (0, 6)
    store = full()
    use(store, "old0", times=2)
    store.clear()
    assert (store.entries, store.hits) == (0, 2)


# The sketch


def test_the_sketch_knows_of_all_that_there_was() -> None:
    sketch = Sketch(1000)
    reads = {hash(f"k{number}"): number % TOP for number in range(1000)}
    for hashed, count in reads.items():
        sketch.add(hashed, count)
    assert all(sketch.count(hashed) >= count for hashed, count in reads.items())
    # Who shares both counters with others is taken for more.
    assert sum(sketch.count(hashed) > count for hashed, count in reads.items()) < 50
    sketch.add(hash("k1"), TOP)
    assert sketch.count(hash("k1")) == TOP


def test_it_forgets_by_halves() -> None:
    sketch, one, other = Sketch(100), hash("one"), hash("another")
    sketch.add(one, 9)
    sketch.age()
    assert sketch.count(one) == 4
    sketch.add(other, 1)
    sketch.age()
    assert sketch.count(one) == 2
    sketch.lower(one, 1)
    sketch.lower(other, 5)
    assert sketch.count(one) == 1
    sketch.clear()
    assert sketch.count(one) == sketch.count(other) == 0


def test_reads_are_never_counted_too_low() -> None:
    store = Store(100, 10**6)
    keys = [f"k{number}" for number in range(60)]
    for _ in range(3):
        for key in keys:
            store.wanted(key)
    assert min(store._sketch.count(hash(key)) for key in keys) == 3


def test_a_store_ages_its_sketch_by_what_it_was_asked() -> None:
    store = Store(10, 10**6)
    assert not store.wanted("k")
    for number in range(10_000):
        store.wanted(f"k{number}")
    assert sum(1 for count in store._sketch.counts if count) < store._sketch.sample * 4
