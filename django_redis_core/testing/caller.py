"""Running a cache operation in each of the four ways that there are.

A test of the operation suite is written once, against a ``Caller``, and reads like blocking code:
``cache.set("k", 1)`` is that, ``await cache.aset("k", 1)``, or a pipeline's, as the test's way has
it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from inspect import isawaitable
from typing import Any

import pytest

from ..cache import RedisCache
from ..interfaces import OPERATIONS

__all__ = ["WAYS", "Caller", "LimitShown", "chosen_ways", "limited", "new_loop"]

#: Blocking calls, native async, a pipeline, an asyncio pipeline.
WAYS = ("blocking", "async", "pipeline", "async-pipeline")


def chosen_ways() -> tuple[str, ...]:
    """The ways in which the operation suite runs: all, or those that ``DRC_TEST_WAYS`` in the
    environment names, with commas between them.

    ``blocking,async-pipeline`` is half of the tests, and both sides of each difference. It is meant
    for the second environment of a project and those after it, such as that of its oldest
    libraries. Raises ValueError for what is no way.
    """
    written = os.environ.get("DRC_TEST_WAYS")
    if not written:
        return WAYS
    ways = tuple(dict.fromkeys(word.strip() for word in written.split(",")))
    unknown = [way for way in ways if way not in WAYS]
    if unknown:
        raise ValueError(
            f"DRC_TEST_WAYS={written!r} names {unknown}: write some of {', '.join(WAYS)}, with "
            "commas between them"
        )
    return ways


class LimitShown(Exception):
    """An operation failed as the plugin's documentation says, so the test has nothing more to see.

    ``testing.fixtures`` counts a test that ends with it as passed.
    """


@contextmanager
def limited(name: str, words: str) -> Iterator[None]:
    """Asserts that what is done ends with an error that has ``words`` in it, as ``limits`` states
    of the operation or test ``name``."""
    __tracebackhide__ = True
    stated = f"`limits` states that {name} fails with the words {words!r}"
    try:
        yield
    except Exception as error:
        if words not in str(error):
            raise AssertionError(f"{stated}, and it fails with {error!r}") from error
    else:
        pytest.fail(f"{stated}, and it does not fail: take it out of `limits`")


class Caller:
    """A cache whose operations all run in one way; each is a method that returns its result.

    ``limits`` maps operations that the cache does not offer to words of the error that they raise.
    """

    def __init__(
        self,
        cache: RedisCache,
        way: str,
        loop: asyncio.AbstractEventLoop,
        limits: Mapping[str, str] | None = None,
    ) -> None:
        self.cache = cache
        self.way = way
        self.loop = loop
        self.limits = limits or {}

    @property
    def asynchronous(self) -> bool:
        """Whether operations run on ``loop``."""
        return self.way.startswith("async")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in OPERATIONS:
            raise AttributeError(f"There is no operation {name!r}.")
        return partial(self.run, name)

    def run(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Runs an operation and returns its result, a stream's as a list."""
        words = self.limits.get(name)
        if words is None:
            return self._run(name, args, kwargs)
        with limited(name, words):
            self._run(name, args, kwargs)
        raise LimitShown(name)

    def _run(self, name: str, args: Any, kwargs: Any) -> Any:
        if "pipeline" in self.way:
            return self._queue(name, args, kwargs)
        method = getattr(self.cache, f"a{name}" if self.asynchronous else name)
        return self.wait(method, *args, **kwargs)

    def _queue(self, name: str, args: Any, kwargs: Any) -> Any:
        # In company: its commands share their round trips with those of others.
        queue = self.cache.apipeline() if self.asynchronous else self.cache.pipeline()
        before = queue.get("nobodys-key", "before")
        result = getattr(queue, name)(*args, **kwargs)
        after = queue.get_many(["nobodys-key"])
        self.wait(queue.execute, raise_on_error=False)
        assert (before.value, after.value) == ("before", {}), "a reply went to a neighbour"
        return result.value

    def wait(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Calls ``function``, in asynchronous ways on the event loop, and waits for its result."""
        if self.asynchronous:
            return self.loop.run_until_complete(finished(function, args, kwargs))
        result = function(*args, **kwargs)
        return list(result) if isinstance(result, Iterator) else result

    def on(self, cache: RedisCache) -> Caller:
        """Another cache, called in the same way."""
        return type(self)(cache, self.way, self.loop, self.limits)

    @contextmanager
    def elsewhere(self) -> Iterator[Caller]:
        """The same cache for another thread, with an event loop of its own."""
        with new_loop() as loop:
            yield type(self)(self.cache, self.way, loop, self.limits)

    def raw(self, key: Any) -> tuple[Any, str]:
        """A blocking redis-py client for the server where ``key`` lives, and the stored key."""
        return self.cache.raw_client(key=key), self.cache.make_key(key)


async def finished(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """What an asynchronous call gives, a stream's as a list."""
    result = function(*args, **kwargs)
    if isawaitable(result):
        result = await result
    if isinstance(result, AsyncIterator):
        return [item async for item in result]
    return result


@contextmanager
def new_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that is nobody's current one, and is closed as ``asyncio.run`` closes its."""
    loop = asyncio.new_event_loop()
    try:
        yield loop
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
