"""A server in doubt is asked on a fresh connection whether it answers, before a request is sent.

A request on a connection that was idle got no answer, say. Where a firewall or a load balancer has
forgotten that connection, all goes on as soon as there is another one; where the server is away,
this finds it out in a part of the time that a request would wait.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import NoReturn

from ..exceptions import ConnectionInterrupted, ServerTimeout
from .breaker import Breaker
from .config import ServerConfig, abort
from .lateness import in_its_own_time
from .troubles import is_full, limit_in, translate

#: The part of an operation's time that it may take, and the time where an operation has no end.
_PART, _ENDLESS = 0.2, 1.0


def part_of(config: ServerConfig) -> float:
    """Seconds for the question whether a connection, or a server, is alive."""
    return (config.timeout or _ENDLESS) * _PART


#: Arguments of redis-py's connections that have it connect again and again, each time for as long.
_RETRIES = frozenset({"retry", "retry_on_error", "retry_on_timeout"})


class Trial:
    """``breaker`` learns what it shows."""

    def __init__(self, config: ServerConfig, breaker: Breaker) -> None:
        kwargs = {name: value for name, value in config.kwargs.items() if name not in _RETRIES}
        self._config = replace(config, kwargs=kwargs).within(part_of(config))
        self._breaker = breaker

    def hold(self) -> None:
        """Raises ``CircuitOpen`` where a server in doubt does not answer in time, and what else
        keeps it from answering as ``ConnectionInterrupted``."""
        if self._breaker.doubted:
            try:
                ping(self._config)
            except Exception as error:
                if not is_full(error):  # that is an answer, and there may be a link to wait for
                    self._end(translate(error, self._config.name), error)
            self._breaker.succeeded()

    async def ahold(self) -> None:
        """``hold`` for asyncio."""
        if self._breaker.doubted:
            allowed = self._config.kwargs.get("socket_connect_timeout") or 0.0
            try:
                await in_its_own_time(self._aping, allowed)
            except Exception as error:
                self._end(translate(error, self._config.name), error)
            self._breaker.succeeded()

    async def _aping(self) -> None:
        async with asyncio.timeout(self._config.timeout):
            connection = await self._config.async_connected()
            try:
                await connection.send_command("PING")
                await connection.read_response()
            finally:
                if hasattr(connection, "_writer"):
                    abort(connection)
                else:  # a class of the site's own
                    await connection.disconnect()

    def _end(self, trouble: ConnectionInterrupted | None, error: Exception) -> NoReturn:
        if trouble is None:
            raise limit_in(error) or error
        trouble.before_sending = True
        trouble.event = object()  # which is counted here, and not by the caller again
        if type(trouble) in (ConnectionInterrupted, ServerTimeout):
            self._breaker.failed(trouble)
            if self._breaker.opened:
                self._breaker.admit()  # in its words
        raise trouble from None


def ping(config: ServerConfig) -> None:
    """Asks the server for an answer on a connection of its own, for one that was idle meanwhile
    would prove nothing. Raises redis-py's errors, or OSError."""
    connection = config.connected()
    try:
        connection.send_command("PING")
        connection.read_response()
    finally:
        connection.disconnect()
