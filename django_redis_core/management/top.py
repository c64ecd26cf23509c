"""``top``: what servers do now, drawn anew every few seconds, or once for a log."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from ..exceptions import RedisCacheError
from . import counters
from .console import Console
from .output import folded, per_second, share, size, span, table
from .servers import Info, cannot_be_asked, number
from .targets import Target, targets

INTERVAL = 2.0  # seconds, unless the command line says otherwise

_SLOWEST = 3  # commands of a server that are named
_COUNTED = re.compile(r"(calls|usec)=(\d+)")
#: What is asked here, and would be the slowest where nothing else happens.
_OUR_OWN = frozenset({"info"})

_Read = Mapping[str, counters.Told] | str


def run(
    console: Console, *, alias: list[str] | None, interval: float, once: bool, **options: Any
) -> None:
    caches = targets(alias)
    before = _read(caches)
    if not once and console.live:
        _live(console, caches, before, interval)
        return
    time.sleep(interval)
    found = _reports(caches, before, _read(caches))
    console.show(found, lines)
    unasked = [
        report["alias"]
        for report in found
        if any("error" in one for one in (report, *report["servers"]))
    ]
    if unasked:
        raise CommandError(f"Not all servers could be asked: {', '.join(unasked)}.")


def _live(
    console: Console, caches: Sequence[Target], before: Sequence[_Read], interval: float
) -> None:
    """Until somebody types q or Ctrl-C, which is how it ends and no failure."""
    try:
        with console.screen() as screen:
            drawn = [_title(interval), "", "counting …"]
            screen.draw(drawn)
            while not screen.wait(interval):
                now = _read(caches)
                drawn = [_title(interval)]
                for report in _reports(caches, before, now):
                    drawn += ["", *lines(report, console.style, screen.width)]
                screen.draw(drawn)
                before = now
    except KeyboardInterrupt:
        pass


def _title(interval: float) -> str:
    return f"{time.strftime('%H:%M:%S')}  a second, over {span(interval)}  (q: quit)"


def _read(caches: Sequence[Target]) -> list[_Read]:
    """What the servers of each cache tell; or the error for which they could not be found out."""
    found: list[_Read] = []
    for target in caches:
        try:
            found.append(target.run(counters.read(target, "commandstats")))
        except (ImproperlyConfigured, RedisCacheError) as error:
            found.append(target.explain(error))
    return found


def _reports(
    caches: Sequence[Target], before: Sequence[_Read], after: Sequence[_Read]
) -> list[dict[str, Any]]:
    return [
        {"alias": target.alias, **_report(first, last)}
        for target, first, last in zip(caches, before, after, strict=True)
    ]


def _report(before: _Read, after: _Read) -> dict[str, Any]:
    if isinstance(before, str) or isinstance(after, str):
        return {"error": after if isinstance(after, str) else before, "servers": []}
    servers = []
    for name, now in after.items():
        then = before.get(name)
        server = counters.grown(name, then, now)
        if "seconds" in server and then is not None:
            server["maxmemory"] = number(now.info or {}, "maxmemory")
            server["slowest"] = _slowest(then.info or {}, now.info or {}, server["seconds"])
        servers.append(server)
    return {"servers": servers, "hit_ratio": counters.together(servers)}


def _slowest(before: Info, after: Info, seconds: float) -> list[dict[str, Any]]:
    """The commands that took the server longest each, of those that it ran meanwhile. Of one kind
    only the mean is known."""
    found: list[dict[str, Any]] = []
    for name, value in after.items():
        command = name.removeprefix("cmdstat_")
        if command == name or command in _OUR_OWN:
            continue
        then, now = _counted(before.get(name, "")), _counted(value)
        calls, taken = (now[one] - then.get(one, 0) for one in ("calls", "usec"))
        if calls > 0:
            found.append(
                {
                    "command": command.replace("|", " ").upper(),
                    "calls": round(calls / seconds, 3),
                    "milliseconds": round(taken / calls / 1000, 4),
                }
            )
    return sorted(found, key=lambda one: one["milliseconds"], reverse=True)[:_SLOWEST]


def _counted(text: str) -> dict[str, int]:
    return {name: int(count) for name, count in _COUNTED.findall(text)[:2]}


def lines(report: Mapping[str, Any], style: Any, width: int | None) -> list[str]:
    head = style.MIGRATE_HEADING(report["alias"])
    if "error" in report:
        return [f"{head}:", *_below(report["error"], style.ERROR, width)]
    hits = report["hit_ratio"]
    text = [f"{head}: {'-' if hits is None else share(hits, 1)} hits"]
    told = [server for server in report["servers"] if "seconds" in server]
    if told:
        text += table([_HEAD, *map(_row, told)], indent=2, width=width)
    for server in report["servers"]:
        if "error" in server:
            words = cannot_be_asked(server["name"], server["error"])
            text += _below(words, style.ERROR, width)
        elif "seconds" not in server:
            text += _below(f"{server['name']} refuses INFO.", style.WARNING, width)
        elif server["slowest"]:
            slowest = "; ".join(_slow(server["slowest"]))
            text += _below(f"slowest of {server['name']}: {slowest}", str, width)
    return text


_HEAD = ("SERVER", "ROLE", "OPS", "HITS", "RATIO", "EVICTED", "MEMORY", "OF")


def _row(server: Mapping[str, Any]) -> tuple[str, ...]:
    ratio = server["hit_ratio"]
    return (
        server["name"],
        server["role"],
        *(per_second(server[name]) for name in ("commands", "hits")),
        "-" if ratio is None else share(ratio, 1),
        per_second(server["evicted_keys"]),
        size(server["used_memory"]),
        size(server["maxmemory"]) if server["maxmemory"] else "-",
    )


def _slow(commands: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for one in commands:
        yield f"{one['command']} {one['milliseconds']:.3g} ms ({per_second(one['calls'])})"


def _below(words: str, color: Any, width: int | None) -> Iterator[str]:
    room = None if width is None else max(width - 2, 20)
    for line in folded(words, room):
        yield f"  {color(line)}"
