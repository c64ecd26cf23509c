"""Reads of keys in the shapes that caches meet, seeded, and what of them a cache answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import accumulate, chain, count, cycle, islice
from random import Random
from typing import Any

from django_redis_core_near.store import Session, Store

#: Says of each read whether the cache has answered it, and keeps what it will.
Read = Callable[[str], bool]


def zipf(random: Random, keys: int, skew: float, name: str = "key") -> Iterator[str]:
    """Reads of ``keys`` keys, of which the second is read ``2**skew`` times as seldom as the first,
    the third ``3**skew`` times. The web's pages and articles have a skew of .6 to 1
    (https://pages.cs.wisc.edu/~cao/papers/zipf-implications.html)."""
    names = [f"{name}{number}" for number in range(keys)]
    weights = list(accumulate(1 / rank**skew for rank in range(1, keys + 1)))
    while True:
        yield from random.choices(names, cum_weights=weights, k=1000)


def with_scans(reads: Iterator[str], every: int, length: int) -> Iterator[str]:
    """``reads``, and now and then somebody goes through ``length`` keys that nobody else reads: a
    crawler, an export."""
    for number in count():
        yield from islice(reads, every)
        yield from [f"scan{number}-{place}" for place in range(length)]


def loop(keys: int) -> Iterator[str]:
    """The same keys in the same order for ever: a job that goes through all of a table."""
    return cycle([f"row{number}" for number in range(keys)])


def changing(random: Random, keys: int, skew: float, every: int) -> Iterator[str]:
    """Other keys are in demand after each ``every`` reads: today's news, the next customer's."""
    return chain.from_iterable(
        islice(zipf(random, keys, skew, f"day{day}-"), every) for day in count()
    )


def drifting(random: Random, keys: int, skew: float, every: int) -> Iterator[str]:
    """After each ``every`` reads the key in demand least takes the place of the one in demand most,
    which goes back by one, as all others do."""
    weights = list(accumulate(1 / rank**skew for rank in range(1, keys + 1)))
    for shift in count():
        for rank in random.choices(range(keys), cum_weights=weights, k=every):
            yield f"key{rank - shift}"


def shapes(room: int, seed: int = 1) -> Mapping[str, Callable[[], Iterator[str]]]:
    """The traces that are measured, for caches with room for so many values. Each call of one
    gives it from its beginning."""
    keys = 20 * room
    return {
        "Zipf 0.8": lambda: zipf(Random(seed), keys, 0.8),
        "Zipf 1.0": lambda: zipf(Random(seed), keys, 1.0),
        "Zipf 1.0 and scans": lambda: with_scans(zipf(Random(seed), keys, 1.0), 3 * room, room),
        "loop, 1.25 of the room": lambda: loop(room * 5 // 4),
        "loop, twice the room": lambda: loop(2 * room),
        "new keys each 20 rooms of reads": lambda: changing(Random(seed), keys, 1.0, 20 * room),
        "a new key in demand each 30 reads": lambda: drifting(Random(seed), keys, 1.0, 30),
    }


def ratio(read: Read, trace: Iterable[str], reads: int) -> float:
    """Which part of the first ``reads`` the cache answers, beginning empty."""
    return sum(map(read, islice(trace, reads))) / reads


def of_mapping(cache: Any) -> Read:
    """Of cachetools' caches, and what is like them: all that is read is kept."""

    def read(key: str) -> bool:
        try:
            cache[key]
        except KeyError:
            cache[key] = key
            return False
        return True

    return read


FOR_EVER = float("inf")


class Near:
    """near's store, as its client uses it for ``get``."""

    def __init__(self, room: int) -> None:
        self.store = Store(room, room * 10_000)
        self.session = Session(FOR_EVER)
        self.asked = 0

    def read(self, key: str) -> bool:
        copy = self.store.copies.get(key)
        if copy is not None:
            copy.hits += 1
            return True
        if self.store.wanted(key):
            begun = self.store.begin(key, self.session)
            assert begun is not None
            self.store.keep(key, begun, 1, b"", 28, FOR_EVER)
            self.asked += 1
        return False


def of_functools(room: int) -> Read:
    called: list[str] = []
    keep = lru_cache(room)(called.append)

    def read(key: str) -> bool:
        keep(key)
        return not called or bool(called.clear())

    return read
