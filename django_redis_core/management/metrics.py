"""``metrics``: what servers have counted, as OpenMetrics text for whoever scrapes it.

https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from ..commands import Operation
from ..exceptions import ConnectionInterrupted, RedisCacheError
from . import advice, doctor
from .console import Console
from .counters import expiring, role_of
from .servers import DBSIZE, INFO, Info, all_nodes, if_allowed, name_of, product
from .targets import Target, targets


class Family(NamedTuple):
    """``kind`` is "counter", whose samples end in ``_total``, "gauge" or "info". ``unit`` is the
    end of the name. ``asked`` is the name in INFO, empty for what is found otherwise."""

    name: str
    kind: str
    unit: str
    asked: str
    words: str


_PREFIX = "redis_cache_"

FAMILIES = (
    Family("server_up", "gauge", "", "", "Whether the server answers."),
    Family("server_hits", "counter", "", "keyspace_hits", "Look-ups that found a key."),
    Family("server_misses", "counter", "", "keyspace_misses", "Look-ups that found none."),
    Family("server_commands", "counter", "", "total_commands_processed", "Commands processed."),
    Family("server_evicted_keys", "counter", "", "evicted_keys", "Keys evicted for memory."),
    Family("server_expired_keys", "counter", "", "expired_keys", "Keys that expired."),
    Family(
        "server_connections", "counter", "", "total_connections_received", "Connections accepted."
    ),
    Family(
        "server_rejected_connections",
        "counter",
        "",
        "rejected_connections",
        "Connections refused because of maxclients.",
    ),
    Family("server_input_bytes", "counter", "bytes", "total_net_input_bytes", "Bytes received."),
    Family("server_output_bytes", "counter", "bytes", "total_net_output_bytes", "Bytes sent."),
    Family("server_memory_used_bytes", "gauge", "bytes", "used_memory", "Memory in use."),
    Family("server_memory_max_bytes", "gauge", "bytes", "maxmemory", "maxmemory; 0: no limit."),
    Family("server_memory_rss_bytes", "gauge", "bytes", "used_memory_rss", "Memory of its host."),
    Family("server_clients", "gauge", "", "connected_clients", "Connections that are open."),
    Family(
        "server_blocked_clients", "gauge", "", "blocked_clients", "Clients in blocking commands."
    ),
    Family("server_keys", "gauge", "", "", "Keys in the database of the cache."),
    Family("server_expiring_keys", "gauge", "", "", "Keys in it that have an expiry."),
    Family("server_uptime_seconds", "gauge", "seconds", "uptime_in_seconds", "Since its start."),
)
_VERDICT = (
    Family("well", "gauge", "", "", "Whether doctor finds no problem."),
    Family("findings", "gauge", "", "", "What doctor finds, by level."),
)


def run(console: Console, *, alias: list[str] | None, with_doctor: bool, **options: Any) -> None:
    said = advice.checks() if with_doctor else []
    found = []
    for target in targets(alias):
        one = report(target)
        if with_doctor:
            examined = doctor.examine(target, 1, said)
            levels = [finding["level"] for finding in examined["findings"]]
            one["well"] = examined["ok"]
            one["findings"] = {level: levels.count(level) for level in doctor.LEVELS}
        found.append(one)
    if console.as_json:
        console.show(found, text)
    else:
        console.show(tuple(found), text)
    unasked = [one["alias"] for one in found if not _complete(one)]
    if unasked:
        raise CommandError(f"Not all servers could be asked: {', '.join(unasked)}.")


def _complete(report: Mapping[str, Any]) -> bool:
    return "error" not in report and all(server["server_up"] for server in report["servers"])


def report(target: Target) -> dict[str, Any]:
    """The numbers of each server of a cache, by the names of their families."""
    try:
        return {"alias": target.alias, "servers": target.run(_servers(target))}
    except (ImproperlyConfigured, RedisCacheError) as error:
        return {"alias": target.alias, "servers": [], "error": target.explain(error)}


def _servers(target: Target) -> Operation[list[dict[str, Any]]]:
    primaries, others = yield from all_nodes(target.engine)
    servers = []
    for node in (*primaries, *others):
        server: dict[str, Any] = {"name": name_of(node), "server_up": 0}
        try:
            info = yield from if_allowed(INFO().on(node))
            keys = yield from if_allowed(DBSIZE().on(node))
        except ConnectionInterrupted as error:
            server["error"] = target.explain(error)
        else:
            server["server_up"] = 1
            server |= _numbers(info or {})
            if keys is not None:
                server["server_keys"] = keys
            if info:
                server["server_expiring_keys"] = expiring(info, node)["expiring_keys"]
                server["role"] = role_of(info)
                server["product"], server["version"] = product(info)
        servers.append(server)
    return servers


def _numbers(info: Info) -> dict[str, int]:
    return {
        family.name: int(info[family.asked])
        for family in FAMILIES
        if family.asked and info.get(family.asked, "").isdecimal()
    }


def text(reports: Sequence[Mapping[str, Any]], style: Any, width: int | None) -> list[str]:
    """All reports as one exposition: the samples of a family stand together."""
    servers = [
        ({"alias": report["alias"], "server": server["name"]}, server)
        for report in reports
        for server in report["servers"]
    ]
    lines = [*_family(Family("server", "info", "", "", "What the server is."), _infos(servers))]
    for family in FAMILIES:
        lines += _family(family, _samples(family, servers))
    well, findings = _VERDICT
    judged = [report for report in reports if "well" in report]
    lines += _family(well, (({"alias": one["alias"]}, int(one["well"])) for one in judged))
    lines += _family(
        findings,
        (
            ({"alias": one["alias"], "level": level}, count)
            for one in judged
            for level, count in one["findings"].items()
        ),
    )
    return [*lines, "# EOF"]


_Samples = Iterator[tuple[Mapping[str, str], int]]
_Servers = Sequence[tuple[dict[str, str], Mapping[str, Any]]]


def _infos(servers: _Servers) -> _Samples:
    for labels, server in servers:
        if "version" in server:
            yield {**labels, **{name: server[name] for name in ("role", "product", "version")}}, 1


def _samples(family: Family, servers: _Servers) -> _Samples:
    return ((labels, server[family.name]) for labels, server in servers if family.name in server)


def _family(family: Family, samples: _Samples) -> Iterator[str]:
    name = f"{_PREFIX}{family.name}"
    end = {"counter": "_total", "info": "_info"}.get(family.kind, "")
    yield f"# TYPE {name} {family.kind}"
    if family.unit:
        yield f"# UNIT {name} {family.unit}"
    yield f"# HELP {name} {family.words}"
    for labels, value in samples:
        pairs = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{end}{{{pairs}}} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
