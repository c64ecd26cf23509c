"""The doctor's report as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .output import size, table


def lines(report: Mapping[str, Any], style: Any) -> list[str]:
    verdict = style.SUCCESS("well") if report["ok"] else style.ERROR("not well")
    text = [f"{style.MIGRATE_HEADING(report['alias'])}: {verdict}"]
    rows = []
    if report["plugins"]:
        rows.append(
            ("plugins", "; ".join(f"{kind} {names}" for kind, names in report["plugins"].items()))
        )
    rows += [
        ("server" if place == 0 else "", row)
        for place, row in enumerate(table([_server(server) for server in report["servers"]]))
    ]
    rows += [
        ("replicas" if place == 0 else "", row)
        for place, row in enumerate(table(list(_replicas(report["servers"]))))
    ]
    rows += [("timeouts", _limits(limits)) for limits in report.get("timeouts", ())]
    if "encoding" in report:
        rows.append(("encoding", _encoding(report["encoding"])))
    if "write" in report:
        rows.append(("write", report["write"]))
    text += table(rows, indent=2)
    for finding in report["findings"]:
        color = {"problem": style.ERROR, "advice": style.WARNING}.get(finding["level"], str)
        text.append("  " + color(f"{finding['level'].ljust(8)}  {finding['text']}"))
    return text


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
