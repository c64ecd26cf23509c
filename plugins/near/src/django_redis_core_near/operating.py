"""What operators see of near: ``manage.py redis_cache near``, and a column of ``stats``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django_redis_core.commands import Command, Kind, text
from django_redis_core.exceptions import ReplyError, ServerRefused
from django_redis_core.interfaces import ServerColumn, Subcommand

from .client import NearClient

if TYPE_CHECKING:
    from django_redis_core.commands import Operation
    from django_redis_core.interfaces import BuiltCache

#: INFO's name of the connections that a server tells of writes
#: (https://redis.io/commands/info/): one for each process and prefix.
TRACKING = "tracking_clients"


def _listeners(reply: Any) -> int | None:
    """How many connections INFO tells of, or None where it does not say."""
    for line in text(reply).splitlines():
        name, _, value = line.partition(":")
        if name == TRACKING and value.isdecimal():
            return int(value)
    return None


_INFO = Kind("INFO", write=False, read=_listeners)


def _column(info: Mapping[str, str]) -> int | None:
    return int(info[TRACKING]) if info.get(TRACKING, "").isdecimal() else None


LISTENERS = ServerColumn("listeners", _column)


class NearSubcommand(Subcommand):
    """Whether this host is told of writes, and how many others are."""

    name = "near"
    help = "Show whether servers tell of writes, so that copies are kept, and how many listen."

    def report(self, cache: BuiltCache) -> Any:
        client = cache.part(NearClient)
        return {"servers": cache.run(_servers(client)), "limits": client.limits()}

    def lines(self, report: Any) -> Iterator[str]:
        for server in report["servers"]:
            told = "tells of writes"
            if not server["heard"]:
                told = f"tells of no writes: {server['trouble']}"
            count = server["listeners"]
            others = "" if count is None else f"; connections that listen: {count}"
            yield f"{server['name']} {told}{others}"
        limits = report["limits"]
        yield (
            f"a process keeps at most {limits['entries']:,} copies of {limits['bytes']:,} bytes, "
            f"each for {limits['ttl']:g} s at most"
        )

    def problem(self, report: Any) -> str:
        deaf = [server["name"] for server in report["servers"] if not server["heard"]]
        return f"nothing is kept of what is read from {', '.join(deaf)}" if deaf else ""


def _servers(client: NearClient) -> Operation[list[dict[str, Any]]]:
    """Each server: whether this process hears it, and how many connections do, its own excluded."""
    found: list[dict[str, Any]] = []
    yield from client.wait_for_primaries()
    for node, tracker in client.trackers.items():
        yield from client.wait_for(tracker)
        try:
            listeners = yield Command(_INFO, (b"INFO", b"clients"), None).on(node)
        except (ReplyError, ServerRefused):  # an ACL without INFO
            listeners = None
        if listeners and tracker.alive:
            listeners -= 1
        server = {"name": tracker.name, "heard": tracker.alive, "listeners": listeners}
        if not tracker.alive:
            server["trouble"] = tracker.trouble or tracker.doubt or "it has not answered yet"
        found.append(server)
    for name, why in client.untold().items():
        found.append({"name": name, "heard": False, "listeners": None, "trouble": why})
    return found
