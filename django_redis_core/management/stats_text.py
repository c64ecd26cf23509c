"""The statistics of a cache as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .columns import cells, heads
from .output import counted, folded, per_second, printable, share, size, span, table
from .servers import cannot_be_asked


def lines(report: Mapping[str, Any], style: Any, width: int | None) -> list[str]:
    head = style.MIGRATE_HEADING(report["alias"])
    if "error" in report:
        return [
            f"{head}: nothing could be counted",
            *_below(style.ERROR, report["error"], width),
        ]
    if report["sample"] is None:
        return [f"{head}: no keys looked at", *_servers(report["servers"], style, width)]
    text = [f"{head}: {_in_short(report)}"]
    text += _servers(report["servers"], style, width)
    for fault in report["plugin_faults"]:
        text += _below(style.WARNING, fault, width)
    if report["families"]:
        text += ["", *_families(report, width)]
    if report["biggest"]:
        text += ["", *_biggest(report, width)]
    if report["families"] and report["ttl"]:
        rows = [("TIME TO LIVE", "KEYS", "SHARE")]
        rows += [
            (name, f"{count:,}", share(count, report["keys"]))
            for name, count in report["ttl"].items()
        ]
        text += ["", *table(rows, indent=2)]
    for words in _notes(report):
        text += ["", *_below(str, words, width)]
    return text


def _in_short(report: Mapping[str, Any]) -> str:
    sample = report["sample"]
    if not sample["keys"] and not sample["complete"]:
        if sample["interrupted"]:
            return "stopped before any key was looked at"
        if not sample["servers"]:
            return "nothing could be counted"
        return "no keys on the servers that could be asked"
    looked = "all of them looked at" if sample["complete"] else f"{sample['keys']:,} looked at"
    stopped = ", stopped" if sample["interrupted"] else ""
    about = "" if sample["complete"] else "about "
    keys = f"{about}{report['keys']:,} keys{_error(report['keys_error'])}"
    if not sample["weighed"]:
        return f"{keys}, unknown bytes, for MEMORY USAGE is refused ({looked}{stopped})"
    room = f"{about}{size(report['bytes'])}{_error(report['bytes_error'], size)}"
    return f"{keys}, {room} ({looked}{stopped})"


def _error(error: int | None, shown: Any = "{:,}".format) -> str:
    return f" ± {shown(error)}" if error else ""


def _notes(report: Mapping[str, Any]) -> Iterator[str]:
    sample = report["sample"]
    if report["keys_error"] or report["bytes_error"]:
        yield (
            "± holds in 19 of 20 samples. Entries so few that the sample has none of them are not "
            "in it, however big: --all looks at every key."
        )
    if sample["lookups"]:
        yield (
            f"The server has counted {counted(sample['lookups'], 'look-up')} of this command after "
            "it told its hits: from now on they are among them."
        )


def _servers(servers: list[dict[str, Any]], style: Any, width: int | None) -> list[str]:
    more = heads(servers)
    head = (
        *("SERVER", "ROLE", "HITS", "MISSES", "HIT RATIO", "EVICTED", "MEMORY", "UP"),
        *("EXPIRING", "MEAN TTL"),
    )
    rows: list[tuple[str, ...]] = [(*head, *(name.upper() for _, name in more))]
    rows += [
        (
            server["name"],
            server["role"],
            f"{server['hits']:,}",
            f"{server['misses']:,}",
            _ratio(server["hit_ratio"]),
            f"{server['evicted_keys']:,}",
            size(server["used_memory"]),
            span(server["uptime_seconds"]),
            share(server["expiring_keys"], server["keys_in_database"] or 0),
            "-" if server["average_ttl"] is None else span(server["average_ttl"]),
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


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.1%}"


def rates(report: Mapping[str, Any], style: Any, width: int | None) -> list[str]:
    """What servers counted in an interval."""
    head = style.MIGRATE_HEADING(report["alias"])
    if "error" in report:
        return [f"{head}: nothing could be counted", *_below(style.ERROR, report["error"], width)]
    told = [server for server in report["servers"] if "seconds" in server]
    if not told:
        text = [f"{head}: nothing could be counted"]
    else:
        text = [f"{head}: a second, over {span(max(server['seconds'] for server in told))}"]
        text += table([_RATES, *map(_rates, told)], indent=2, width=width)
    for server in report["servers"]:
        if "error" in server:
            text += _below(style.ERROR, cannot_be_asked(server["name"], server["error"]), width)
        elif "seconds" not in server:
            text += _below(style.WARNING, f"{server['name']} refuses INFO.", width)
    return text


_RATES = (
    *("SERVER", "ROLE", "HITS", "MISSES", "HIT RATIO", "COMMANDS", "EVICTED", "EXPIRED"),
    *("CONNECTIONS", "IN", "OUT", "MEMORY"),
)


def _rates(server: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        server["name"],
        server["role"],
        per_second(server["hits"]),
        per_second(server["misses"]),
        _ratio(server["hit_ratio"]),
        *(per_second(server[name]) for name in ("commands", "evicted_keys", "expired_keys")),
        per_second(server["connections"]),
        *(size(server[name]) for name in ("input_bytes", "output_bytes", "used_memory")),
    )


def _below(color: Any, words: str, width: int | None) -> list[str]:
    return ["  " + color(line) for line in folded(words, width and width - 2)]


def _remarks(server: Mapping[str, Any], style: Any) -> Iterator[tuple[Any, str]]:
    name = server["name"]
    if "error" in server:
        words = cannot_be_asked(name, server["error"])
        counted = "keys_in_database" in server
        yield style.ERROR, f"{words} (not all of its keys were looked at)" if counted else words
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
    estimated = bool(report["keys_error"] or report["bytes_error"])
    bound = ("±",) if estimated else ()
    head = ("FAMILY", "KEYS", *bound, "SHARE", "BYTES", *bound, "SHARE", "EACH")
    rows: list[tuple[str, ...]] = [(*head, *(name.upper() for _, name in more))]
    families = [(printable(family["family"]), family) for family in report["families"]]
    others = report["other_families"]
    if others["count"]:
        families.append((f"({others['count']} others)", others))
    for name, family in families:
        rows.append(
            (
                name,
                f"{family['keys']:,}",
                *([f"{family['keys_error']:,}"] if estimated else []),
                share(family["keys"], report["keys"]),
                size(family["bytes"]),
                *([size(family["bytes_error"])] if estimated else []),
                share(family["bytes"], report["bytes"]),
                size(family["bytes"] / max(family["keys"], 1)),
                *cells(family, more),
            )
        )
    return table(rows, indent=2, width=width)


def _biggest(report: Mapping[str, Any], width: int | None) -> list[str]:
    rows = [("BYTES", "FAMILY", "BIGGEST ENTRIES, BY THEIR STORED KEYS")]
    rows += [
        (size(entry["bytes"]), printable(entry["family"]), printable(entry["key"]))
        for entry in report["biggest"]
    ]
    return table(rows, indent=2, width=width)
