"""``top``: what servers do now, drawn anew every few seconds, or once for a log."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from ..commands import Operation
from ..exceptions import RedisCacheError
from . import counters
from .console import Console
from .hot import Hot
from .hot import lines as hot_lines
from .output import folded, per_second, share, size, span, table
from .servers import Info, cannot_be_asked, number
from .targets import Target, targets

INTERVAL = 2.0  # seconds, unless the command line says otherwise

_SLOWEST = 3  # commands of a server that are named
_COUNTED = re.compile(r"(calls|usec)=(\d+)")
#: What is asked here, and would be the slowest where nothing else happens.
_OUR_OWN = frozenset({"info", "object|freq"})

_Read = Mapping[str, counters.Told] | str


class _Watched:
    """A cache, with what was told of it the last time: by its servers, or the error for which they
    could not be found out."""

    def __init__(self, target: Target, *, hot: bool) -> None:
        self.alias = target.alias
        self._target = target
        self._hot = Hot(target) if hot else None
        self._before: _Read = {}

    def begin(self) -> None:
        """Reads what the first report is counted from."""
        self._before = self._read()

    def _read(self) -> _Read:
        try:
            return self._target.run(self._told())
        except (ImproperlyConfigured, RedisCacheError) as error:
            return self._target.explain(error)

    def _told(self) -> Operation[Mapping[str, counters.Told]]:
        told = yield from counters.read(self._target, "commandstats")
        return told if self._hot is None else (yield from self._hot.look(told))

    def report(self) -> dict[str, Any]:
        """What has happened since the report before."""
        before, self._before = self._before, self._read()
        found = {"alias": self.alias, **_report(before, self._before)}
        return found if self._hot is None else found | {"hot": self._hot.report()}


def run(
    console: Console,
    *,
    alias: list[str] | None,
    interval: float,
    once: bool,
    hot: bool,
    **options: Any,
) -> None:
    caches = [_Watched(target, hot=hot) for target in targets(alias)]
    if not once and console.live:
        _live(console, caches, interval)
        return
    for cache in caches:
        cache.begin()
    time.sleep(interval)
    found = [cache.report() for cache in caches]
    console.show(found, lines)
    unasked = [
        report["alias"]
        for report in found
        if any("error" in one for one in (report, *report["servers"]))
    ]
    if unasked:
        raise CommandError(f"Not all servers could be asked: {', '.join(unasked)}.")


def _live(console: Console, caches: Sequence[_Watched], interval: float) -> None:
    """Until somebody types q or Ctrl-C, which is how it ends and no failure."""
    try:
        with console.screen() as screen:
            drawn = [_title(interval), "", "counting …"]
            screen.draw(drawn)
            for cache in caches:
                cache.begin()
            while not screen.wait(interval):
                drawn = [_title(interval)]
                for cache in caches:
                    drawn += ["", *lines(cache.report(), console.style, screen.width)]
                screen.draw(drawn)
    except KeyboardInterrupt:
        pass


def _title(interval: float) -> str:
    return f"{time.strftime('%H:%M:%S')}  a second, over {span(interval)}  (q: quit)"


def _report(before: _Read, after: _Read) -> dict[str, Any]:
    if isinstance(before, str) or isinstance(after, str):
        return {"error": after if isinstance(after, str) else before, "servers": []}
    servers = []
    for name, now in after.items():
        then = before.get(name)
        server = counters.grown(name, then, now)
        if "seconds" in server and then is not None:
            server["maxmemory"] = number(now.info or {}, "maxmemory")
            server["slowest"] = _slowest(then, now.info or {}, server["seconds"])
        servers.append(server)
    return {"servers": servers, "hit_ratio": counters.together(servers)}


def _slowest(before: counters.Told, after: Info, seconds: float) -> list[dict[str, Any]]:
    """The commands that took the server longest each, of those that it ran meanwhile. Of one kind
    only the mean is known."""
    found: list[dict[str, Any]] = []
    first = before.info or {}
    for name, value in after.items():
        command = name.removeprefix("cmdstat_")
        if command == name or command in _OUR_OWN:
            continue
        then, now = _counted(first.get(name, "")), _counted(value)
        calls, taken = (now[one] - then.get(one, 0) for one in ("calls", "usec"))
        if calls > before.own.get(command, 0):
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
    if "hot" in report:
        text += hot_lines(report["hot"], style, width)
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
