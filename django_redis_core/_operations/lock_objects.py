"""redis-py's locks, on the cache's own connections.

A lock so follows a failover, a moved slot and the breaker as every other operation does, and its
commands are never sent twice: a second ``SET NX`` would find the first one's token, and take the
lock that it has for somebody else's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis.asyncio.lock
import redis.lock

from ..commands import GET, SET, Argument, Command, Operation, Runner, Script


class LockClient:
    """The part of a redis-py client that its locks use."""

    def __init__(self, runner: Runner) -> None:
        self.run = runner.run

    def set(self, name: str, token: bytes, nx: bool, px: int | None) -> Any:
        return self.run(_single(SET(name, token, px, nx=nx)))

    def get(self, name: str) -> Any:
        return self.run(_single(GET(name).primary()))

    def get_encoder(self) -> LockClient:
        return self

    def encode(self, token: str | bytes) -> bytes:
        """A token that the caller of ``acquire`` brought."""
        return token.encode() if isinstance(token, str) else token


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


class Lock(redis.lock.Lock):
    """A ``redis.lock.Lock``."""

    lua_release: Any = _RELEASE
    lua_extend: Any = _EXTEND
    lua_reacquire: Any = _REACQUIRE


class AsyncLock(redis.asyncio.lock.Lock):
    """A ``redis.asyncio.lock.Lock``."""

    lua_release: Any = _RELEASE
    lua_extend: Any = _EXTEND
    lua_reacquire: Any = _REACQUIRE
