"""What a cache is made of and how its servers are, told from INFO alone: no key is looked up."""

from __future__ import annotations

import time
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from ..commands import Operation
from ..exceptions import ConnectionInterrupted, RedisCacheError
from . import counters
from .columns import Columns
from .servers import DBSIZE, INFO, PING, all_nodes, if_allowed, name_of, number
from .targets import Target, plugin_names


def report(target: Target) -> dict[str, Any]:
    """Plugins, servers and hit ratio of a cache, or the error for which there is no more."""
    told: dict[str, Any] = {"alias": target.alias, "plugins": {}, "servers": [], "hit_ratio": None}
    try:
        told["plugins"] = dict(plugin_names(target.engine))
        told["location"] = type(target.engine.topology).__name__
        told["servers"] = target.run(_servers(target))
    except (ImproperlyConfigured, RedisCacheError) as error:
        return told | {"error": target.explain(error)}
    return told | {"hit_ratio": counters.together(told["servers"])}


def _servers(target: Target) -> Operation[list[dict[str, Any]]]:
    primaries, others = yield from all_nodes(target.engine)
    columns = Columns(target)
    servers = []
    for node in (*primaries, *others):
        expected = "primary" if node in primaries else "replica"
        server = yield from counters.of_server(target, node, columns)
        servers.append({**server, "expected_role": expected})
    return servers


def live(target: Target) -> dict[str, Any]:
    """The servers' counters now, for whoever draws their growth, with the milliseconds of a round
    trip. ``at`` are seconds of a clock that only goes forward; ``run`` changes as a server is
    restarted."""
    try:
        return {"alias": target.alias, "servers": target.run(_live(target))}
    except (ImproperlyConfigured, RedisCacheError) as error:
        return {"alias": target.alias, "error": target.explain(error), "servers": []}


def _live(target: Target) -> Operation[list[dict[str, Any]]]:
    primaries, others = yield from all_nodes(target.engine)
    servers = []
    for node in (*primaries, *others):
        server: dict[str, Any] = {"name": name_of(node)}
        try:
            yield PING().on(node)  # connects
            began = time.perf_counter()
            yield PING().on(node)
            server["round_trip_ms"] = round((time.perf_counter() - began) * 1000, 3)
            info = yield from if_allowed(INFO().on(node))
            server["keys"] = yield from if_allowed(DBSIZE().on(node))
        except ConnectionInterrupted as error:
            servers.append(server | {"error": target.explain(error)})
            continue
        server["at"] = round(time.monotonic(), 3)
        if info:
            server["run"] = info.get("run_id", "")
            server["role"] = counters.role_of(info)
            server |= {name: number(info, name) for name in ("used_memory", "maxmemory")}
            server |= {rate: number(info, at) for rate, at in counters.RATES.items()}
        servers.append(server)
    return servers
