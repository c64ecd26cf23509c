"""A site moves from every topology to another one, forth and back, in every way to call.

The moves are read from the docs' page, on which each topology stands once on either side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings

from django_redis_core.testing.caller import WAYS, Caller
from django_redis_core.testing.clients import PATIENCE
from django_redis_core_mirror.client import MirrorClient
from django_redis_core_mirror.phases import Phase

from .conftest import Place
from .test_table import TOPOLOGIES, rows

BACKEND = "django_redis_core.cache.RedisCache"
MOVES = rows("a move from")
VALUES = {f"k{number}": {"number": number} for number in range(12)}


def test_each_topology_is_moved_from_and_to() -> None:
    for side in (0, 1):
        assert {row[side] for row in MOVES} == set(TOPOLOGIES)
    assert {row[2] for row in MOVES} == {"yes"}


def entry(place: Place, prefix: str, *clients: str, **options: Any) -> dict[str, Any]:
    names = [*clients] if place.alone else [*clients, "shard"]
    return {
        "BACKEND": BACKEND,
        "LOCATION": place.alone or place.sharded,
        "KEY_PREFIX": prefix,
        "OPTIONS": {**PATIENCE, **place.options, "CLIENT": names or "default", **options},
    }


class Move:
    """The caches of a move, and what waits until replicas have what their primaries have."""

    def __init__(self, places: tuple[Place, Place], loop: asyncio.AbstractEventLoop) -> None:
        self.places = places
        self.cache: Any = caches["default"]
        self.old: Any = caches["old"]
        self.new: Any = caches["new"]
        self._ways = cycle(Caller(self.cache, way, loop) for way in WAYS)

    def go(self, phase: Phase) -> Caller:
        """The next way to call, in ``phase``."""
        self.cache.built.run(self.cache.built.part(MirrorClient).move_to(phase, 0))
        self.settle()
        return next(self._ways)

    def settle(self) -> None:
        for place in self.places:
            place.settle()


@pytest.fixture(params=MOVES, ids=lambda row: f"{row[0]}-{row[1]}")
def move(request: pytest.FixtureRequest, cache_loop: asyncio.AbstractEventLoop) -> Iterator[Move]:
    old, new = [request.getfixturevalue(TOPOLOGIES[name]) for name in request.param[:2]]
    mirror = {"MIRROR_OF": "old", "MIRROR_AGE": 0.01}
    entries = {
        "default": entry(new, "moved", "mirror", **mirror),
        "old": entry(old, "before"),
        "new": entry(new, "moved"),
    }
    with override_settings(CACHES=entries):
        move = Move((old, new), cache_loop)
        move.new.clear()
        yield move
        move.old.clear()
        move.new.clear()


def test_a_move_there_and_back_and_there(move: Move) -> None:
    cache, old, new = move.cache, move.old, move.new
    old.set_many(VALUES, 600)
    old.set("n", 1, 600)
    old.hset("hash", "field", "value")
    lock = cache.lock("lock", timeout=600)
    assert lock.acquire(blocking=False)

    caller = move.go(Phase.BOTH)
    assert caller.get_many([*VALUES, "missing"]) == VALUES
    assert caller.incr("n") == 2
    assert caller.set("k0", "both", 600) is True
    assert caller.delete("k1") is True
    move.settle()
    assert (old.get("k0"), new.get("k0"), cache.get("k0")) == ("both", "both", "both")
    assert (old.get("k1"), cache.get("k1")) == (None, None)
    assert new.get("k2") == VALUES["k2"], "it was taken over"
    assert (old.get("n"), cache.get("n")) == (2, 2)

    caller = move.go(Phase.NEW)
    assert caller.incr("n") == 3
    move.settle()
    assert caller.get("n") == 3
    assert caller.hget("hash", "field") == "value"
    assert caller.add("once", 1, 600) is True
    assert not cache.lock("lock", timeout=600).acquire(blocking=False)
    move.settle()
    assert (new.get("n"), old.get("n")) == (3, None)

    caller = move.go(Phase.BOTH)
    assert caller.incr("n") == 4
    assert caller.hset("hash", "other", "value") == 1
    assert caller.add("once", 2) is False
    assert not cache.lock("lock", timeout=600).acquire(blocking=False)
    move.settle()
    assert (new.get("n"), old.get("n")) == (None, 4)

    caller = move.go(Phase.NEW)
    assert caller.incr("n") == 5
    assert len(caller.hgetall("hash")) == 2
    lock.release()
    cache.built.run(cache.built.part(MirrorClient).take_everything())

    move.go(Phase.ALONE)
    left = {key: value for key, value in VALUES.items() if key not in ("k0", "k1")}
    assert new.get_many(list(VALUES)) == {"k0": "both", **left}
    assert (new.get("n"), new.get("once")) == (5, 1)
    assert 0 < new.ttl("k5") <= 600
    assert new.hgetall("hash") == {"field": "value", "other": "value"}
    assert new.lock("lock", timeout=600).acquire(blocking=False)
