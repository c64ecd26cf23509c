"""The state of the process' caches as metrics: connections, breakers, copies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from opentelemetry.metrics import CallbackOptions, Observation

from django_redis_core.interfaces import Number

ALIAS = "django_redis_core.alias"
POOL = "db.client.connection.pool.name"
STATE = "db.client.connection.state"
RESULT = "django_redis_core.result"

#: What stands behind the server's name in the name of its pool for event loops.
ASYNCIO = " asyncio"

_caches: list[tuple[str, Callable[[], Sequence[Number]]]] = []


def remember(alias: str, numbers: Callable[[], Sequence[Number]]) -> None:
    """A cache is built. Of caches that are gone nothing is kept."""
    _caches[:] = [known for known in _caches if known[1]()]
    _caches.append((alias, numbers))


def numbers() -> Mapping[tuple[str, str, str], float]:
    """All numbers by alias, server and name. Of several objects for one alias, those that are of a
    server are the same, and the others each object's own."""
    found: dict[tuple[str, str, str], float] = {}
    for alias, ask in _caches:
        for name, value, server in ask():
            key = (alias, server, name)
            found[key] = value if server else found.get(key, 0) + value
    return found


class Observed(NamedTuple):
    """An instrument, and which numbers it tells: for each the attributes beside the cache's alias,
    and what is added to the server's name where that is the name of a pool."""

    name: str
    instrument: Literal["counter", "gauge", "updowncounter"]
    unit: str
    description: str
    of: Mapping[str, tuple[Mapping[str, str], str | None]]

    def observe(self, options: CallbackOptions) -> Iterable[Observation]:
        return [
            Observation(value, self._attributes(alias, server, *self.of[name]))
            for (alias, server, name), value in numbers().items()
            if name in self.of
        ]

    @staticmethod
    def _attributes(
        alias: str, server: str, more: Mapping[str, str], pool: str | None
    ) -> Mapping[str, str]:
        attributes = {ALIAS: alias, **more}
        if pool is not None:
            attributes[POOL] = server + pool
        elif server:
            attributes["django_redis_core.server"] = server
        return attributes


OBSERVED = (
    Observed(
        "db.client.connection.count",
        "updowncounter",
        "{connection}",
        "The number of connections that are currently in state described by the state attribute.",
        {
            "connections_idle": ({STATE: "idle"}, ""),
            "connections_in_use": ({STATE: "used"}, ""),
            # All tasks of a loop share one, so it is never idle.
            "async_connections": ({STATE: "used"}, ASYNCIO),
        },
    ),
    Observed(
        "db.client.connection.pending_requests",
        "updowncounter",
        "{request}",
        "The number of current pending requests for an open connection.",
        {"connections_waited_for": ({}, "")},
    ),
    Observed(
        "django_redis_core.async.pending_replies",
        "updowncounter",
        "{reply}",
        "Replies that are owed on the connections of event loops.",
        {"async_replies_waited_for": ({}, ASYNCIO)},
    ),
    Observed(
        "django_redis_core.breaker.open",
        "gauge",
        "1",
        "1 while calls to a server are refused at once.",
        {"breaker_open": ({}, None)},
    ),
    Observed(
        "django_redis_core.breaker.failures",
        "gauge",
        "{failure}",
        "How many calls to a server failed in a row.",
        {"breaker_failures": ({}, None)},
    ),
    Observed(
        "django_redis_core.values.unreadable",
        "counter",
        "{value}",
        "Stored values that could not be read, and counted as misses.",
        {"values_unreadable": ({}, None)},
    ),
    Observed(
        "django_redis_core.near.entries",
        "updowncounter",
        "{entry}",
        "Copies in the memory of this process.",
        {"near_entries": ({}, None)},
    ),
    Observed(
        "django_redis_core.near.size",
        "updowncounter",
        "By",
        "What the copies in the memory of this process take.",
        {"near_bytes": ({}, None)},
    ),
    Observed(
        "django_redis_core.near.lookups",
        "counter",
        "{key}",
        "Keys that were looked for among the copies, and were there or not.",
        {"near_hits": ({RESULT: "hit"}, None), "near_misses": ({RESULT: "miss"}, None)},
    ),
)
