"""What servers have counted by themselves, as totals since they started and as rates."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ..commands import Operation
from ..exceptions import ConnectionInterrupted
from .columns import Columns
from .servers import DBSIZE, INFO, Info, all_nodes, if_allowed, name_of, number
from .targets import Target

#: The rates of ``--interval``: their names in reports, and the counters in INFO.
RATES = {
    "hits": "keyspace_hits",
    "misses": "keyspace_misses",
    "commands": "total_commands_processed",
    "evicted_keys": "evicted_keys",
    "expired_keys": "expired_keys",
    "connections": "total_connections_received",
    "input_bytes": "total_net_input_bytes",
    "output_bytes": "total_net_output_bytes",
}

_FIGURE = re.compile(r"(\w+)\W+(\d+)")  # "keys=3,expires=1", or as redis-py has read it


def of_server(target: Target, node: Any, columns: Columns) -> Operation[dict[str, Any]]:
    """What a server has counted: for all of its databases and all who use it. What it refuses to
    tell is no error."""
    server: dict[str, Any] = {"name": name_of(node)}
    try:
        info = yield from if_allowed(INFO().on(node))
        keys = yield from if_allowed(DBSIZE().on(node))
    except ConnectionInterrupted as error:
        return server | {"error": target.explain(error)}
    if info:
        server |= _totals(info) | expiring(info, node) | columns.of_server(info)
    return server | {"keys_in_database": keys}


def role_of(info: Info) -> str:
    """What the server takes itself for."""
    return "replica" if info.get("role") == "slave" else "primary"


def _totals(info: Info) -> dict[str, Any]:
    hits, misses = number(info, "keyspace_hits"), number(info, "keyspace_misses")
    return {
        "role": role_of(info),
        "hits": hits,
        "misses": misses,
        "hit_ratio": ratio(hits, misses),
        "evicted_keys": number(info, "evicted_keys"),
        "expired_keys": number(info, "expired_keys"),
        "used_memory": number(info, "used_memory"),
        "maxmemory": number(info, "maxmemory"),
        "operations_per_second": number(info, "instantaneous_ops_per_sec"),
        "uptime_seconds": number(info, "uptime_in_seconds"),
    }


def expiring(info: Info, node: Any) -> dict[str, Any]:
    """How many keys of the database expire, and in how many seconds on average: the server's own
    figures, for which no key is looked up."""
    database = 0 if node is None else node.config.kwargs.get("db") or 0
    figures = dict(_FIGURE.findall(info.get(f"db{database}", "")))
    average = int(figures.get("avg_ttl", 0))
    return {
        "expiring_keys": int(figures.get("expires", 0)),
        "average_ttl": round(average / 1000, 1) if average else None,
    }


def ratio(hits: float, misses: float) -> float | None:
    return round(hits / (hits + misses), 4) if hits + misses else None


def together(servers: Iterable[Mapping[str, Any]]) -> float | None:
    """The hit ratio of all servers of a cache: what its site has counted itself, if nobody else
    uses them."""
    told = [server for server in servers if server.get("hits") is not None]
    return ratio(sum(one["hits"] for one in told), sum(one["misses"] for one in told))


def rates(target: Target, wait: Callable[[], None]) -> dict[str, Any]:
    """The counters of a cache's servers as rates over the time that ``wait`` takes."""
    before = target.run(read(target))
    wait()
    after = target.run(read(target))
    servers = [grown(name, before.get(name), now) for name, now in after.items()]
    return {"servers": servers, "hit_ratio": together(servers)}


class Told(NamedTuple):
    """What a server told, and when (``time.monotonic``); or the error for which it did not.

    ``own``: what was asked of it from then on that is no business of its site, counted as in
    ``RATES``.
    """

    at: float
    info: Info | None
    error: str | None = None
    own: Mapping[str, int] = MappingProxyType({})


def read(target: Target, more: str = "") -> Operation[dict[str, Told]]:
    """What each server tells now; of another section of INFO too."""
    primaries, others = yield from all_nodes(target.engine)
    told: dict[str, Told] = {}
    for node in (*primaries, *others):
        try:
            info = yield from if_allowed(INFO().on(node))
            if more and info:
                info |= (yield from if_allowed(INFO(more).on(node))) or {}
        except ConnectionInterrupted as trouble:
            told[name_of(node)] = Told(time.monotonic(), None, target.explain(trouble))
        else:
            told[name_of(node)] = Told(time.monotonic(), info)
    return told


def grown(name: str, before: Told | None, after: Told) -> dict[str, Any]:
    """The counters of a server as rates between two times; or an error; neither where it refuses
    INFO."""
    server: dict[str, Any] = {"name": name}
    if before is None:
        return server | {"error": "it was not among the cache's servers before"}
    if error := after.error or before.error:
        return server | {"error": error}
    first, last = before.info, after.info
    if not first or not last:
        return server  # it refuses INFO
    counts = {rate: number(last, at) - number(first, at) for rate, at in RATES.items()}
    if first.get("run_id") != last.get("run_id") or min(counts.values()) < 0:
        return server | {"error": "it was restarted meanwhile, or its counters were reset"}
    seconds = after.at - before.at
    counts = {rate: max(count - before.own.get(rate, 0), 0) for rate, count in counts.items()}
    return server | {
        "role": role_of(last),
        "seconds": round(seconds, 6),
        **{rate: round(count / seconds, 3) for rate, count in counts.items()},
        "hit_ratio": ratio(counts["hits"], counts["misses"]),
        "used_memory": number(last, "used_memory"),
    }
