"""The doctor's report as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .output import counted, folded, size, table

_LABEL = 11  # columns before what a label names
_Words = str | list[str]


def lines(report: Mapping[str, Any], style: Any, width: int | None) -> list[str]:
    room = None if width is None else max(width - _LABEL - 1, 20)
    verdict = style.SUCCESS("well") if report["ok"] else style.ERROR("not well")
    text = [f"{style.MIGRATE_HEADING(report['alias'])}: {verdict}"]
    for label, words in _rows(report, room):
        found = folded(words, room) if isinstance(words, str) else words
        text += _labelled(label, found)
    for finding in report["findings"]:
        color = {"problem": style.ERROR, "advice": style.WARNING}.get(finding["level"], str)
        text += map(color, _labelled(finding["level"], folded(finding["text"], room)))
    return text


def _labelled(label: str, words: Iterable[str]) -> Iterator[str]:
    for place, line in enumerate(words):
        yield f"  {'' if place else label:{_LABEL - 2}} {line}".rstrip()


def _rows(report: Mapping[str, Any], room: int | None) -> Iterator[tuple[str, _Words]]:
    """(label, words) of the lines; a list of lines is laid out already."""
    if report["plugins"]:
        yield "plugins", "; ".join(f"{kind} {names}" for kind, names in report["plugins"].items())
    yield "server", table([_server(server) for server in report["servers"]], width=room)
    yield "replicas", table(list(_replicas(report["servers"])), width=room)
    if of_cluster := dict.fromkeys(_clusters(report["servers"])):
        yield "cluster", "; ".join(of_cluster)
    for limits in report.get("timeouts", ()):
        yield "timeouts", _limits(limits)
    if "encoding" in report:
        yield "encoding", _encoding(report["encoding"])
    if "write" in report:
        yield "write", report["write"]


def _server(server: Mapping[str, Any]) -> tuple[str, ...]:
    name = server["name"]
    if not server["reachable"]:
        return (name, server["expected_role"], "cannot be asked", "", "", "")
    trip = server["round_trip_ms"]
    clock = server.get("clock_ahead_ms")
    memory = server.get("memory")
    used = ""
    if memory:
        limit = f"of {size(memory['max'])}, {memory['policy']}" if memory["max"] else "no maxmemory"
        used = f"{size(memory['used'])} {limit}"
    return (
        name,
        server.get("role", server["expected_role"]),
        f"{server['product']} {server['version']}" if "version" in server else "?",
        f"round trip {trip['median']:.2f} ms (worst {trip['worst']:.2f})",
        f"clock {clock:+.0f} ms" if clock is not None else "",
        used,
    )


def _replicas(servers: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """What primaries tell of their replicas, by the addresses that they know them by."""
    for server in servers:
        for replica in server.get("replication", {}).get("replicas", ()):
            yield (
                f"{replica['address']} of {server['name']}",
                replica["state"],
                f"{size(replica['lag_bytes'])} behind",
                f"heard of {replica['lag_seconds']} s ago" if replica["lag_seconds"] >= 0 else "",
            )


def _clusters(servers: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for server in servers:
        if "cluster" in server:
            told = server["cluster"]
            slots = f"{told['slots_ok']:,} slots are served"
            yield f"{told['state']}; {slots}, by {counted(told['nodes'], 'server')}"


def _limits(limits: Mapping[str, Any]) -> str:
    def seconds(name: str) -> str:
        value = limits[name]
        return "unlimited" if value is None else f"{value:g} s"

    breaker = "never opens"
    if limits["breaker_failures"]:
        breaker = f"after {limits['breaker_failures']} failures, one try in "
        breaker += seconds("breaker_interval")
    most = limits["max_connections"]
    return (
        f"operation {seconds('operation')}, connect {seconds('connect')}; breaker {breaker}; "
        f"connections {most if most else 'unlimited'}"
    )


def _encoding(told: list[dict[str, str]]) -> str:
    results = Counter(entry["result"] for entry in told)
    words = [f"{results['same']} of {len(told)} types come back the same"]
    words += [
        f"{entry['type']} {'is ' if ' ' not in entry['result'] else ''}{entry['result']}"
        for entry in told
        if entry["result"] != "same"
    ]
    return "; ".join(words)
