"""No reader is shown what was invalidated before it asked: in every order of every step.

The database is a number, which a process changes before it invalidates. A value that is stored is
the number that its process has read. Who begins to read after an invalidation has ended must be
shown nothing older.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from django_redis_core.cache import RedisCache

from .interleaving import Process, Steps, orders

STACKS: dict[str, dict[str, Any]] = {
    "alone": {"CLIENT": "tags"},
    "all": {
        "CLIENT": ["near", "tags", "herd"],
        "SERIALIZER": "msgpack",
        "COMPRESSOR": "zstd",
        "SEALER": "signed",
    },
}


class Stale(AssertionError):
    """A reader was shown what it must not see."""


class World:
    def __init__(self, cache: RedisCache) -> None:
        self.cache = cache
        self.steps = Steps(cache)
        self.raw = cache.raw_client()
        # The scripts for what was invalidated, which nobody may need in the run before the first.
        self.reset()
        cache.set("k", 0, tags=["a"])  # type: ignore[call-arg]
        cache.touch("k", 60, tags=["b"])  # type: ignore[call-arg]
        cache.invalidate_tags("a")  # type: ignore[attr-defined]
        for name in ("add", "get_or_set"):
            getattr(cache, name)("k", 0)
        with suppress(ValueError):
            cache.incr("missing")

    def reset(self) -> None:
        self.cache.clear()
        self.database = 0
        #: What the database held when the last invalidation ended that has ended.
        self.floor = 0

    def seen(self, value: Any, floor: int) -> None:
        if value is not None and value % 1000 < floor:
            raise Stale(f"{value} was invalidated: the database had {floor}")

    # Processes

    def change(self, *tags: str) -> Process:
        self.database += 1
        number = self.database
        yield
        yield from self.steps.invalidate_tags(*(tags or ("a",)))
        self.floor = max(self.floor, number)

    def lose(self, tag: str = "a") -> Process:
        """The server evicts the tag."""
        self.raw.delete(self.cache.make_key(f"tag:{tag}:generation"))
        return
        yield

    def get(self) -> Process:
        floor = self.floor
        self.seen((yield from self.steps.get("k")), floor)

    def get_many(self) -> Process:
        floor = self.floor
        found = yield from self.steps.get_many(["k", "other"])
        for value in found.values():
            self.seen(value, floor)

    def getdel(self) -> Process:
        floor = self.floor
        self.seen((yield from self.steps.getdel("k")), floor)

    def get_or_set(self) -> Process:
        floor = self.floor
        self.seen((yield from self.steps.get_or_set("k", lambda: self.database, tags=["a"])), floor)

    def take_turns(self) -> Process:
        floor = self.floor
        compute = self.steps.get_or_set("k", lambda: self.database, tags=["a"], lock=True)
        self.seen((yield from compute), floor)

    def store(self) -> Process:
        snapshot = yield from self.steps.snapshot_tags("a")
        value = self.database
        yield
        yield from self.steps.set("k", value, tags=snapshot)

    def add(self) -> Process:
        snapshot = yield from self.steps.snapshot_tags("a")
        value = self.database
        yield
        yield from self.steps.add("k", value, tags=snapshot)

    def store_many(self) -> Process:
        snapshot = yield from self.steps.snapshot_tags("a", "b")
        value = self.database
        yield
        yield from self.steps.set_many({"k": value, "other": value}, tags=snapshot)

    def count(self) -> Process:
        floor = self.floor
        with suppress(ValueError):  # it is not there
            self.seen((yield from self.steps.incr("k", 1000)), floor)

    def tag(self) -> Process:
        yield from self.steps.touch("k", 60, tags=["a", "b"])

    def move(self) -> Process:
        with suppress(ValueError):  # it is not there
            yield from self.steps.incr_version("k")

    def change_versions(self) -> Process:
        """Invalidates in the version that an entry may move from, and then in the other one."""
        self.database += 1
        number = self.database
        yield
        yield from self.steps.invalidate_tags("a")
        yield
        yield from self.steps.invalidate_tags("a", version=2)
        self.floor = max(self.floor, number)

    def without_snapshot(self) -> Process:
        value = self.database
        yield
        yield from self.steps.set("k", value, tags=["a"])


#: Who takes part, and whether the entry is there before.
SCENES: dict[str, tuple[Sequence[str], bool]] = {
    "get_or_set on a miss": (["get_or_set", "change", "get"], False),
    "get_or_set, an entry there": (["get_or_set", "change"], True),
    "two that compute": (["get_or_set", "get_or_set"], False),
    "one at a time": (["take_turns", "change"], True),
    "a slow set": (["store", "change", "get"], True),
    "add": (["add", "change"], True),
    "set_many": (["store_many", "change", "get_many"], False),
    "set_many, two changes": (["store_many", "change", "change_b"], True),
    "a tag is lost": (["get_or_set", "change", "lose"], False),
    "a tag is lost, a slow set": (["store", "change", "lose"], False),
    "a counter": (["count", "change"], True),
    "more tags": (["tag", "change"], True),
    "getdel": (["getdel", "store", "change"], True),
    "moved to another version": (["move", "change_versions"], True),
}


def play(world: World, who: Sequence[str], there: bool) -> int:
    def start() -> list[Process]:
        world.reset()
        if there:
            world.cache.set("k", 0, tags=["a"])  # type: ignore[call-arg]
        return [world.change("b") if name == "change_b" else getattr(world, name)() for name in who]

    for process in start():
        list(process)  # the server knows all scripts from here on, and each takes one step
    count = 0
    for order in orders(start):
        count += 1
        try:
            for version in (1, 2):
                world.seen(world.cache.get("k", version=version), world.floor)
        except Stale as error:
            raise Stale(f"{error}, in the order {order} of {who}") from None
    return count


@pytest.fixture(params=STACKS)
def world(request: pytest.FixtureRequest, make_cache: Callable[..., RedisCache]) -> World:
    return World(make_cache(STACKS[request.param], KEY_PREFIX="interleaved"))


@pytest.mark.parametrize("scene", SCENES)
def test_no_order_shows_what_was_invalidated(world: World, scene: str) -> None:
    who, there = SCENES[scene]
    assert play(world, who, there) > 5


def test_a_value_that_was_computed_before_its_tags_were_read_may_be_old(world: World) -> None:
    """What the documentation says of ``set`` with names; and that this test finds such faults."""
    with pytest.raises(Stale):
        play(world, ["without_snapshot", "change"], False)
