"""The statistics of a cache as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .output import share, size, span, table


def lines(report: Mapping[str, Any], style: Any) -> list[str]:
    head = style.MIGRATE_HEADING(report["alias"])
    if "error" in report:
        return [f"{head}: {style.ERROR(report['error'])}"]
    sample = report["sample"]
    about = "" if sample["complete"] else "about "
    counted = "all of them looked at" if sample["complete"] else f"{sample['keys']:,} looked at"
    text = [f"{head}: {about}{report['keys']:,} keys, {about}{_bytes(report)} ({counted})"]
    text += _servers(report["servers"], style)
    if report["families"]:
        text += ["", *_families(report)]
        rows = [("TIME TO LIVE", "KEYS", "SHARE")]
        rows += [
            (name, f"{count:,}", share(count, report["keys"]))
            for name, count in report["ttl"].items()
        ]
        text += ["", *table(rows, indent=2)]
    return text


def _bytes(report: Mapping[str, Any]) -> str:
    if not report["sample"]["weighed"]:
        return "unknown bytes, for MEMORY USAGE is refused"
    return size(report["bytes"])


def _servers(servers: list[dict[str, Any]], style: Any) -> list[str]:
    rows = [("SERVER", "ROLE", "HITS", "MISSES", "HIT RATIO", "EVICTED", "MEMORY", "UP")]
    rows += [
        (
            server["name"],
            server["role"],
            f"{server['hits']:,}",
            f"{server['misses']:,}",
            "-" if server["hit_ratio"] is None else f"{server['hit_ratio']:.1%}",
            f"{server['evicted_keys']:,}",
            size(server["used_memory"]),
            span(server["uptime_seconds"]),
        )
        for server in servers
        if "role" in server
    ]
    text = table(rows, indent=2) if len(rows) > 1 else []
    return text + ["  " + style.ERROR(_trouble(server)) for server in servers if "error" in server]


def _trouble(server: Mapping[str, Any]) -> str:
    error = server["error"]
    what = "has keys that are not counted" if "role" in server else "cannot be asked"
    return f"{server['name']} {what}: {error}"


def _families(report: Mapping[str, Any]) -> list[str]:
    rows = [("FAMILY", "KEYS", "SHARE", "BYTES", "SHARE", "EACH")]
    families = [(family["family"], family) for family in report["families"]]
    others = report["other_families"]
    if others["count"]:
        families.append((f"({others['count']} others)", others))
    for name, family in families:
        rows.append(
            (
                name,
                f"{family['keys']:,}",
                share(family["keys"], report["keys"]),
                size(family["bytes"]),
                share(family["bytes"], report["bytes"]),
                size(family["bytes"] / max(family["keys"], 1)),
            )
        )
    return table(rows, indent=2)
