"""``slowlog``: what took a server long, from its own log.

Of a command its name and key are told (or what stands in its place): the others are values, and no
business of whoever looks at what is slow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from ..commands import Command, Kind, Operation, Reply, mapping, text
from ..exceptions import ConnectionInterrupted
from .console import Console
from .output import counted, printable, shortened, table
from .reports import reports
from .servers import all_nodes, if_allowed, name_of
from .targets import Target

ENTRIES = 10  # of a server, unless the command line says otherwise

#: Where the first key stands, of commands that begin with something else.
_KEY_AT = {"EVAL": 3, "EVALSHA": 3, "EVAL_RO": 3, "EVALSHA_RO": 3, "FCALL": 3, "MSETEX": 2}

_SHOWN = 60  # characters of a key on a terminal


def _logged(reply: Reply) -> list[dict[str, Any]]:
    """https://redis.io/commands/slowlog-get/"""
    return [_entry(*entry) for entry in reply]


def _entry(
    number: int, at: int, microseconds: int, arguments: Sequence[Any], *client: Any
) -> dict[str, Any]:
    words = [one.decode(errors="replace") if isinstance(one, bytes) else one for one in arguments]
    place = _KEY_AT.get(words[0].upper(), 1) if words else 1
    return {
        "id": number,
        "at": datetime.fromtimestamp(at, UTC).isoformat("T", "seconds"),
        "milliseconds": microseconds / 1000,
        "command": words[0].upper() if words else "?",
        "key": words[place] if len(words) > place else None,
        "arguments": max(len(words) - 1, 0),
        "client": text(client[0]) if client else "",
    }


def _settings(reply: Reply) -> dict[str, str]:
    return {text(name): text(value) for name, value in mapping(reply).items()}


_SLOWLOG = Kind("SLOWLOG", write=False, read=_logged)
_LENGTH = Kind("SLOWLOG", write=False)
_CONFIG = Kind("CONFIG", write=False, read=_settings)


def SLOWLOG(count: int) -> Command:
    """The newest entries, as dicts."""
    return Command(_SLOWLOG, (b"SLOWLOG", b"GET", count), None)


def SLOWLOG_LEN() -> Command:
    """How many entries there are."""
    return Command(_LENGTH, (b"SLOWLOG", b"LEN"), None)


def CONFIG_GET(pattern: str) -> Command:
    """A dict of directives and their values."""
    return Command(_CONFIG, (b"CONFIG", b"GET", pattern), None)


def run(console: Console, *, alias: list[str] | None, count: int, **options: Any) -> None:
    shown = reports(console, alias, lambda target: report(target, count), lines)
    unasked = [one["alias"] for one in shown if "error" in one or any(_errors(one))]
    if unasked:
        raise CommandError(f"Not all servers could be asked: {', '.join(unasked)}.")


def _errors(report: Mapping[str, Any]) -> Iterator[str]:
    for server in report.get("servers", ()):
        if "error" in server:
            yield server["error"]


def report(target: Target, count: int) -> dict[str, Any]:
    """The newest ``count`` entries of each server of a cache."""
    try:
        return {"alias": target.alias, "servers": target.run(_servers(target, count))}
    except (ImproperlyConfigured, ConnectionInterrupted) as error:
        return {"alias": target.alias, "error": target.explain(error)}


def _servers(target: Target, count: int) -> Operation[list[dict[str, Any]]]:
    primaries, others = yield from all_nodes(target.engine)
    servers = []
    for node in (*primaries, *others):
        server: dict[str, Any] = {"name": name_of(node)}
        try:
            server |= yield from one_server(node, count)
        except ConnectionInterrupted as error:
            server["error"] = target.explain(error)
        servers.append(server)
    return servers


def one_server(node: Any, count: int) -> Operation[dict[str, Any]]:
    """``length`` and ``entries``, None where they are refused; ``threshold_ms``, None where that is
    refused or nothing is logged."""
    entries = yield from if_allowed(SLOWLOG(count).on(node))
    length = yield from if_allowed(SLOWLOG_LEN().on(node))
    settings = yield from if_allowed(CONFIG_GET("slowlog-log-slower-than").on(node))
    slower = int((settings or {}).get("slowlog-log-slower-than", -1))
    return {
        "threshold_ms": slower / 1000 if slower >= 0 else None,
        "length": length,
        "entries": entries,
    }


def lines(report: Mapping[str, Any], style: Any, width: int | None) -> list[str]:
    head = style.MIGRATE_HEADING(report["alias"])
    if "error" in report:
        return [f"{head}: {style.ERROR(report['error'])}"]
    return [
        f"{head}:",
        *(line for server in report["servers"] for line in _of(server, style, width)),
    ]


def _of(server: Mapping[str, Any], style: Any, width: int | None) -> Iterable[str]:
    name = server["name"]
    if "error" in server:
        yield f"  {style.ERROR(server['error'])}"
        return
    if server["entries"] is None:
        yield f"  {name} refuses SLOWLOG to this user"
        return
    slower = server["threshold_ms"]
    over = "" if slower is None else f", each over {slower:g} ms"
    logged = server["length"] if server["length"] is not None else len(server["entries"])
    yield f"  {name}: {counted(logged, 'entry')} in its log{over}"
    rows = [("AT", "MS", "COMMAND", "KEY", "CLIENT")]
    rows += [
        (
            entry["at"].removesuffix("+00:00").replace("T", " "),
            f"{entry['milliseconds']:,.3f}",
            printable(entry["command"]),
            shortened(printable(entry["key"] or ""), _SHOWN),
            printable(entry["client"]),
        )
        for entry in server["entries"]
    ]
    if len(rows) > 1:
        yield from table(rows, indent=4, width=width)
