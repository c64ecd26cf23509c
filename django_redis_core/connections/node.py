"""One server: its links and channels, its breaker, and the one retry.

All backends of a process that are configured alike share a node, and with it the pool. The rules
are here once for every operation: what is a failure, what may be sent twice, what the caller sees.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn, TypeAlias

from .._interrupts import struck
from ..commands import Argument, Command, Reply
from ..commands.shapes import STUMBLED, strange
from ..exceptions import (
    ConnectionInterrupted,
    ServerRefused,
    ServerTimeout,
)
from . import holders, raw
from .breaker import Breaker
from .channel import Channel
from .channels import Channels, SeveralChannels
from .checked import CheckedChannels, CheckedPool
from .config import ServerConfig
from .counterparts import is_own_async_pool, is_own_pool
from .credentials import Streamed
from .flight import Flight
from .foreign_channel import ForeignChannel
from .idle import close_idle
from .link import Link
from .notes import note_second_try
from .pool import LinkPool, SitePool
from .renewing import RenewingCheckedPool, RenewingPool
from .trial import Trial
from .troubles import Retired, limit_in, may_repeat, translate, without_frames

_nodes: weakref.WeakValueDictionary[Hashable, Node] = weakref.WeakValueDictionary()
#: Reentrant: a site's REDIS_CLIENT_CLASS, made under it, may use a cache itself.
_lock = threading.RLock()

#: The types of replies that are answers as they are, none of which is an error's.
_WELL = frozenset({bytes, int, list, type(None)})


class Node:
    """A server that commands can be sent to. Made by ``node_for``, for sharing.

    ``name`` is its URL without user and password, for errors. ``config`` is the ``ServerConfig``.
    ``breaker.opened`` is true while the server is known to be away. Nothing is connected until a
    command is sent. A topology names nodes and does not call them: it yields commands for them.
    """

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self.name = config.name
        self.reset()

    def reset(self) -> None:
        """Starts without connections: also in a forked child, which must not use its parent's."""
        config = self.config
        self.breaker = Breaker(self.name, config.breaker_failures, config.breaker_interval)
        #: Whether the server must not be sent MSETEX, or is known to refuse it.
        self.without_msetex = not config.msetex
        self._client: Any = None
        self.links = self._pool()
        trial = Trial(config, self.breaker)
        # A site's own pool makes its connections in a way of its own, and does not say which of
        # them are fresh.
        self._trial = None if is_own_pool(config) else trial
        self._async_trial = None if is_own_async_pool(config) else trial
        client = self.async_client if self._async_trial is None else None
        make: Callable[[], Channels] = partial(Channels, client, self._async_trial)
        if interval := config.check_after:
            make = partial(CheckedChannels, interval, client, self._async_trial)
        many = config.async_connections
        self.channels = make() if many == 1 else SeveralChannels(many, make)

    def _pool(self) -> LinkPool | SitePool:
        config = self.config
        if is_own_pool(config):
            return SitePool(lambda: self.client().connection_pool)
        interval, credentials = config.check_after, config.credentials
        if isinstance(credentials, Streamed):
            if interval:
                return RenewingCheckedPool(credentials, config, interval)
            return RenewingPool(credentials, config.connected, config.max_connections, config.wait)
        if interval:
            return CheckedPool(config, interval)
        return LinkPool(config.connected, config.max_connections, config.wait)

    def reconnect(self) -> None:
        """Has every later command go on a connection that is made from now on: the name may lead
        to another server. From any thread; what is on its way ends as it will."""
        links, client = self.links, self._client
        self.links = self._pool()
        links.close()
        self.channels.renew()
        if client is not None:
            close_idle(client.connection_pool)

    def authenticate(self, args: tuple[Argument, ...]) -> None:
        """The credential provider has another token. From any thread; the links are told by their
        pool, when they are used next."""
        self.channels.authenticate(args)

    def retire(self, reason: str) -> None:
        """Closes every connection and opens none again, for a server that has lost its role.

        From any thread, and at most once needed. What is on its way on an asyncio connection fails
        with ``ConnectionInterrupted`` and ``reason``, and so does every later command; a blocking
        call under way ends as it will, and its connection is closed then. ``Topology.after`` is
        asked for each command that failed so. ``node_for`` makes a new node when the server is
        needed again.

        All caches that share the node lose it: so only nodes are retired whose configuration is
        nobody else's, by ``owner`` (``ConnectionFactory.node`` takes it). Caches of one owner look
        at ``retired``, since another one may have done it.
        """
        with _lock:
            if _nodes.get(self.config.identity) is self:
                del _nodes[self.config.identity]
        holders.revoke(self.config)
        links, channels, client = self.links, self.channels, self._client
        self.config = replace(self.config, before_connect=Retired(reason))
        self.reset()
        links.close()
        channels.abandon(reason)
        if client is not None:
            close_idle(client.connection_pool)

    @property
    def retired(self) -> bool:
        """Whether ``retire`` was called, by whichever of the caches that share it."""
        return isinstance(self.config.before_connect, Retired)

    def client(self) -> Any:
        """A redis-py client for this server, with a pool of its own: one for the process."""
        with _lock:
            if self._client is None:
                self._client = raw.client(self.config)
            return self._client

    def async_client(self) -> Any:
        """A ``redis.asyncio`` client for this server, of the running loop and closed with it."""
        return self.channels.client(lambda: raw.async_client(self.config))

    def close_idle(self) -> None:
        """Closes blocking connections that nobody uses, those of ``client`` included."""
        self.links.close_idle()
        pool = getattr(self._client, "connection_pool", None)  # a site's own client may have none
        if pool is not None:
            close_idle(pool)

    def __repr__(self) -> str:
        return f"<Node {self.name}>"

    def numbers(self) -> dict[str, float]:
        """The state of its connections and its breaker, as ``RedisCache.numbers`` names it."""
        return {
            **self.links.numbers(),
            **self.channels.numbers(),
            "breaker_open": int(self.breaker.opened and not self.breaker.doubted),
            "breaker_failures": self.breaker.failures,
        }

    def call(self, command: Command) -> Reply:
        """Sends one command and returns its reply, read as its kind says."""
        if self.breaker.opened:
            self._admit()
        pool = self.links
        link = None
        try:
            link = pool.take()
            reply = link.call(command.args)
        except BaseException as error:
            reply = self._failed(link, [command], error)[0]
        else:
            pool.give(link)
            if self.breaker.failures:
                self.breaker.succeeded()
        if command.kind.read is None and not isinstance(reply, Exception):
            return reply  # a call less than ``_read``
        return self._read(command, reply)

    def call_many(self, commands: Sequence[Command]) -> list[Reply]:
        """Sends commands together, to this server alone; an error reply takes its command's place
        in the list."""
        if self.breaker.opened:
            self._admit()
        pool = self.links
        link = None
        try:
            link = pool.take()
            replies = link.call_many([command.args for command in commands])
        except BaseException as error:
            replies = self._failed(link, commands, error)
        else:
            pool.give(link)
            if self.breaker.failures:
                self.breaker.succeeded()
        return self._read_many(commands, replies)

    def send(self, commands: Sequence[Command]) -> Flight:
        """Sends commands and returns without reading, so that other servers can be sent to."""
        if self.breaker.opened:
            self._admit()
        flight = Flight(commands, self.links)
        try:
            flight.link = flight.pool.take()
            flight.link.send([command.args for command in commands])
        except BaseException as error:
            flight.replies = self._failed(flight.link, commands, error)
            flight.link = None
        return flight

    def receive(self, flight: Flight) -> list[Reply]:
        """The replies of what ``send`` sent."""
        link = flight.link
        if link is not None:
            try:
                flight.replies = link.receive()
            except BaseException as error:
                flight.replies = self._failed(link, flight.commands, error)
            else:
                flight.pool.give(link)
                if self.breaker.failures:
                    self.breaker.succeeded()
        return self._read_many(flight.commands, flight.replies)

    def _admit(self) -> None:
        """Called while the breaker is opened; raises where nothing is to be sent."""
        self.breaker.admit()
        if self._trial is not None:
            self._trial.hold()

    def _failed(
        self, link: Link | None, commands: Sequence[Command], error: BaseException
    ) -> list[Reply]:
        """The replies from a second try where one is allowed; otherwise raises."""
        if link is not None:
            link.close()
        pool = self.links
        trouble = self._blamed(error, link, self._trial)
        try:
            if not may_repeat(link is not None, commands, trouble):
                self._give_up(trouble, error)
        finally:
            del trouble, error  # see ``_give_up``
        # The server was restarted or closed idle connections: the others are closed as well.
        pool.close_idle()
        note_second_try()
        fresh = None
        try:
            fresh = pool.take()
            fresh.send([command.args for command in commands])
            replies = fresh.receive()
        except BaseException as second:
            if fresh is not None:
                fresh.close()
            self._give_up(self._blamed(second, fresh, self._trial), second)
        pool.give(fresh)
        if self.breaker.failures:
            self.breaker.succeeded()
        return replies

    async def acall(self, command: Command) -> Reply:
        """``call`` for asyncio."""
        channel = self.channels.get()
        try:
            if self.breaker.opened:
                self.breaker.admit()
            if channel is None:
                channel = await self.channels.open(self.config)
            reply = await channel.call(command.args)
        except Exception as error:
            reply = (await self._afailed(channel, [command], error))[0]
        else:
            if self.breaker.failures:
                self.breaker.succeeded()
        if command.kind.read is None and not isinstance(reply, Exception):
            return reply  # a call less than ``_read``
        return self._read(command, reply)

    async def acall_many(self, commands: Sequence[Command]) -> list[Reply]:
        """Sends commands together; an error reply takes its command's place in the list."""
        channel = self.channels.get()
        try:
            if self.breaker.opened:
                self.breaker.admit()
            if channel is None:
                channel = await self.channels.open(self.config)
            replies = await channel.call_many([command.args for command in commands])
        except Exception as error:
            replies = await self._afailed(channel, commands, error)
        else:
            if self.breaker.failures:
                self.breaker.succeeded()
        return self._read_many(commands, replies)

    async def _afailed(
        self,
        channel: Channel | ForeignChannel | None,
        commands: Sequence[Command],
        error: Exception,
    ) -> list[Reply]:
        trouble = self._blamed(error, channel, self._async_trial)
        try:
            if not may_repeat(channel is not None, commands, trouble):
                self._give_up(trouble, error)
        finally:
            del trouble, error
        note_second_try()
        fresh = None
        try:
            fresh = self.channels.get() or await self.channels.open(self.config)
            replies = await fresh.call_many([command.args for command in commands])
        except Exception as second:
            self._give_up(self._blamed(second, fresh, self._async_trial), second)
        if self.breaker.failures:
            self.breaker.succeeded()
        return replies

    def _blamed(
        self,
        error: BaseException,
        connection: Link | Channel | ForeignChannel | None,
        trial: Trial | None,
    ) -> ConnectionInterrupted | None:
        """``error`` as trouble of this server, with what it is a sign of; None when it is none.

        ``connection`` is what the commands were on, or None where there was none to be had.
        """
        trouble = translate(error, self.name)
        if trouble is None:
            return None
        if connection is None:
            trouble.before_sending = True
        elif isinstance(trouble, ServerTimeout):
            trouble.of_connection = trial is not None and connection.reused
            seen = trouble.event is not None and trouble.event is self.breaker.event
            if not (trouble.of_request or seen):
                # Where packets are lost since some moment, all idle connections are as dead as
                # this one, and each would cost a timeout of its own.
                self.links.close_idle()
                self.channels.renew()
        elif type(trouble) is ConnectionInterrupted:
            trouble.of_connection = trial is not None
        return trouble

    def _give_up(self, trouble: ConnectionInterrupted | None, error: BaseException) -> NoReturn:
        try:
            if trouble is None:
                raise limit_in(error) or error
            if type(trouble) in (ConnectionInterrupted, ServerTimeout) and not trouble.of_request:
                trouble.event = trouble.event or getattr(error, "event", None)
                self.breaker.failed(trouble)
            if trouble is error:
                raise trouble
            without_frames(error)
            raise trouble from error
        finally:
            # A frame that names the exception that is raised through it is kept by its traceback,
            # and with it all frames below, until the collector comes. One of those may hold the
            # place of a connection that an interrupt cut off.
            del trouble, error

    def _read(self, command: Command, reply: Reply) -> Reply:
        if isinstance(reply, Exception):
            raise self._refused(reply)
        read = command.kind.read
        try:
            return reply if read is None else read(reply)
        except STUMBLED as error:
            if struck(error):
                raise
            raise self._strange(command, reply) from error

    def _read_many(self, commands: Sequence[Command], replies: list[Reply]) -> list[Reply]:
        # Nothing is made of most. In two loops, for to take both in one takes half as long again.
        for command in commands:
            if command.kind.read is not None:
                break
        else:
            for reply in replies:
                if reply.__class__ not in _WELL:
                    break
            else:
                return replies
        values = []
        for command, reply in zip(commands, replies, strict=True):
            if isinstance(reply, Exception):
                reply = self._refused(reply)
            elif (read := command.kind.read) is not None:
                try:
                    reply = read(reply)
                except STUMBLED as error:
                    if struck(error):
                        raise
                    reply = self._strange(command, reply)
            values.append(reply)
        return values

    def _strange(self, command: Command, reply: Reply) -> ConnectionInterrupted:
        trouble = strange(command, reply)
        trouble.connection = self.name
        return trouble

    def _refused(self, error: Exception) -> Exception:
        if isinstance(error, ServerRefused):
            error.connection = self.name
            if error.code == "READONLY":
                # The name may lead to another server by now, but old connections do not.
                holders.reconnect(self.config)
        return error


Nodes: TypeAlias = tuple[Node, ...]
"""Several servers, in an order that means nothing."""


def node_for(config: ServerConfig) -> Node:
    """The process' node for this configuration: the same object for as long as anybody has it, and
    for everyone whose ``config.identity`` is equal. Nothing is connected."""
    with _lock:
        node = _nodes.get(config.identity)
        if node is None:
            node = _nodes[config.identity] = Node(config)
            holders.hold(node)
        return node


#: A forked child keeps its parent's channels and never touches them: to collect one would close
#: its transport, and that would take the parent's socket out of the epoll set that both share.
_of_the_parent: list[Channels] = []


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()
    for node in list(_nodes.values()):
        _of_the_parent.append(node.channels)
        node.reset()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
