"""The statistics of a cache as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .columns import cells, heads
from .output import folded, share, size, span, table
from .servers import cannot_be_asked


def lines(report: Mapping[str, Any], style: Any, width: int | None) -> list[str]:
    head = style.MIGRATE_HEADING(report["alias"])
    nothing = f"{head}: nothing could be counted"
    if "error" in report:
        return [nothing, *_below(style.ERROR, report["error"], width)]
    sample = report["sample"]
    about = "" if sample["complete"] else "about "
    counted = "all of them looked at" if sample["complete"] else f"{sample['keys']:,} looked at"
    text = [f"{head}: {about}{report['keys']:,} keys, {about}{_bytes(report)} ({counted})"]
    if not sample["keys"] and not sample["complete"]:
        none = f"{head}: no keys on the servers that could be asked"
        text = [none if sample["servers"] else nothing]
    text += _servers(report["servers"], style, width)
    for fault in report["plugin_faults"]:
        text += _below(style.WARNING, fault, width)
    if report["families"]:
        text += ["", *_families(report, width)]
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


def _servers(servers: list[dict[str, Any]], style: Any, width: int | None) -> list[str]:
    more = heads(servers)
    head = ("SERVER", "ROLE", "HITS", "MISSES", "HIT RATIO", "EVICTED", "MEMORY", "UP")
    rows: list[tuple[str, ...]] = [(*head, *(name.upper() for _, name in more))]
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
            *cells(server, more),
        )
        for server in servers
        if "role" in server
    ]
    text = table(rows, indent=2, width=width) if len(rows) > 1 else []
    for server in servers:
        for color, words in _remarks(server, style):
            text += _below(color, words, width)
    return text


def _below(color: Any, words: str, width: int | None) -> list[str]:
    return ["  " + color(line) for line in folded(words, width and width - 2)]


def _remarks(server: Mapping[str, Any], style: Any) -> Iterator[tuple[Any, str]]:
    name = server["name"]
    if "error" in server:
        words = cannot_be_asked(name, server["error"])
        counted = "keys_in_database" in server
        yield style.ERROR, f"{words} (not all of its keys are counted)" if counted else words
        return
    if "role" not in server:
        yield style.WARNING, f"{name} refuses INFO: its hits and memory are not known."
    if server["keys_in_database"] is None:
        yield (
            style.WARNING,
            f"{name} refuses DBSIZE: of its keys those are counted that were looked at.",
        )


def _families(report: Mapping[str, Any], width: int | None) -> list[str]:
    more = heads(report["families"])
    head = ("FAMILY", "KEYS", "SHARE", "BYTES", "SHARE", "EACH")
    rows: list[tuple[str, ...]] = [(*head, *(name.upper() for _, name in more))]
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
                *cells(family, more),
            )
        )
    return table(rows, indent=2, width=width)
