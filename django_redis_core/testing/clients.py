"""Clients that show a fault instead of mending it, and waiting for what a server becomes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .processes import ServerError

__all__ = ["PATIENCE", "client", "wait_until"]

#: OPTIONS of a cache on a healthy server, in seconds: what is promised of it must not fail on a
#: machine that is busy.
PATIENCE = {"SOCKET_TIMEOUT": 5, "SOCKET_CONNECT_TIMEOUT": 5}


def wait_until(
    condition: Callable[[], object], what: str, *, timeout: float = 30.0, every: float = 0.005
) -> None:
    """Call ``condition`` every few milliseconds until it is true.

    A refused connection, an error reply (LOADING, CLUSTERDOWN) and servers that disagree are "not
    yet". After ``timeout`` seconds: :class:`.processes.ServerError`.
    """
    deadline = time.monotonic() + timeout
    trouble: Exception | None = None
    while True:
        try:
            if condition():
                return
            trouble = None
        except (redis.RedisError, ServerError) as error:
            trouble = error
        if time.monotonic() > deadline:
            raise ServerError(f"after {timeout} s still not so: {what}") from trouble
        time.sleep(every)


def client(**options: Any) -> redis.Redis:
    """A redis-py client that tries a command once, and gives up after 5 s, unless told otherwise.

    redis-py's own default sends a command again when its reply is lost: a test would not see the
    fault that it made. RESP 2 is fixed because redis-py 8 otherwise negotiates, which is one more
    thing between a test and its bytes.
    """
    defaults: dict[str, Any] = {
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": 5.0,
        "socket_connect_timeout": 5.0,
    }
    return redis.Redis(**(defaults | options))
