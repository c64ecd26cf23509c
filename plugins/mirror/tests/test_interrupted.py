"""Who is killed, cancelled or struck by a time limit in the midst of a write leaves nothing behind
for which somebody is shown, later, what was replaced."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import PATIENCE, wait_until
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server
from django_redis_core_mirror.marks import GUARD
from django_redis_core_mirror.phases import Phase

from .conftest import MakeCache, add, old_of
from .processes import Begin, Process

#: More commands than any of these operations sends.
MOST = 40


def a_minute_passes(process: Process) -> None:
    """Marks grow older by the time that a write may take."""
    new = process.cache.raw_client()
    for mark in new.scan_iter(f"{process.client.marks_prefix}*"):
        left = new.pttl(mark)
        new.delete(mark) if left <= GUARD else new.pexpire(mark, left - GUARD - 1)


class Watched:
    """What was executed of an operation until it ended."""

    def __init__(self, process: Process, begin: Begin, count: int) -> None:
        self.names: list[bytes] = []
        execute = process.execute

        def noted(request: Any) -> Any:
            self.names.append(getattr(request, "args", (request.kind.name,))[0])
            return execute(request)

        process.execute = noted
        try:
            steps = process.steps(begin(process), packets=True)
            self.ended = any(next(steps) is not None for _ in range(count))
        finally:
            process.execute = execute


WRITES: dict[str, Begin] = {
    "set": lambda who: who.client.set("k", 70, 600),
    "set-briefly": lambda who: who.client.set("k", 70, 30),
    "set_many": lambda who: who.client.set_many({"k": 70, "other": 1}, 600),
    "delete": lambda who: who.client.delete("k"),
    "delete-by-touch": lambda who: who.client.touch("k", 0),
    "delete_many": lambda who: who.client.delete_many(["k", "other"]),
}


@pytest.mark.parametrize("phase", [Phase.BOTH, Phase.NEW], ids=str)
@pytest.mark.parametrize("name", WRITES)
def test_who_dies_in_a_write_leaves_the_older_value_or_the_newer(
    pair: tuple[Process, Process], phase: Phase, name: str
) -> None:
    writer, reader = pair
    old, new = old_of(writer.cache), writer.cache.raw_client()
    (full,) = writer.client.full_names([("k", None)])
    for both in (False, True):
        for count in range(MOST):
            new.delete(full, writer.client.mark_key(full))
            old.set("k", 5, 600)
            if both:
                new.set(full, b"5", px=600_000)
            writer.go_by(phase)
            reader.go_by(phase)
            done = Watched(writer, WRITES[name], count)
            where = f"{name} in {phase.title}, {count} commands"
            expected = None if name.startswith("delete") else 70
            seen = reader.cache.get("k")
            assert seen in (5, expected), where
            a_minute_passes(writer)
            new.delete(full)  # evicted
            if seen == expected:
                assert reader.cache.get("k") in (expected, None), where
            if done.ended:
                break
        assert 1 < count < MOST - 1


@pytest.mark.parametrize(
    "give",
    [lambda who: who.client.getdel("k"), lambda who: who.client.getex("k", 0)],
    ids=["getdel", "getex"],
)
def test_what_is_given_once_is_given_once(pair: tuple[Process, Process], give: Begin) -> None:
    first, second = pair
    old, new = old_of(first.cache), first.cache.raw_client()
    (full,) = first.client.full_names([("k", None)])
    for count in range(MOST):
        new.delete(full, first.client.mark_key(full))
        old.set("k", "token", 600)
        first.go_by(Phase.NEW)
        second.go_by(Phase.NEW)
        done = Watched(first, give, count)
        a_minute_passes(first)
        if b"GETDEL" in done.names:
            assert second.cache.getdel("k") is None, f"{count} commands"
            assert second.cache.get("k") is None
        else:
            assert second.cache.getdel("k") == "token", f"{count} commands"
        if done.ended:
            break
    assert 3 < count < MOST - 1


def test_a_write_that_was_not_finished_is_counted_on(pair: tuple[Process, Process]) -> None:
    """When the process that died has been dead for longer than a write takes."""
    first, second = pair
    old, new = old_of(first.cache), first.cache.raw_client()
    (full,) = first.client.full_names([("k", None)])
    for count in range(MOST):
        new.delete(full, first.client.mark_key(full))
        old.set("k", 5, 600)
        first.go_by(Phase.BOTH)
        second.go_by(Phase.BOTH)
        done = Watched(first, WRITES["set"], count)
        seen = second.cache.get("k")
        a_minute_passes(first)
        assert second.cache.incr("k") == seen + 1, f"{count} commands"
        assert old.get("k") == seen + 1
        if done.ended:
            break
    assert 1 < count < MOST - 1


class TimeLimit(Exception):
    """As a worker's, which its signal handler raises."""


@contextmanager
def time_limit(when: Callable[[], object]) -> Iterator[None]:
    """Strikes a moment after ``when`` has become true."""

    def strike(number: int, frame: object) -> None:
        raise TimeLimit

    def wait() -> None:
        wait_until(when, "the new cache has it", timeout=30)
        time.sleep(0.05)
        signal.pthread_kill(here, signal.SIGALRM)

    here = threading.get_ident()
    before = signal.signal(signal.SIGALRM, strike)
    waiting = threading.Thread(target=wait)
    waiting.start()
    try:
        yield
    finally:
        waiting.join()
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def way(old_server: Server) -> Iterator[FaultProxy]:
    """To the old cache's server."""
    with FaultProxy(*old_server.address) as proxy:
        yield proxy


@pytest.fixture
def behind(make_cache: MakeCache, way: FaultProxy) -> RedisCache:
    """A mirror whose old cache is behind ``way``; nothing but a time limit ends its calls."""
    patience = dict.fromkeys(PATIENCE, 30)
    add("behind", {"LOCATION": way.url, "KEY_PREFIX": "behind", "OPTIONS": patience})
    return make_cache({"CLIENT": "mirror", "MIRROR_OF": "behind", "MIRROR_AGE": 60, **patience})


@pytest.mark.parametrize("phase", [Phase.BOTH, Phase.NEW], ids=str)
def test_a_time_limit_strikes_while_the_old_cache_hangs(
    behind: RedisCache, way: FaultProxy, phase: Phase
) -> None:
    cache: Any = behind
    old = old_of(cache)
    old.set_many({"set": "before", "deleted": "before", "left": "before"}, 600)
    assert cache.get("left") == "before"
    way.black_hole()
    new, client = cache.raw_client(), cache.built.client
    full, gone = client.full_names([("set", None), ("deleted", None)])
    with pytest.raises(TimeLimit), time_limit(lambda: new.exists(full)):
        cache.set("set", "after", 600)
    with (
        pytest.raises(TimeLimit),
        time_limit(lambda: new.exists(client.mark_key(gone))),
    ):
        cache.delete("deleted")
    assert cache.get("set") == "after"
    assert cache.get("left") == "before", "what the new cache has is read as always"
    way.heal()
    cache.raw_client().delete(cache.make_key("set"))  # evicted
    old.set_many({"set": "before", "deleted": "before"}, 600)  # neither write had reached it
    assert cache.get_many(["set", "deleted", "left"]) == {"left": "before"}


async def test_a_task_is_cancelled_while_the_old_cache_hangs(
    behind: RedisCache, way: FaultProxy
) -> None:
    cache: Any = behind
    await old_of(cache).aset("k", "before", 600)
    assert await cache.aget("k") == "before"
    way.black_hole()
    writing = asyncio.ensure_future(cache.aset("k", "after", 600))
    async with asyncio.timeout(30):
        while await cache.aget("k") != "after":
            pass
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await cache.aget("k") == "after"
    way.heal()
    assert await cache.aset("k", "again", 600) is True
    assert await old_of(cache).aget("k") == "again"
