"""``IGNORE_EXCEPTIONS_FOR``: which operations that fail closed answer all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_redis_core import signals
from django_redis_core.cache import RedisCache
from django_redis_core.commands import INCRBY, Operation
from django_redis_core.exceptions import ConnectionInterrupted, WrongTypeError
from django_redis_core.interfaces import OPERATIONS, Client, always, operation
from django_redis_core.testing.caller import WAYS, Caller
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.processes import free_port

RAISES = "raises"

#: A call of each operation that fails closed, and what it answers when it is named.
CALLS: dict[str, tuple[tuple[Any, ...], Any]] = {
    "add": (("k", 1), False),
    "incr": (("k",), None),
    "decr": (("k", 2), None),
    "incr_version": (("k",), None),
    "decr_version": (("k",), None),
    "hincrby": (("k", "f"), None),
    "zincrby": (("k", 1, "a"), None),
}


class Counting(Client):
    name = "counting"

    @operation(fallback=None, if_named=always(int))
    def visit(self, key: Any) -> Operation[int]:
        """Counts a visit."""
        return int((yield INCRBY(self.naming.make(key), 1)))

    @operation(fallback=None)
    def enter(self, key: Any) -> Operation[int]:
        """Counts an entrance."""
        return int((yield INCRBY(self.naming.make(key), 1)))


class Answering(Caller):
    """The pipeline's company (a get whose default is a sentinel) is of no use without a server."""

    def _queue(self, name: str, args: Any, kwargs: Any) -> Any:
        queue = self.cache.apipeline() if self.asynchronous else self.cache.pipeline()
        result = getattr(queue, name)(*args, **kwargs)
        self.wait(queue.execute, raise_on_error=False)
        return result.value


@pytest.fixture
def down(make_cache: MakeCache) -> Callable[..., RedisCache]:
    """A cache whose server is away."""
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    return lambda **options: make_cache(options, LOCATION=nowhere)


def answers(caller: Caller) -> dict[str, Any]:
    found = {}
    for name, (args, _) in CALLS.items():
        try:
            found[name] = caller.run(name, *args)
        except ConnectionInterrupted:
            found[name] = RAISES
    return found


def test_no_operation_is_forgotten() -> None:
    closed = {
        name
        for name, declaration in OPERATIONS.items()
        if declaration.fallback is None and not declaration.immediate
    }
    assert set(CALLS) == closed


@pytest.mark.parametrize("way", WAYS)
def test_all_or_those_that_are_named_answer(
    down: Callable[..., RedisCache], cache_loop: asyncio.AbstractEventLoop, way: str
) -> None:
    def of(**options: Any) -> dict[str, Any]:
        return answers(Answering(down(**options), way, cache_loop))

    nothing = dict.fromkeys(CALLS, RAISES)
    every = {name: answer for name, (_, answer) in CALLS.items()}
    assert of(IGNORE_EXCEPTIONS=True) == nothing
    assert of(IGNORE_EXCEPTIONS=True, IGNORE_EXCEPTIONS_FOR=[]) == nothing
    assert of(IGNORE_EXCEPTIONS_FOR="all") == nothing
    assert of(IGNORE_EXCEPTIONS=True, IGNORE_EXCEPTIONS_FOR="all") == every
    some = of(IGNORE_EXCEPTIONS=True, IGNORE_EXCEPTIONS_FOR=["add", "incr", "get"])
    assert some == {**nothing, "add": False, "incr": None}


def test_the_global_setting_is_read(down: Callable[..., RedisCache]) -> None:
    with override_settings(DJANGO_REDIS_IGNORE_EXCEPTIONS_FOR=("incr",)):
        assert down(IGNORE_EXCEPTIONS=True).incr("k") is None


def test_it_is_told_like_all_that_is_ignored(down: Callable[..., RedisCache]) -> None:
    told: list[str] = []

    def listen(operation: str, **kwargs: Any) -> None:
        told.append(operation)

    signals.exception_ignored.connect(listen)
    try:
        down(IGNORE_EXCEPTIONS=True, IGNORE_EXCEPTIONS_FOR="all").incr("k")
    finally:
        signals.exception_ignored.disconnect(listen)
    assert told == ["incr"]


def test_a_mistake_is_raised_and_a_lock_is_not_got(
    make_cache: MakeCache, down: Callable[..., RedisCache]
) -> None:
    ignoring = {"IGNORE_EXCEPTIONS": True, "IGNORE_EXCEPTIONS_FOR": "all"}
    cache = make_cache(ignoring)
    cache.rpush("list", 1)
    with pytest.raises(WrongTypeError):
        cache.incr("list")
    with pytest.raises(ConnectionInterrupted):
        down(**ignoring).lock("key").acquire()


def test_operations_of_plugins_are_named_too(down: Callable[..., RedisCache]) -> None:
    clients: dict[str, Any] = {"CLIENT": [Counting, "default"], "IGNORE_EXCEPTIONS": True}
    cache: Any = down(**clients)
    for refused in (cache.visit, cache.enter):
        with pytest.raises(ConnectionInterrupted):
            refused("k")
    cache = down(**clients, IGNORE_EXCEPTIONS_FOR=["visit", "enter"])
    assert (cache.visit("k"), cache.enter("k")) == (0, None)
    with cache.pipeline() as queue:
        visited = queue.visit("k")
    assert visited.value == 0


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (["incrr"], "names 'incrr', which is no operation of this cache. Did you mean 'incr'?"),
        (["aincr"], "Did you mean 'incr'?"),
        (["visit"], "names 'visit', which is no operation of this cache. Those that fail closed,"),
        (["lock"], "names 'lock', which asks no server: what it returns raises"),
        ("incr", "IGNORE_EXCEPTIONS_FOR must be 'all' or a list of names, not 'incr'."),
        (True, "must be 'all' or a list of names, not True."),
    ],
)
def test_bad_names_are_refused_with_what_there_is(
    down: Callable[..., RedisCache], named: Any, words: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        down(IGNORE_EXCEPTIONS=True, IGNORE_EXCEPTIONS_FOR=named)
    assert words in str(refused.value)
    assert str(refused.value).startswith("CACHES['?']: IGNORE_EXCEPTIONS_FOR ")
    if isinstance(named, list):
        closed = "add, decr, decr_version, hincrby, incr, incr_version, zincrby."
        assert str(refused.value).endswith(f"may be named, are {closed}")
