"""Servers that belong together: replicas, sentinels, shards. For a cluster, see :mod:`.cluster`.

with sentinels(service="orders") as group:
    settings = {"SENTINELS": group.addresses}
    before = group.current_primary()
    before.kill()
    group.wait_failover(before)
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import redis

from .certificates import Certificate
from .clients import PATIENCE, wait_until
from .configuration import Config, quoted
from .processes import ServerError
from .servers import Server

__all__ = ["Replicated", "Sentinels", "replicated", "sentinels", "shards", "start_all"]

_SENTINEL_USER = "sentinel"

# Milliseconds between what sentinels do. By default that is 1 to 10 s, which makes a test wait and
# shows it nothing more. Until they know each other they may do it as often as they like. Then:
# - A sentinel that sees an unexpected primary makes it a replica after four hellos. That must be
#   longer than the second that the one which promoted it takes to notice and to say so.
# - Only a replica may be promoted whose INFO is no older than five pings (three INFOs, if the
#   primary answers), but during a failover INFO is asked for only once a second.
_SETTLING = {"ping-period": 100, "ask-period": 100, "info-period": 100, "publish-period": 50}
_STEADY = {"ping-period": 400, "ask-period": 100, "info-period": 300, "publish-period": 500}


def start_all(servers: Iterable[Server]) -> None:
    """Start them side by side, and wait for all."""
    servers = list(servers)
    for server in servers:
        server.launch()
    for server in servers:
        server.start()


def in_sync(primary: Server, replicas: Sequence[Server]) -> bool:
    """Whether each of them is online to this primary and has all that it has written."""
    seen = primary.info("replication")
    online = sum(
        value["state"] == "online"
        for name, value in seen.items()
        if name.startswith("slave") and isinstance(value, dict)
    )
    states = [replica.info("replication") for replica in replicas]
    return online >= len(replicas) and all(
        state.get("master_port") == primary.port
        and state.get("master_link_status") == "up"
        and state["slave_repl_offset"] >= seen["master_repl_offset"]
        for state in states
    )


@dataclass
class Replicated:
    """A primary and its replicas, as they were at the start: sentinels may have exchanged them."""

    primary: Server
    replicas: list[Server]

    @property
    def servers(self) -> list[Server]:
        """The primary first."""
        return [self.primary, *self.replicas]

    @property
    def urls(self) -> list[str]:
        """The primary's first, as a LOCATION."""
        return [server.url for server in self.servers]

    def wait_in_sync(self, *, timeout: float = 30.0) -> None:
        """Until all are replicas of the one that says it is the primary, and have what it has."""
        wait_until(self._in_sync, "replicas in sync", timeout=timeout)

    def _in_sync(self) -> bool:
        primaries = [server for server in self.servers if server.cli("ROLE")[0] == "master"]
        if len(primaries) != 1:
            return False
        return in_sync(primaries[0], [one for one in self.servers if one is not primaries[0]])


@contextlib.contextmanager
def replicated(
    replicas: int = 2,
    *,
    kind: str = "valkey",
    config: Config | None = None,
    password: str | None = None,
    users: Mapping[str, str] | None = None,
    tls: Certificate | None = None,
) -> Iterator[Replicated]:
    """One primary and its replicas, in sync; options as :class:`.servers.Server`'s, for each.

    With ``tls`` they speak nothing else (``tls_only``).
    """
    each: dict[str, Any] = {"config": config, "password": password, "users": users}
    each |= {"tls": tls, "tls_only": tls is not None}
    with ExitStack() as stack:
        primary = stack.enter_context(Server(kind, **each))
        copies = [Server(kind, replica_of=primary, **each) for _ in range(replicas)]
        for copy in copies:
            stack.callback(copy.close)
        start_all(copies)
        group = Replicated(primary, copies)
        group.wait_in_sync()
        yield group


@contextlib.contextmanager
def shards(
    count: int = 4, *, kind: str = "valkey", config: Config | None = None
) -> Iterator[list[Server]]:
    """Servers that know nothing of each other."""
    with ExitStack() as stack:
        servers = [Server(kind, config=config) for _ in range(count)]
        for server in servers:
            stack.callback(server.close)
        start_all(servers)
        yield servers


@dataclass
class Sentinels:
    """A replicated service and the sentinels that watch over it."""

    service: str
    data: Replicated
    sentinels: list[Server]
    quorum: int

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The sentinels', as django-redis' SENTINELS option wants them."""
        return [sentinel.address for sentinel in self.sentinels]

    @property
    def options(self) -> dict[str, Any]:
        """OPTIONS of a cache on this service, which waits for sentinels on a machine that is busy.
        Its LOCATION is ``redis://SERVICE/0``."""
        return {
            "CONNECTION_FACTORY": "sentinel",
            "SENTINELS": self.addresses,
            "SENTINEL_KWARGS": {name.lower(): seconds for name, seconds in PATIENCE.items()},
        }

    def current_primary(self) -> Server:
        """Who a quorum of the sentinels says it is; ``ServerError`` if they do not agree."""
        votes: Counter[int] = Counter()
        for sentinel in self._answering():
            with contextlib.suppress(redis.RedisError):
                votes[self._named(sentinel)] += 1
        port, count = votes.most_common(1)[0] if votes else (0, 0)
        if count < self.quorum:
            raise ServerError(f"the sentinels do not agree on a primary of {self.service}: {votes}")
        return next(server for server in self.data.servers if server.port == port)

    def failover(self, *, timeout: float = 30.0) -> Server:
        """Have the sentinels make a replica the primary though nothing is wrong; which it is."""
        before = self.current_primary()
        wait_until(lambda: self._ousted(before), "another primary", timeout=timeout, every=0.05)
        return self.current_primary()

    def wait_failover(self, before: Server, *, timeout: float = 30.0) -> Server:
        """Until all answering sentinels name another primary that knows it is one; which it is."""
        wait_until(lambda: self._followed(before), "another primary was elected", timeout=timeout)
        return self.current_primary()

    def isolate(self, server: Server) -> None:
        """Cut the sentinels off from a server that everybody else still reaches.

        So a primary is ousted and does not hear of it: it stays reachable and writable, and what is
        written to it will be lost. Done by its ACL, hence for groups with a password only.
        """
        if server.password is None:
            raise ServerError("isolate() works by ACL, so it needs sentinels(password=...)")
        server.cli("ACL", "SETUSER", _SENTINEL_USER, "off")
        server.cli("CLIENT", "KILL", "USER", _SENTINEL_USER)

    def rejoin(self, server: Server) -> None:
        """Let the sentinels reach it again; they make it a replica if it was ousted."""
        server.cli("ACL", "SETUSER", _SENTINEL_USER, "on")

    def wait_settled(self, *, timeout: float = 30.0) -> None:
        """Until all answering sentinels know each other and see each server well, in its place."""
        wait_until(self._settled, "the sentinels see all well", timeout=timeout)

    def _ousted(self, before: Server) -> bool:
        """Whether it is; ordered anew if not, for sentinels refuse or give up while they settle."""
        if self._followed(before):
            return True
        sentinel = self._answering()[0]
        if self._named(sentinel) == before.port:
            sentinel.cli("SENTINEL", "FAILOVER", self.service)
        return False

    def _named(self, sentinel: Server) -> int:
        """The port of the primary that a sentinel names."""
        return int(sentinel.cli("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.service)[1])

    def _answering(self) -> list[Server]:
        return [sentinel for sentinel in self.sentinels if sentinel.answers]

    def _followed(self, before: Server) -> bool:
        if any(self._named(sentinel) == before.port for sentinel in self._answering()):
            return False
        return bool(self.current_primary().cli("ROLE")[0] == "master")

    def _settled(self) -> bool:
        alive = [server.port for server in self.data.servers if server.answers]
        for sentinel in self._answering():
            primary = _pairs(sentinel.cli("SENTINEL", "MASTER", self.service))
            known = [_pairs(item) for item in sentinel.cli("SENTINEL", "REPLICAS", self.service)]
            linked = [
                item
                for item in known
                if item["flags"] == item["role-reported"] == "slave"
                and item["master-link-status"] == "ok"
                and item["master-port"] == primary["port"]
            ]
            if (
                not primary["flags"] == primary["role-reported"] == "master"
                or int(primary["num-other-sentinels"]) != len(self.sentinels) - 1
                or sorted(int(item["port"]) for item in (primary, *linked)) != sorted(alive)
            ):
                return False
        return True


@contextlib.contextmanager
def sentinels(
    service: str = "service",
    *,
    replicas: int = 2,
    sentinels: int = 3,
    quorum: int = 2,
    down_after: float = 0.5,
    kind: str = "valkey",
    config: Config | None = None,
    password: str | None = None,
    users: Mapping[str, str] | None = None,
    tls: Certificate | None = None,
    own: Mapping[str, Any] | None = None,
) -> Iterator[Sentinels]:
    """A primary, its replicas and sentinels that know each other.

    ``down_after`` is the seconds of silence after which a sentinel takes a server for dead; the
    election of another primary takes one or two more, and eight if it fails at first. ``config``,
    ``password``, ``users`` and ``tls`` are those of the data servers; with a password the sentinels
    have a user of their own there, and :meth:`Sentinels.isolate` works.

    ``own`` are the sentinels' ``config``, ``password``, ``users`` and ``tls``. Over TLS they speak
    nothing else, with each other and with the data servers too, as those then must; their
    certificate's ``ca_file`` has to hold the data servers' authority as well.
    """
    users = dict(users or {})
    if password is not None:
        users[_SENTINEL_USER] = f"on >{_SENTINEL_USER} ~* &* +@all"
    own = dict(own or {})
    of_sentinels: dict[str, Any] = {"tls_only": own.get("tls") is not None, **own}
    with ExitStack() as stack:
        data = stack.enter_context(
            replicated(replicas, kind=kind, config=config, password=password, users=users, tls=tls)
        )
        directives = [
            f"monitor {service} {data.primary.host} {data.primary.port} {quorum}",
            f"down-after-milliseconds {service} {int(down_after * 1000)}",
            f"failover-timeout {service} 3000",
            f"parallel-syncs {service} {max(1, replicas)}",
        ]
        if password is not None:
            directives += [
                f"auth-user {service} {_SENTINEL_USER}",
                f"auth-pass {service} {_SENTINEL_USER}",
            ]
        if (of_each_other := own.get("password")) is not None:
            directives.append(f"sentinel-pass {quoted(of_each_other)}")
        of_sentinels["config"] = {**own.get("config", {}), "sentinel": directives}
        watchers = [Server(kind, mode="sentinel", **of_sentinels) for _ in range(sentinels)]
        for watcher in watchers:
            stack.callback(watcher.close)
        start_all(watchers)
        group = Sentinels(service, data, watchers, quorum)
        for watcher in watchers:
            hasten(watcher, _SETTLING)
        group.wait_settled()
        for watcher in watchers:
            hasten(watcher)
        yield group


def hasten(sentinel: Server, periods: Mapping[str, int] = _STEADY) -> None:
    """Have a sentinel look several times a second, until it restarts; Redis 6.2's cannot."""
    if sentinel.version >= (7, 0, 0):
        for name, milliseconds in periods.items():
            sentinel.cli("SENTINEL", "DEBUG", name, milliseconds)


def _pairs(flat: Sequence[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
