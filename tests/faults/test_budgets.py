"""``budget``: all calls of a block together wait no longer; afterwards they answer as in an outage,
and nobody else notices."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import Any

import pytest
import redis.exceptions
from asgiref.sync import sync_to_async

from django_redis_core import _budgets, budget, signals
from django_redis_core.cache import RedisCache
from django_redis_core.commands import GET, PTTL
from django_redis_core.exceptions import BudgetSpent, ConnectionInterrupted, ServerTimeout
from django_redis_core.testing.busy import patiently, quickest
from django_redis_core.testing.clients import PATIENCE, wait_until
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

from .scripted import Answer, Scripted, bulk, echo

#: Seconds of a budget, and in which it ends a call: on a machine that is busy too, and sooner than
#: a SOCKET_TIMEOUT would.
BUDGET, SOON = 0.1, PATIENCE["SOCKET_TIMEOUT"] - 0.5

Do = Callable[..., Any]
MakeCache = Callable[..., RedisCache]


class Slow(Scripted):
    """Takes its time for each reply: until ``free`` is set."""

    def __init__(self) -> None:
        self.free = threading.Event()
        super().__init__(self.slowly)

    def slowly(self, args: list[bytes]) -> Answer:
        self.free.wait(30)
        return echo(args)


@pytest.fixture
def slow() -> Iterator[Slow]:
    with Slow() as server:
        yield server
        server.free.set()


@pytest.fixture
def nothing_opens() -> Iterator[None]:
    """A call that was cut short says nothing of the server."""
    opened: list[Any] = []

    def heard(sender: str, **details: Any) -> None:
        opened.append(sender)

    signals.circuit_opened.connect(heard)
    yield
    signals.circuit_opened.disconnect(heard)
    assert not opened


@pytest.fixture(params=["blocking", "asyncio"])
def do(request: pytest.FixtureRequest) -> Iterator[Do]:
    """A call's name and arguments, made by blocking code or on asyncio, in the budgets in force."""
    if request.param == "blocking":
        yield lambda cache, name, *args, **kwargs: getattr(cache, name)(*args, **kwargs)
        return
    with asyncio.Runner() as runner:

        async def call(cache: RedisCache, name: str, *args: Any, **kwargs: Any) -> Any:
            if name == "lock":
                return cache.lock(*args, **kwargs)
            answer = getattr(cache, f"a{name}")(*args, **kwargs)
            if hasattr(answer, "__aiter__"):
                return [item async for item in answer]
            return await answer

        def run(*args: Any, **kwargs: Any) -> Any:
            # A runner's tasks have the context that it was made in.
            return runner.run(call(*args, **kwargs), context=copy_context())

        yield run


@contextmanager
def soon() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < SOON


@pytest.mark.usefixtures("nothing_opens")
def test_a_page_waits_for_its_budget_and_not_for_each_read(
    do: Do, slow: Slow, cache_at: MakeCache
) -> None:
    cache = cache_at(slow.url, SERIALIZER="json")
    with soon(), budget(BUDGET) as mine:
        for n in range(10):
            with pytest.raises(BudgetSpent, match=r"the budget of 0\.1 s .* is spent"):
                do(cache, "get", f"k{n}")
        assert mine.left <= 0
    assert len(slow.commands) == 1, "the others are refused without any I/O"
    slow.free.set()
    assert do(cache, "get", "k") == "k"


@pytest.mark.usefixtures("nothing_opens")
def test_afterwards_calls_answer_as_in_an_outage(do: Do, slow: Slow, cache_at: MakeCache) -> None:
    cache = cache_at(slow.url, IGNORE_EXCEPTIONS=True)
    with soon(), budget(BUDGET):
        assert do(cache, "get", "k", "default") == "default"
        assert do(cache, "get_many", ["a", "b"]) == {}
        assert do(cache, "set", "k", 1) is False
        assert do(cache, "get_or_set", "k", 5) == 5
        assert list(do(cache, "iter_keys", "*")) == []


@pytest.mark.parametrize(
    ("name", "args"),
    [("get_many", (["a", "b"],)), ("set_many", ({"a": 1, "b": 2},)), ("iter_keys", ("*",))],
)
def test_every_way_to_the_server_is_cut_short(
    do: Do, slow: Slow, cache_at: MakeCache, name: str, args: Any
) -> None:
    cache = cache_at(slow.url)
    with soon(), budget(BUDGET), pytest.raises(BudgetSpent):
        list(do(cache, name, *args))


def test_a_pipeline_is_cut_short(slow: Slow, cache_at: MakeCache) -> None:
    pipeline = cache_at(slow.url).pipeline()
    pipeline.get("a")
    pipeline.get("b")
    with soon(), budget(BUDGET), pytest.raises(BudgetSpent):
        pipeline.execute()


@pytest.mark.usefixtures("nothing_opens")
def test_the_next_caller_has_its_own_reply(do: Do, slow: Slow, cache_at: MakeCache) -> None:
    cache = cache_at(slow.url, SERIALIZER="json")
    for n in range(2):
        with budget(0.05), pytest.raises(BudgetSpent):
            do(cache, "get", f"cut{n}")
        slow.free.set()
        assert do(cache, "get", f"own{n}") == f"own{n}"
        assert do(cache, "get_many", ["a", "b"]) == {"a": "a", "b": "b"}
        slow.free.clear()


def some_time() -> float:
    """Too little, or enough for a machine that is slow, as often as not."""
    return 10 ** random.uniform(-4, 0)  # type: ignore[no-any-return]


def test_nobody_has_anothers_reply_whenever_budgets_end(cache_at: MakeCache) -> None:
    with Scripted(lambda args: [(0.0005, echo(args))]) as server:
        cache = cache_at(server.url, SERIALIZER="json")
        cut: list[str] = []
        wrong: list[Any] = []

        def blocking(name: str) -> None:
            for n in range(60):
                key = f"{name}{n}"
                try:
                    with budget(some_time()):
                        value = cache.get(key) if n % 3 else cache.get_many([key])[key]
                except BudgetSpent:
                    cut.append(key)
                else:
                    wrong.extend([(key, value)] if value != key else [])

        async def task(name: str) -> None:
            for n in range(60):
                key = f"{name}{n}"
                try:
                    with budget(some_time()):
                        value = await (cache.aget(key) if n % 3 else cache.aget_many([key]))
                except BudgetSpent:
                    cut.append(key)
                else:
                    right = key if n % 3 else {key: key}
                    wrong.extend([(key, value)] if value != right else [])

        async def tasks() -> None:
            await asyncio.gather(*[task(f"t{n}-") for n in range(6)])

        threads = [threading.Thread(target=blocking, args=(f"b{n}-",)) for n in range(3)]
        for thread in threads:
            thread.start()
        asyncio.run(tasks())
        for thread in threads:
            thread.join()
    assert not wrong
    assert 20 < len(cut) < 520, "some end in time, and some do not"


async def test_a_shared_connection_goes_on_when_one_tasks_budget_ends(
    slow: Slow, cache_at: MakeCache
) -> None:
    cache = cache_at(slow.url, SERIALIZER="json")
    slow.free.set()
    assert await cache.aget("first") == "first"
    slow.free.clear()

    async def hurried() -> None:
        try:
            with budget(BUDGET):
                await cache.aget("hurried")
        finally:
            slow.free.set()

    cut, *others = await asyncio.gather(
        hurried(), cache.aget("a"), cache.aget("b"), return_exceptions=True
    )
    assert isinstance(cut, BudgetSpent)
    assert others == ["a", "b"]
    assert len(slow.connections) == 1


async def test_who_is_cancelled_within_a_budget_is_cancelled(
    slow: Slow, cache_at: MakeCache
) -> None:
    cache = cache_at(slow.url, SERIALIZER="json")

    async def patient() -> Any:
        with budget(30):
            return await cache.aget("k")

    task = asyncio.create_task(patient())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await patient()
    slow.free.set()
    assert await cache.aget("other") == "other"


async def test_a_reply_that_came_while_the_loop_was_held_up_is_given(
    server: Server, cache_at: MakeCache
) -> None:
    cache = cache_at(server.url)
    await cache.aset("k", "v")

    async def read() -> Any:
        with budget(BUDGET):
            return await cache.aget("k")

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    time.sleep(2 * BUDGET)  # noqa: ASYNC251  # that is the fault
    wait_until(lambda: "cmdstat_get" in server.info("commandstats"), "it was answered")
    assert await reading == "v"


def test_only_waiting_counts(do: Do, server: Server, cache_at: MakeCache) -> None:
    cache = cache_at(server.url)
    do(cache, "set", "k", "v")

    def counted() -> float:
        with budget(30) as mine:
            for _ in range(3):
                assert do(cache, "get", "k") == "v"
                time.sleep(0.1)
        return 30 - mine.left

    assert quickest(counted, below=0.1) < 0.1


async def test_waits_side_by_side_count_once(cache_at: MakeCache) -> None:
    with Scripted(lambda args: [(0.2, echo(args))]) as server:
        cache = cache_at(server.url, SERIALIZER="json", ASYNC_CONNECTIONS=10)
        counted = []
        for _ in range(6):  # on a machine that is busy, once is nothing
            with budget(30) as mine:
                found = await asyncio.gather(*[cache.aget(f"k{n}") for n in range(10)])
            assert found == [f"k{n}" for n in range(10)]
            counted.append(30 - mine.left)
            if counted[-1] < 1.8:
                break
        assert 0.1 < min(counted) < 1.8  # one after the other they are 2


def test_of_budgets_within_each_other_the_smaller_one_holds(
    do: Do, slow: Slow, cache_at: MakeCache
) -> None:
    cache = cache_at(slow.url, SERIALIZER="json")
    with budget(0.5) as outer:
        with soon(), budget(0.05), pytest.raises(BudgetSpent, match=r"0\.05 s"):
            do(cache, "get", "k")
        assert outer.left < 0.46, "what the inner one waited is the outer one's too"
        with soon(), budget(10), pytest.raises(BudgetSpent, match=r"0\.5 s"):
            do(cache, "get", "k")
    slow.free.set()
    assert do(cache, "get", "k") == "k"


@pytest.mark.usefixtures("nothing_opens")
def test_waiting_for_a_lock_is_a_part_of_it(do: Do, server: Server, cache_at: MakeCache) -> None:
    cache = cache_at(server.url)
    other = cache.lock("lock", timeout=60)
    assert other.acquire()
    lock = do(cache, "lock", "lock", sleep=0.02)
    with soon(), budget(BUDGET), pytest.raises(BudgetSpent):
        lock.acquire()
    with budget(30):
        assert lock.acquire(blocking=False) is False
        assert lock.acquire(blocking_timeout=0.03) is False
        other.release()
        assert lock.acquire()
        lock.release()


async def test_waiting_for_a_lock_of_asyncios_is_a_part_of_it(
    server: Server, cache_at: MakeCache
) -> None:
    cache = cache_at(server.url)
    assert await cache.alock("lock", timeout=60).acquire()
    lock = cache.alock("lock", sleep=0.02)
    with soon(), budget(BUDGET), pytest.raises(BudgetSpent):
        await lock.acquire()


@pytest.mark.usefixtures("nothing_opens")
@pytest.mark.parametrize("how", ["stall_connects", "black_hole"])
def test_connecting_is_a_part_of_it(
    do: Do, proxy: FaultProxy, cache_at: MakeCache, how: str
) -> None:
    cache = cache_at(proxy.url)
    getattr(proxy, how)()
    with soon(), budget(BUDGET), pytest.raises(BudgetSpent):
        do(cache, "get", "k")
    proxy.heal()
    with suppress(ConnectionInterrupted):  # asyncio's connection, which others may have waited for
        do(cache, "get", "k")
    assert do(cache, "set", "k", 1)
    assert do(cache, "get", "k") == 1


def test_a_new_connection_has_the_settings_times_again(
    proxy: FaultProxy, cache_at: MakeCache
) -> None:
    """The connection was made in a hurry; who has it next is in none."""
    cache = cache_at(proxy.url)

    def in_a_hurry() -> None:
        with budget(0.2):
            cache.set("k", "v")

    patiently(in_a_hurry)
    proxy.latency(0.25)
    assert cache.get("k") == "v"
    assert proxy.connections == 1


def test_waiting_for_a_connection_is_a_part_of_it(slow: Slow, cache_at: MakeCache) -> None:
    cache = cache_at(slow.url, CONNECTION_POOL_KWARGS={"max_connections": 1}, SERIALIZER="json")
    other = threading.Thread(target=cache.get, args=("other",))
    other.start()
    wait_until(lambda: slow.commands, "it has the connection")
    with soon(), budget(BUDGET), pytest.raises(BudgetSpent):
        cache.get("k")
    slow.free.set()
    other.join()
    assert cache.get("k") == "k"


@pytest.mark.usefixtures("nothing_opens")
def test_a_second_try_is_a_part_of_it(server: Server, cache_at: MakeCache) -> None:
    """An idle connection breaks under the command, and the server takes no new one."""
    with FaultProxy(server.host, server.port) as proxy:
        cache = cache_at(proxy.url)
        cache.set("k", "v")
        proxy.drop_replies(1)
        proxy.stall_connects()
        with soon(), budget(BUDGET), pytest.raises(ConnectionInterrupted):
            cache.get("k")


@pytest.mark.parametrize("options", [{"CLIENT": "shard"}, {"CONNECTION_FACTORY": "cluster"}])
def test_several_servers_and_finding_them_are_a_part_of_it(
    do: Do, cache_at: MakeCache, options: Any
) -> None:
    silent = [Scripted(lambda args: b"") for _ in range(3)]
    cache = cache_at([server.url for server in silent], **options)
    with soon(), budget(BUDGET):
        with pytest.raises(BudgetSpent):
            do(cache, "get_many", [f"k{n}" for n in range(40)])
        with pytest.raises(BudgetSpent):
            do(cache, "get", "k")
    for server in silent:
        server.__exit__()


def test_a_shard_that_answers_is_heard_though_another_one_is_silent(cache_at: MakeCache) -> None:
    with Scripted(lambda args: b"") as silent, Scripted(echo) as well:
        cache = cache_at(
            [silent.url, well.url], CLIENT="shard", SERIALIZER="json", IGNORE_EXCEPTIONS=True
        )
        for _ in range(6):  # on a machine that is busy, once is nothing
            with budget(BUDGET):
                found = cache.get_many([f"k{n}" for n in range(40)])
            if found:
                break
    assert 5 < len(found) < 35


def test_a_measurement_that_was_cut_short_is_not_believed(do: Do, cache_at: MakeCache) -> None:
    def pong(args: list[bytes]) -> Answer:
        return [(0.15, b"+PONG\r\n" if args[0] == b"PING" else bulk(b"1"))]

    with Scripted(pong) as first, Scripted(pong) as second:
        cache = cache_at([first.url, second.url], READ_FROM="nearest")
        with budget(0.2), pytest.raises(BudgetSpent):
            do(cache, "get", "k")
        assert not cache._engine.topology.ready
        assert do(cache, "get", "k") == 1


def test_copies_near_the_process_are_answered_all_the_same(
    do: Do, server: Server, cache_at: MakeCache
) -> None:
    cache = cache_at(server.url, CLIENT="near")
    cache.set("k", "v")
    deadline = time.monotonic() + 30
    with budget(0.0):
        while time.monotonic() < deadline:
            try:
                assert do(cache, "get", "k") == "v"
                return
            except BudgetSpent:
                with budget_ended():
                    do(cache, "get", "k")
    raise AssertionError("there was never a copy")


@contextmanager
def budget_ended() -> Iterator[None]:
    """A block in which no budget is in force."""
    token = _budgets._current.set(())
    yield
    _budgets._current.reset(token)


async def test_threads_of_a_coroutine_share_it(slow: Slow, cache_at: MakeCache) -> None:
    cache = cache_at(slow.url)
    with soon(), budget(BUDGET):
        with pytest.raises(BudgetSpent):
            await sync_to_async(cache.get)("k")
        with pytest.raises(BudgetSpent):
            await cache.aget("k")
        with pytest.raises(BudgetSpent):
            await asyncio.create_task(cache.aget("k"))


def test_one_that_an_interrupt_dropped_is_not_in_force(slow: Slow, cache_at: MakeCache) -> None:
    """A time limit strikes when a budget has begun, before its block has."""
    cache = cache_at(slow.url, SERIALIZER="json")
    slow.free.set()
    budget(0.01).__enter__()
    assert cache.get("k") == "k"


def test_a_client_of_the_callers_own_is_asked_no_more(slow: Slow, cache_at: MakeCache) -> None:
    cache = cache_at(slow.url, SERIALIZER="json")
    client = cache.raw_client()

    def late() -> None:
        wait_until(lambda: slow.commands, "it was asked")
        time.sleep(2 * BUDGET)
        slow.free.set()

    with budget(BUDGET):
        threading.Thread(target=late).start()
        cache.get("k", client=client)  # redis-py waits as long as its own timeouts say
        with soon(), pytest.raises(BudgetSpent):
            cache.get("k", client=client)
    client.close()


@pytest.mark.parametrize("seconds", ["1", None, True, float("nan")])
def test_what_is_no_number_of_seconds_is_refused(seconds: Any) -> None:
    with pytest.raises(TypeError, match=r"write the seconds .* such as budget\(0\.2\)"):
        budget(seconds)


def test_one_budget_is_one_blocks(slow: Slow) -> None:
    mine = budget(1)
    with mine, pytest.raises(RuntimeError, match="make another one"):
        mine.__enter__()


def test_it_is_a_timeout_of_redis_pys_too() -> None:
    assert issubclass(BudgetSpent, ServerTimeout)
    assert issubclass(BudgetSpent, redis.exceptions.TimeoutError)


@pytest.mark.usefixtures("nothing_opens")
def test_commands_that_go_together_have_the_budget_too(slow: Slow, cache_at: MakeCache) -> None:
    execute = cache_at(slow.url)._driver.execute
    with soon(), budget(BUDGET):
        assert [type(each) for each in execute([GET("a"), PTTL("a")])] == [BudgetSpent] * 2
        assert [type(each) for each in execute([GET("b"), PTTL("b")])] == [BudgetSpent] * 2
    assert b"b" not in [command[1] for command in slow.commands]
