"""One exchange with one server, as observers are told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import Token
from time import perf_counter
from typing import Any, Protocol

from ..commands import Argument, Command, Reply, ok
from ..exceptions import RedisCacheError, ReplyError, ServerRefused
from .notes import Noted, under_way
from .packing import encoded, pack
from .topology import Topology

End = Callable[[Any], object]


class Trip(Noted):
    """Commands that go to one server together; what ``Observer.round_trip`` is given, and given
    again when the replies are there.

    ``alias`` is the cache's, ``server`` the server's name without user and password. What else is
    known before is worked out when it is asked for.

    At its end it has ``seconds``, from before a connection is taken to the last reply; ``error``,
    what was raised, or the first error reply among those of several commands, or None;
    ``second_try``, whether the connection broke and the commands were sent on a new one; and
    ``new_connection``, whether a connection was opened for it or waited for. Of the caller's own
    client (``client=``) the last two are not known, and False.
    """

    __slots__ = (
        "_commands",
        "_kwargs",
        "_node",
        "_replies",
        "_topology",
        "alias",
        "asynchronous",
        "error",
        "seconds",
        "server",
    )

    def __init__(
        self,
        alias: str,
        server: str,
        kwargs: Mapping[str, Any],
        commands: Sequence[Command],
        asynchronous: bool,
        node: Any = None,
        topology: Topology | None = None,
    ) -> None:
        self.alias = alias
        self.server = server
        self.asynchronous = asynchronous
        self.seconds = 0.0
        self.error: BaseException | None = None
        self.second_try = False
        self.new_connection = False
        self._kwargs = kwargs
        self._commands = commands
        self._node = node
        self._topology = topology
        self._replies: Sequence[Reply] = ()

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands' names in order: ``("GET",)``. A MSETEX may stand for many sets."""
        return tuple([command.kind.name.decode() for command in self._commands])

    @property
    def arguments(self) -> tuple[tuple[Argument, ...], ...]:
        """Each command as it is sent, keys and values included: not for logs."""
        return tuple([command.args for command in self._commands])

    @property
    def host(self) -> str:
        """The server's host, or the path of its unix socket."""
        kwargs = self._kwargs
        return str(kwargs.get("path") or kwargs.get("host") or "localhost")

    @property
    def port(self) -> int | None:
        """The server's port; None for a unix socket."""
        kwargs = self._kwargs
        return None if kwargs.get("path") else int(kwargs.get("port") or 6379)

    @property
    def database(self) -> int:
        return int(self._kwargs.get("db") or 0)

    @property
    def role(self) -> str:
        """``"primary"`` or ``"replica"`` as the cache takes the server now; ``""`` for one that
        has no part in its data (a sentinel, the caller's own client)."""
        if self._topology is None:
            return ""
        try:
            if self._node in self._topology.primaries():
                return "primary"
            return "replica" if self._node in self._topology.nodes() else ""
        except RedisCacheError:  # it is just being found out which servers there are
            return ""

    @property
    def bytes_sent(self) -> int:
        """What the commands are on the wire: without a second try, and without the handshake of a
        new connection."""
        return sum(len(pack(command.args)) for command in self._commands)

    @property
    def bytes_received(self) -> int:
        """What the replies are on the wire (RESP2), told from their values: exact, but for numbers
        with a fraction. 0 until they are there, and where none came."""
        return sum(map(_size, self._replies, self._commands))

    def __repr__(self) -> str:  # without keys
        return f"<Trip to {self.server} of {', '.join(self.commands)}>"


class Watch(Protocol):
    """Who is told. What an observer raises stays here, except what is not its own."""

    def begun(self, subject: Any) -> End | None:
        """Tells of what begins; whom to call when it has ended."""

    def ended(self, end: End, subject: Any) -> None:
        """Calls what ``begun`` has returned."""


class Exchange(Trip):
    """A trip as it is made: from ``begin`` to ``done`` or ``failed``, in one context."""

    __slots__ = ("_began", "_end", "_token", "_watch")

    _token: Token[Noted | None]

    def begin(self, watch: Watch) -> None:
        self._watch = watch
        self._end = watch.begun(self)
        if self._end is not None:
            self._token = under_way.set(self)
            self._began = perf_counter()

    def done(self, replies: Sequence[Reply]) -> None:
        """Its replies are there."""
        end = self._end
        if end is None:
            return
        self.seconds = perf_counter() - self._began
        under_way.reset(self._token)
        self._replies = replies
        for reply in replies:
            if isinstance(reply, Exception):
                self.error = reply
                break
        self._watch.ended(end, self)

    def failed(self, error: BaseException) -> None:
        """It ends with ``error``, which may be the reply."""
        end = self._end
        if end is None:
            return
        self.seconds = perf_counter() - self._began
        under_way.reset(self._token)
        self.error = error
        replied = isinstance(error, ReplyError) or (
            isinstance(error, ServerRefused) and not error.before_sending
        )
        if replied and len(self._commands) == 1:
            self._replies = (error,)
        self._watch.ended(end, self)


def _size(reply: Reply, command: Command | None = None) -> int:
    """https://redis.io/docs/latest/develop/reference/protocol-spec/"""
    if reply is True or reply is False:
        if command is not None and command.kind.read is ok:
            return 5  # +OK, or nil
        return 4  # :1
    if reply is None:
        return 5
    if isinstance(reply, bytes):
        if reply == b"OK" and command is not None:
            return 5
        return _bulk(len(reply))
    if isinstance(reply, int):
        return len(b"%d" % reply) + 3
    if isinstance(reply, float):
        return _bulk(len(f"{reply:.17g}"))
    if isinstance(reply, Exception):
        return len(str(getattr(reply, "reason", reply)).encode()) + 3
    if isinstance(reply, Mapping):
        flat = [one for pair in reply.items() for one in pair]
        return _head(len(flat)) + sum(map(_size, flat))
    if isinstance(reply, tuple | list):
        if command is not None and command.kind.name.endswith(b"SCAN"):
            cursor, items = reply
            return 4 + _bulk(len(b"%d" % cursor)) + _size(items)
        if reply and isinstance(reply[0], tuple):  # members with their scores, flat in RESP2
            reply = [one for pair in reply for one in pair]
        return _head(len(reply)) + sum(map(_size, reply))
    return _bulk(len(encoded(reply)))


def _bulk(length: int) -> int:
    return len(b"%d" % length) + length + 5


def _head(count: int) -> int:
    return len(b"%d" % count) + 3
