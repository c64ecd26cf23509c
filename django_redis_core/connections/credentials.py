"""Credential providers: code of the site's that says what a connection authenticates with.

A provider asks others (a vault, a cloud's token endpoint), and where these are down no connection
can be made: that is trouble with the server, and told as such. One that streams also says when
there is another token. Connections that exist then authenticate with it before the server ends
them with the old one: blocking ones before they are used next, those of asyncio at once.

redis-py's providers know one listener, the last one who asked. So all of redis-py that a cache
makes is given what is here in the provider's place, and shares that listener.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import threading
import weakref
from collections.abc import Callable, Generator
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from redis.credentials import CredentialProvider, StreamingCredentialProvider
from redis.exceptions import ConnectionError as RedisConnectionError

from .._interrupts import struck
from ..commands import Argument
from . import holders
from .background import in_background

logger = logging.getLogger(__name__)


class Credentials(CredentialProvider):
    """A site's provider, as redis-py is given it."""

    def __init__(self, provider: Any) -> None:
        self.provider = provider
        self._name = type(provider).__qualname__
        own = getattr(type(provider), "get_credentials_async", None)
        self._is_async = own not in (None, CredentialProvider.get_credentials_async)

    def get_credentials(self) -> tuple[Any, ...]:
        """Raises redis-py's ConnectionError when the provider fails."""
        try:
            return self._read(self.provider.get_credentials())
        except Exception as error:
            if struck(error):
                raise
            raise self._failure(error) from error

    async def get_credentials_async(self) -> tuple[Any, ...]:
        """The same for asyncio. A provider that only knows how to wait does so in a thread."""
        try:
            if self._is_async:
                return self._read(await self.provider.get_credentials_async())
            return self._read(await asyncio.to_thread(self.provider.get_credentials))
        except Exception as error:
            if struck(error):
                raise
            raise self._failure(error) from error

    def _read(self, given: Any) -> tuple[Any, ...]:
        if isinstance(given, tuple | list) and len(given) in (1, 2):
            return tuple(given)
        raise TypeError("it gives neither (password,) nor (user, password)")

    def _failure(self, error: Exception) -> RedisConnectionError:
        return RedisConnectionError(
            f"the credential provider {self._name} failed: {type(error).__name__}: {error}"
        )


class _Done:
    """What a listener returns: one provider awaits it, another one does not."""

    def __await__(self) -> Generator[None, None, None]:
        return
        yield


class Streamed(Credentials, StreamingCredentialProvider):
    """A provider that streams. ``issue`` counts its tokens, ``auth`` is the command for the last.

    ``on_next`` adds a listener, for redis-py's own pools and clients.
    """

    def __init__(self, provider: Any) -> None:
        super().__init__(provider)
        self.issue = 0
        self.auth: tuple[Argument, ...] = ()
        self._listeners: list[tuple[Callable[[], Any], asyncio.AbstractEventLoop | None]] = []
        provider.on_next(self._renewed)
        provider.on_error(self._not_renewed)

    def is_streaming(self) -> bool:
        return bool(self.provider.is_streaming())

    def on_next(self, callback: Callable[[Any], Any]) -> None:
        """Has ``callback`` told of each token; a method for as long as its object lives."""
        loop = asyncio.get_running_loop() if inspect.iscoroutinefunction(callback) else None
        held = weakref.WeakMethod(callback) if inspect.ismethod(callback) else lambda: callback
        self._listeners.append((held, loop))

    def on_error(self, callback: Callable[[Exception], Any]) -> None:
        """Nothing: it is logged here, once and not by each client."""

    def _renewed(self, token: Any) -> _Done:
        """There is another token. On the provider's own thread or loop, so nothing waits here."""
        user, password = token.try_get("oid"), token.get_value()
        self.auth = ("AUTH", password) if user is None else ("AUTH", user, password)
        self.issue += 1
        holders.authenticate(self.provider, self.auth)
        for entry in list(self._listeners):
            held, loop = entry
            listener = held()
            if listener is None or (loop is not None and loop.is_closed()):
                self._listeners.remove(entry)
            elif loop is None:
                # What it does is redis-py's, which waits for the server.
                in_background(lambda told=listener: told(token), "redis-py's authentication")  # type: ignore[misc]
            else:
                asyncio.run_coroutine_threadsafe(listener(token), loop)
        return _Done()

    def _not_renewed(self, error: Exception) -> _Done:
        logger.warning("The credential provider %s has no new token: %r", self._name, error)
        return _Done()


_lock = threading.Lock()
#: By the provider's identity, which lives as long as what is here of it.
_known: weakref.WeakValueDictionary[int, Credentials] = weakref.WeakValueDictionary()


def credentials_of(provider: Any) -> Credentials:
    """What stands for ``provider``: the same object for as long as anybody has it."""
    if not callable(getattr(provider, "get_credentials", None)):
        raise ImproperlyConfigured(
            "credential_provider, from CONNECTION_POOL_KWARGS, must be an object of a class of "
            f"redis.CredentialProvider, not of {type(provider).__qualname__}."
        )
    with _lock:
        known = _known.get(id(provider))
        if known is None:
            streams = isinstance(provider, StreamingCredentialProvider)
            known = _known[id(provider)] = (Streamed if streams else Credentials)(provider)
        return known


def follow(provider: Any, pool: Any) -> None:
    """Has a pool of redis-py's authenticate its connections anew, where ``provider`` streams."""
    if isinstance(provider, Streamed) and hasattr(pool, "re_auth_callback"):
        provider.on_next(pool.re_auth_callback)


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
