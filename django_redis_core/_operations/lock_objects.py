"""redis-py's locks, on the cache's own connections.

A lock so follows a failover, a moved slot and the breaker as every other operation does, and its
commands are never sent twice: a second ``SET NX`` would find the first one's token, and take the
lock that it has for somebody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import redis.asyncio.lock
import redis.lock

from .._budgets import Waiting, waiting
from .._codec.timeouts import MAX_MILLISECONDS
from ..commands import GET, SET, Argument, Command, Operation, Runner, Script
from .arguments import seconds


class LockClient:
    """The part of a redis-py client that its locks use."""

    def __init__(self, runner: Runner, key: Any) -> None:
        self.run = runner.run
        self._tell = runner.tell
        self._key = key

    def tell(self, name: str, function: Callable[[], Any]) -> Any:
        """Calls a lock's method, or awaits it, and tells of it; where somebody looks."""
        assert self._tell is not None
        return self._tell(f"lock.{name}", {"key": self._key}, function)

    def set(self, name: str, token: bytes, nx: bool, px: int | None) -> Any:
        return self.run(_single(SET(name, token, px, nx=nx)))

    def get(self, name: str) -> Any:
        return self.run(_single(GET(name).primary()))

    def get_encoder(self) -> LockClient:
        return self

    def encode(self, token: str | bytes) -> bytes:
        """A token that the caller of ``acquire`` brought."""
        if isinstance(token, bytes):
            return token
        if isinstance(token, str):
            return token.encode()
        raise TypeError(f"lock.acquire: token must be a str or bytes, not {token!r}.")


class _LockScript:
    """A script of redis-py's, which gives it the client to run on."""

    def __init__(self, source: str) -> None:
        self._script = Script(source)

    def __call__(self, keys: Sequence[str], args: Sequence[Argument], client: LockClient) -> Any:
        return client.run(self._script(keys, *args))


def _single(command: Command) -> Operation[Any]:
    return (yield command)


# redis-py registers these on the class with the first client that makes a lock; ours are there.
_RELEASE = _LockScript(redis.lock.Lock.LUA_RELEASE_SCRIPT)
_EXTEND = _LockScript(redis.lock.Lock.LUA_EXTEND_SCRIPT)
_REACQUIRE = _LockScript(redis.lock.Lock.LUA_REACQUIRE_SCRIPT)


def time_to_live(operation: str, given: Any) -> float:
    """A lock's ``timeout``: of 0 redis-py makes "for ever", and a server refuses less than that."""
    timeout = seconds(operation, "timeout", given)
    if timeout and not 1 <= timeout * 1000 <= MAX_MILLISECONDS:
        raise ValueError(
            f"{operation}: timeout must be None, or a number of seconds from 0.001 on that Redis "
            f"can keep, not {timeout!r}."
        )
    return timeout


def pause(operation: str, given: Any) -> float:
    """``sleep``: how long to wait between two looks at a lock that another one has."""
    sleep = seconds(operation, "sleep", given)
    if sleep < 0:
        raise ValueError(f"{operation}: sleep must be 0 seconds or more, not {sleep!r}.")
    return sleep


def _checked_wait(blocking_timeout: Any) -> float | None:
    if blocking_timeout is None:
        return None
    return seconds("lock.acquire", "blocking_timeout", blocking_timeout)


class Lock(redis.lock.Lock):
    """A ``redis.lock.Lock``. Where a budget is in force, waiting for it is a part of that."""

    lua_release: Any = _RELEASE
    lua_extend: Any = _EXTEND
    lua_reacquire: Any = _REACQUIRE

    def acquire(
        self,
        sleep: Any = None,
        blocking: bool | None = None,
        blocking_timeout: Any = None,
        token: Any = None,
    ) -> bool:
        if sleep is not None:
            sleep = pause("lock.acquire", sleep)
        blocking_timeout = _checked_wait(blocking_timeout)
        wait = waiting()
        if wait is None:
            return super().acquire(sleep, blocking, blocking_timeout, token)  # type: ignore[no-any-return]
        with wait:
            allowed, cut = _allowed(self, wait, blocking_timeout)
            taken: bool = super().acquire(sleep, blocking, allowed, token)
            return taken or _in_vain(self, wait, blocking, cut)

    def extend(self, additional_time: Any, replace_ttl: bool = False) -> Any:
        return super().extend(_checked_time(additional_time), replace_ttl)


class AsyncLock(redis.asyncio.lock.Lock):
    """A ``redis.asyncio.lock.Lock``. Where a budget is in force, waiting for it is a part of
    that."""

    lua_release: Any = _RELEASE
    lua_extend: Any = _EXTEND
    lua_reacquire: Any = _REACQUIRE

    async def acquire(
        self, blocking: bool | None = None, blocking_timeout: Any = None, token: Any = None
    ) -> bool:
        blocking_timeout = _checked_wait(blocking_timeout)
        wait = waiting()
        if wait is None:
            return await super().acquire(blocking, blocking_timeout, token)  # type: ignore[no-any-return]
        with wait:
            allowed, cut = _allowed(self, wait, blocking_timeout)
            taken: bool = await super().acquire(blocking, allowed, token)
            return taken or _in_vain(self, wait, blocking, cut)

    async def extend(self, additional_time: Any, replace_ttl: bool = False) -> Any:
        return await super().extend(_checked_time(additional_time), replace_ttl)


def _checked_time(additional_time: Any) -> float:
    return seconds("lock.extend", "additional_time", additional_time)


def _allowed(lock: Any, wait: Waiting, asked: float | None) -> tuple[float, bool]:
    """For how long a lock may be waited for, and whether that is less than its caller allows."""
    if asked is None:
        asked = lock.blocking_timeout
    left = max(0.0, wait.left)
    return (left, True) if asked is None or left < asked else (asked, False)


def _in_vain(lock: Any, wait: Waiting, blocking: bool | None, cut: bool) -> bool:
    """What a lock that somebody else has answers: False, but not for want of the caller's time."""
    if cut and (lock.blocking if blocking is None else blocking):
        raise wait.spent(f"lock {lock.name!r}")
    return False
