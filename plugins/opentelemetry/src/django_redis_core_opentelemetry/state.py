"""The state of the process' caches as metrics: connections, breakers, copies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from opentelemetry.metrics import CallbackOptions, Observation

from django_redis_core.interfaces import CacheNumbers

ALIAS = "django_redis_core.alias"
POOL = "db.client.connection.pool.name"
STATE = "db.client.connection.state"
RESULT = "django_redis_core.result"

#: What stands behind the server's name in the name of its pool for event loops.
ASYNCIO = " asyncio"

#: Of all caches that are observed.
CACHES = CacheNumbers()


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
            for (alias, server, name), value in CACHES.now().items()
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
