"""What the doctor makes of what it found: problems, and advice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import Any

from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured

from .._engine.answers import answers_of
from .._engine.assembly import Engine
from .._settings import backend_of
from ..checks import check_caches, check_plain_connections
from ..interfaces import Finding
from .output import counted, share, size
from .servers import SLOTS, cannot_be_asked
from .targets import known_nodes

#: The oldest servers that are supported.
OLDEST = {"Valkey": (7, 2), "Redis": (6, 2)}

_CLOCK = 1000  # milliseconds by which a server's clock may differ from ours
_LAG = 10  # seconds that a replica may be behind
# Bytes that it may be behind. It tells how far it is once a second, so that what is written in one
# second is no lag yet.
_LAG_BYTES = 16 * 1024**2
_FULL = 0.9  # the part of a limit at which it is time to say so
#: Operations that fail closed by default, by the module of the package that calls them and does not
#: catch what they raise.
_CALLED_BY = {
    "allauth": ("django-allauth", ("add",)),
    "django_ratelimit": ("django-ratelimit", ("add", "incr")),
    "waffle": ("django-waffle", ("add",)),
}
#: What does not work where a command is refused.
_NEEDED_BY = {
    "SCAN": "no keys(), delete_pattern(), clear() of a KEY_PREFIX, stats and recode",
    "EVAL": "no incr(), lock(), incr_version() and recode",
}
_FRAGMENTED = 1.5
_WASTE = 100 * 1024**2  # bytes below which fragmentation is not worth a word
_MANY = 1000  # keys below which their expiry is not worth one
_STALL = 50  # milliseconds for which a command holds up all others
_SLOW = 5.0  # milliseconds of a round trip that is slow for a cache


def problem(text: str) -> Finding:
    return Finding("problem", text)


def hint(text: str) -> Finding:
    return Finding("advice", text)


def on_servers(servers: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    for server in servers:
        name = server["name"]
        if not server["reachable"]:
            yield problem(cannot_be_asked(name, server["error"]))
            continue
        if "info_refused" in server:
            yield hint(f"{name} refuses INFO, so little can be told of it.")
        else:
            yield from _on_version(name, server)
            yield from _on_role(name, server)
            yield from _on_memory(name, server["memory"])
            yield from _on_clients(name, server["clients"])
            yield from _on_keys(name, server)
            yield from _on_slowness(name, server["slowlog"])
        for command in server.get("refused", ()):
            yield hint(f"{name} refuses {command} to this user: {_NEEDED_BY[command]}.")
        yield from _on_time(name, server)
    yield from _on_cluster([server for server in servers if "cluster" in server])


def _on_version(name: str, server: Mapping[str, Any]) -> Iterator[Finding]:
    numbers = tuple(map(int, re.findall(r"\d+", server["version"])[:2]))
    oldest = OLDEST.get(server["product"])
    if oldest and numbers and numbers < oldest:
        yield problem(
            f"{name} is {server['product']} {server['version']}; the oldest that is supported is "
            f"{oldest[0]}.{oldest[1]}."
        )


def _on_role(name: str, server: Mapping[str, Any]) -> Iterator[Finding]:
    replication = server["replication"]
    if server["expected_role"] == "primary" and server["role"] == "replica":
        yield problem(f"{name} is taken for a primary and is a replica: it refuses writes.")
    elif server["expected_role"] == "replica" and server["role"] == "primary":
        yield problem(
            f"{name} is taken for a replica and is a primary of its own: reads from it do not see "
            "what was written."
        )
    if replication.get("link", "up") != "up":
        yield problem(f"{name} has lost its primary, so what it serves grows old.")
    elif replication.get("seconds_since_primary", 0) > _LAG:
        seconds = replication["seconds_since_primary"]
        yield hint(f"{name} has not heard of its primary for {seconds} s.")
    for replica in replication.get("replicas", ()):
        if (
            replica["state"] != "online"
            or replica["lag_seconds"] > _LAG
            or replica["lag_bytes"] > _LAG_BYTES
        ):
            yield hint(
                f"The replica {replica['address']} of {name} is behind: {replica['state']}, "
                f"{replica['lag_seconds']} s, {size(replica['lag_bytes'])}. What is read from it "
                "is old, and were it made the primary now, so much would be lost."
            )


def _on_memory(name: str, memory: Mapping[str, Any]) -> Iterator[Finding]:
    used, limit, policy = memory["used"], memory["max"], memory["policy"]
    if not limit:
        yield hint(f"{name} has no maxmemory: it grows until its host has no memory left.")
    elif policy == "noeviction":
        level = problem if used > _FULL * limit else hint
        yield level(
            f"{name} has maxmemory with noeviction and is {share(used, limit)} full: once full, "
            "every write fails. For a cache, set maxmemory-policy to allkeys-lru or allkeys-lfu."
        )
    elif policy.startswith("volatile-"):
        yield hint(
            f"{name} evicts with {policy} only what has an expiry: entries with TIMEOUT None stay, "
            "and can fill it."
        )
    yield from _on_fragmentation(name, memory)


def _on_fragmentation(name: str, memory: Mapping[str, Any]) -> Iterator[Finding]:
    ratio, beyond = memory["fragmentation"], memory["fragmentation_bytes"]
    if ratio is None:
        return
    if ratio > _FRAGMENTED and beyond > _WASTE:
        yield hint(
            f"{name} takes {ratio:.1f} times the memory that it uses from its host, {size(beyond)} "
            "more: activedefrag yes gives it back, or a restart."
        )
    elif beyond < -_WASTE:
        yield hint(
            f"{name} has {size(-beyond)} more in use than its host keeps in memory: a part of it "
            "is swapped out, and reads wait for the disk."
        )


def _on_clients(name: str, clients: Mapping[str, int]) -> Iterator[Finding]:
    if clients["max"] and clients["connected"] > _FULL * clients["max"]:
        yield hint(f"{name} has {clients['connected']} of at most {clients['max']} connections.")
    if clients["rejected"]:
        yield hint(
            f"{name} has turned {counted(clients['rejected'], 'connection')} away since its start: "
            "raise its maxclients, or lower MAX_CONNECTIONS."
        )
    if clients["blocked"]:
        yield hint(
            f"{name} has {counted(clients['blocked'], 'client')} in blocking commands, such as "
            "BLPOP: somebody uses it as a queue too, which eviction and clear() would empty."
        )


def _on_keys(name: str, server: Mapping[str, Any]) -> Iterator[Finding]:
    total, memory = server["keys"]["total"] or 0, server["memory"]
    forever = total - server["keys"]["expiring"]
    evicts = memory["max"] and memory["policy"].startswith("allkeys-")
    if total >= _MANY and forever > total / 2 and not evicts:
        yield hint(
            f"{share(forever, total)} of the keys of {name} have no expiry, and it evicts none of "
            "them: they stay until somebody deletes them. Set TIMEOUT, or an allkeys policy."
        )


def _on_slowness(name: str, slowlog: Mapping[str, Any]) -> Iterator[Finding]:
    since = datetime.now(UTC) - timedelta(hours=1)
    recent = [
        entry
        for entry in slowlog["entries"] or ()
        if datetime.fromisoformat(entry["at"]) > since and entry["milliseconds"] >= _STALL
    ]
    if recent:
        slowest = max(recent, key=lambda entry: entry["milliseconds"])
        yield hint(
            f"{name} had {counted(len(recent), 'command')} of more than {_STALL} ms in the last "
            f"hour, the slowest {slowest['command']} with {slowest['milliseconds']:,.0f} ms, and "
            "all others waited: see slowlog."
        )


def _on_cluster(servers: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """One finding for each view of the cluster, whoever has it."""
    views: dict[tuple[str, int], list[str]] = {}
    for server in servers:
        view = server["cluster"]["state"], server["cluster"]["slots_uncovered"]
        views.setdefault(view, []).append(server["name"])
    for (state, uncovered), names in views.items():
        if uncovered:
            yield problem(
                f"{uncovered:,} of the {SLOTS:,} slots of the cluster have no server that is well, "
                f"so their keys fail, says {', '.join(names)}."
            )
        elif state not in ("ok", "?"):
            yield problem(f"The cluster is {state!r}, says {', '.join(names)}.")


def _on_time(name: str, server: Mapping[str, Any]) -> Iterator[Finding]:
    trip = server["round_trip_ms"]["median"]
    if trip > _SLOW:
        yield hint(f"{name} takes {trip:.1f} ms for a round trip, which is long for a cache.")
    ahead = server.get("clock_ahead_ms", 0)
    if abs(ahead) > _CLOCK + trip:
        yield hint(
            f"The clock of {name} is {abs(ahead) / 1000:.1f} s {'ahead' if ahead > 0 else 'behind'}"
            ": expire_at and the logical expiry of the client herd go by this host's clock."
        )


def on_settings(engine: Engine) -> Iterator[Finding]:
    options = engine.options
    try:
        engine.naming.everything()
    except ImproperlyConfigured as error:
        level = problem if engine.client.clear_by_prefix else hint
        yield level(str(error))
    if options.sealer.plugin.name == "none" and any(
        use.plugin.name == "pickle" for use in options.serializers
    ):
        yield hint(
            "Values are pickles: whoever can write to the server can run code here. Use "
            "SEALER 'signed' or 'encrypted', or another serializer, where that is not only you."
        )
    for node in known_nodes(engine):
        missing = [
            name
            for name, value in (
                ("SOCKET_TIMEOUT", node.config.timeout),
                ("SOCKET_CONNECT_TIMEOUT", node.config.kwargs.get("socket_connect_timeout")),
            )
            if value is None
        ]
        if missing:
            yield hint(
                f"There is no {' and no '.join(missing)}: a server that hangs hangs every request."
            )
        if not node.config.breaker_failures:
            yield hint(
                "BREAKER_FAILURES is 0: while a server hangs, every operation waits its whole time."
            )
    if options.ignore_exceptions and not options.log_ignored_exceptions:
        yield hint("IGNORE_EXCEPTIONS without LOG_IGNORED_EXCEPTIONS: outages leave no trace.")
    if options.ignore_exceptions and options.ignore_exceptions_for is None:
        yield from _on_packages(engine)


def _on_packages(engine: Engine) -> Iterator[Finding]:
    """Which installed packages an outage is an error page for, though the site ignores it."""
    answers = answers_of(engine.options, engine.operations, backend_of(engine.alias)._ignored)
    for module, (package, calls) in _CALLED_BY.items():
        raising = [name for name in calls if name not in answers]
        if raising and find_spec(module) is not None:
            names = ", ".join(map(repr, raising))
            yield hint(
                f"{package} calls {' and '.join(raising)}, which raise also under "
                f'IGNORE_EXCEPTIONS: "IGNORE_EXCEPTIONS_FOR": [{names}] lets them answer, where '
                "it uses this cache and should go on without it."
            )


def checks() -> list[CheckMessage]:
    """What the system checks say of all caches."""
    return [*check_caches(), *check_plain_connections()]


def of_checks(alias: str, messages: Iterable[CheckMessage]) -> Iterable[Finding]:
    """What the system checks say of this cache; its errors have stopped the examination before."""
    for message in messages:
        if f"CACHES[{alias!r}]" in message.msg:
            yield hint(" ".join(filter(None, (message.msg, message.hint))))
