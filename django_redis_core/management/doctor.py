"""``doctor``: one cache, examined from its settings to its servers.

Examining writes one key of its own, which lives ten seconds at most.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from statistics import median
from typing import Any

from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured

from .._codec.codec import MISSING
from .._engine.assembly import Engine
from .._engine.built import ask
from .._interrupts import struck
from .._operations.declare import checked
from .._plugins.asking import Nonsense, many
from ..commands import GET, SCAN, SET, UNLINK, Operation
from ..exceptions import RedisCacheError, SerializationError
from ..interfaces import Finding
from . import advice, slowlog
from .advice import problem
from .counters import expiring
from .servers import (
    CLUSTER_INFO,
    DBSIZE,
    EVAL_NOTHING,
    INFO,
    PING,
    SLOTS,
    TIME,
    all_nodes,
    if_allowed,
    is_refusal,
    name_of,
    number,
    product,
)
from .targets import Target, known_nodes, plugin_names

#: What is encoded and decoded to see what the formats keep.
SAMPLES: Mapping[str, Any] = {
    "str": "snö ☃",
    "int": 2**40,
    "float": 0.1,
    "bool": True,
    "None": None,
    "list": [1, "two", None],
    "dict": {"name": "value", "nested": {"list": [1, 2]}},
    "long str": "lorem ipsum " * 200,
    "bytes": b"\x00\xff",
    "tuple": (1, "two"),
    "set": {1, 2},
    "datetime": datetime(2024, 2, 29, 12, tzinfo=UTC),
    "Decimal": Decimal("1.10"),
}
#: The types that every format must keep; for the others it is enough to be known.
MUST_KEEP = frozenset({"str", "int", "float", "bool", "None", "list", "dict", "long str"})

#: The levels of findings.
LEVELS = ("problem", "advice", "note")

_SLOW_ENTRIES = 128  # of the server's slow log, which is as many as it keeps by default

_TRIAL = 10_000  # milliseconds that the key of the examination lives, should nobody delete it


def examine(target: Target, pings: int, checked_before: Iterable[CheckMessage]) -> dict[str, Any]:
    """The report on one cache; it is always made, whatever is down or wrong. ``checked_before``
    is what the system checks say."""
    report: dict[str, Any] = {"alias": target.alias, "ok": False, "plugins": {}, "servers": []}
    try:
        engine = target.engine
    except ImproperlyConfigured as error:
        return report | {"findings": [problem(str(error))._asdict()]}
    report["plugins"] = dict(plugin_names(engine))
    report["encoding"], findings = encoding(target)
    try:
        report["servers"] = target.run(servers(target, pings))
    except RedisCacheError as error:  # its servers could not even be found out
        findings.append(problem(f"No server can be asked: {target.explain(error)}"))
    report["timeouts"] = timeouts(engine)
    if any(server["reachable"] for server in report["servers"]):
        report["write"] = trial(target)
        if report["write"] != "ok":
            findings.append(problem(f"A value cannot be written and read: {report['write']}"))
        findings += of_client(target)
    findings += advice.on_servers(report["servers"])
    findings += advice.on_settings(engine)
    findings += advice.of_checks(target.alias, checked_before)
    report["findings"] = [finding._asdict() for finding in dict.fromkeys(findings)]
    report["findings"] += of_plugins(target)
    report["ok"] = not any(problems(report))
    return report


def servers(target: Target, pings: int) -> Operation[list[dict[str, Any]]]:
    """Each server of a cache, also those that serve only reads."""
    primaries, others = yield from all_nodes(target.engine)
    found = []
    for node in (*primaries, *others):
        server: dict[str, Any] = {
            "name": name_of(node),
            "expected_role": "primary" if node in primaries else "replica",
            "reachable": False,
        }
        try:
            server |= yield from one_server(target, node, pings)
        except Exception as error:  # a doctor does not faint, whatever speaks at that address
            if struck(error):
                raise
            server["error"] = target.explain(error)
        found.append(server)
    return found


def one_server(target: Target, node: Any, pings: int) -> Operation[dict[str, Any]]:
    """What a server tells of itself, and how long it takes to do so."""
    yield PING().on(node)  # connects
    took = []
    for _ in range(pings):
        began = time.perf_counter()
        yield PING().on(node)
        took.append((time.perf_counter() - began) * 1000)
    server = {
        "reachable": True,
        "round_trip_ms": {"median": round(median(took), 3), "worst": round(max(took), 3)},
    }
    began = time.time()
    clock, info = yield [TIME().on(node), INFO().on(node)]
    took_until = time.time()
    tried = yield [SCAN(0, "redis_cache:doctor", 1).on(node), EVAL_NOTHING().on(node)]
    server["refused"] = [
        name for name, reply in zip(("SCAN", "EVAL"), tried, strict=True) if is_refusal(reply)
    ]
    if isinstance(clock, float):
        # The reply was made at some moment of the round trip: half of one is the uncertainty.
        server["clock_ahead_ms"] = round((clock - (began + took_until) / 2) * 1000, 1)
    if isinstance(info, Exception):
        return server | {"info_refused": str(info)}
    name, version = product(info)
    mode = info.get("redis_mode") or info.get("server_mode", "standalone")
    keys = yield from if_allowed(DBSIZE().on(node))
    server["slowlog"] = yield from slowlog.one_server(node, _SLOW_ENTRIES)
    if mode == "cluster":
        server["cluster"] = _cluster((yield from if_allowed(CLUSTER_INFO().on(node))) or {})
    return server | {
        "product": name,
        "version": version,
        "role": "replica" if info.get("role") == "slave" else "primary",
        "mode": mode,
        "uptime_seconds": number(info, "uptime_in_seconds"),
        "clients": {
            "connected": number(info, "connected_clients"),
            "max": number(info, "maxclients"),
            "blocked": number(info, "blocked_clients"),
            "rejected": number(info, "rejected_connections"),
        },
        "memory": {
            "used": number(info, "used_memory"),
            "max": number(info, "maxmemory"),
            "policy": info.get("maxmemory_policy", "?"),
            "evicted_keys": number(info, "evicted_keys"),
            "fragmentation": _ratio(info.get("mem_fragmentation_ratio", "")),
            "fragmentation_bytes": number(info, "mem_fragmentation_bytes"),
        },
        "keys": {"total": keys, "expiring": expiring(info, node)["expiring_keys"]},
        "replication": _replication(info),
    }


def _ratio(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _cluster(info: Mapping[str, str]) -> dict[str, Any]:
    """What a server makes of the cluster that it is in."""
    ok = number({**info}, "cluster_slots_ok")
    return {
        "state": info.get("cluster_state", "?"),
        "nodes": number({**info}, "cluster_known_nodes"),
        "slots_ok": ok,
        "slots_uncovered": SLOTS - ok if info else 0,
    }


def _replication(info: Mapping[str, str]) -> dict[str, Any]:
    if info.get("role") == "slave":
        return {
            "link": info.get("master_link_status", "?"),
            "seconds_since_primary": int(info.get("master_last_io_seconds_ago", -1)),
        }
    offset = int(info.get("master_repl_offset", 0))
    lines = (
        dict(pair.partition("=")[::2] for pair in value.split(","))
        for name, value in info.items()
        if name.startswith("slave") and name[5:].isdigit()
    )
    return {
        "replicas": [
            {
                "address": f"{line.get('ip')}:{line.get('port')}",
                "state": line.get("state", "?"),
                "lag_seconds": int(line.get("lag", -1)),
                "lag_bytes": max(offset - int(line.get("offset", offset)), 0),
            }
            for line in lines
        ]
    }


def encoding(target: Target) -> tuple[list[dict[str, str]], list[Finding]]:
    """What the cache's formats do to values of many types, told without a server."""
    client, told, findings = target.client, [], []
    key = target.engine.naming.make("redis_cache:doctor")
    for name, value in SAMPLES.items():
        try:
            back = client.unwrap(key, client.wrap(key, value, _TRIAL)[0])
        except SerializationError:
            result = "refused"
        else:
            if back is MISSING:
                result = "lost"
            elif type(back) is type(value) and back == value:
                result = "same"
            else:
                result = f"comes back as {type(back).__name__}"
        told.append({"type": name, "result": result})
        if result == "lost" or (name in MUST_KEEP and result != "same"):
            findings.append(problem(f"A {name} is not what it was after encoding: {result}."))
    return told, findings


def trial(target: Target) -> str:
    """Whether a value can be written, read and deleted: "ok", or what went wrong."""

    def written() -> Operation[bool]:
        key = target.engine.naming.make(f"redis_cache:doctor:{secrets.token_hex(8)}")
        data, milliseconds = target.client.wrap(key, SAMPLES["dict"], _TRIAL)
        yield SET(key, data, min(milliseconds or _TRIAL, _TRIAL))
        back = yield GET(key).primary()
        checked((yield [UNLINK([key])]))
        return bool(target.client.unwrap(key, back) == SAMPLES["dict"]) if back else False

    try:
        return "ok" if target.run(written()) else "what was read is not what had been written"
    except Exception as error:
        if struck(error):
            raise
        return target.explain(error)


def of_client(target: Target) -> list[Finding]:
    """What the clients say of themselves."""
    try:
        return target.run(target.client.examine())
    except Exception as error:
        if struck(error):
            raise
        return [problem(f"The client cannot be examined: {target.explain(error)}")]


def of_plugins(target: Target) -> list[dict[str, str]]:
    """What plugins say by the hook ``examine``, each with whose it is."""
    told = []
    for answer in ask(target.engine, "examine", _findings):
        found = answer.value or []
        if answer.error is not None:
            found = [problem(f"{answer.trouble(target.explain(answer.error))}.")]
        of = answer.of.source.distribution
        told += [{**finding._asdict(), "plugin": of} for finding in found]
    return told


def _findings(returned: Any) -> list[Finding]:
    """What ``examine`` returned, or Nonsense."""
    found = many(Finding, 'findings, such as Finding("note", "…")')(returned)
    for finding in found:
        if finding.level not in LEVELS:
            raise Nonsense(
                f"returned a finding of the level {finding.level!r}; there are {', '.join(LEVELS)}"
            )
    return found


def timeouts(engine: Engine) -> list[dict[str, Any]]:
    """The limits in force, once for all servers that have the same. Times are in seconds."""
    found: list[dict[str, Any]] = []
    for node in known_nodes(engine):
        config = node.config
        limits = {
            "operation": config.timeout,
            "connect": config.kwargs.get("socket_connect_timeout"),
            "breaker_failures": config.breaker_failures,
            "breaker_interval": config.breaker_interval,
            "max_connections": config.max_connections,
            "wait_for_connection": config.wait,
        }
        if limits not in found:
            found.append(limits)
    return found


def problems(report: Mapping[str, Any]) -> Iterator[str]:
    """The findings for which the exit code is not 0."""
    for finding in report["findings"]:
        if finding["level"] == "problem":
            yield finding["text"]
