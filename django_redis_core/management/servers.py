"""What an administrator asks servers, and how the answers read."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from .._engine.assembly import Engine
from ..commands import (
    HLEN,
    LLEN,
    SCARD,
    ZCARD,
    Command,
    Key,
    Kind,
    Operation,
    Primaries,
    Reply,
    cursor_and_items,
    text,
)
from ..exceptions import ReplyError, ServerRefused
from .targets import known_nodes

Info = dict[str, str]

SLOTS = 16_384  # of a cluster

#: How many elements a data structure has, by its type.
LENGTHS: dict[str, Callable[[str], Command]] = {
    "hash": HLEN,
    "list": LLEN,
    "set": SCARD,
    "zset": ZCARD,
}


def info_of(reply: Reply) -> Info:
    """INFO's lines by their names (https://redis.io/commands/info/)."""
    if isinstance(reply, dict):  # a client of the site's own that has read it already
        return {str(name): str(value) for name, value in reply.items()}
    lines = (line.partition(":") for line in text(reply).splitlines() if line[:1] != "#")
    return {name: value for name, colon, value in lines if colon}


def cursor_and_pairs(reply: Reply) -> tuple[int, list[tuple[bytes, bytes]]]:
    """The reply of HSCAN and ZSCAN: the next cursor, 0 at the end, and fields with values, or
    members with scores."""
    cursor, items = cursor_and_items(reply)
    if isinstance(items, dict):  # RESP3
        return cursor, list(items.items())
    flat = list(items)
    return cursor, list(zip(flat[::2], flat[1::2], strict=True))


def _seconds(reply: Reply) -> float:
    return int(reply[0]) + int(reply[1]) / 1e6


_PING = Kind("PING", write=False)
_INFO = Kind("INFO", write=False, read=info_of)
_TIME = Kind("TIME", write=False, read=_seconds)
_DBSIZE = Kind("DBSIZE", write=False)
_MEMORY = Kind("MEMORY", write=False)
_EVAL = Kind("EVAL", write=True)
_STRLEN = Kind("STRLEN", write=False)
_CLUSTER = Kind("CLUSTER", write=False, read=info_of)
_TYPE = Kind("TYPE", write=False, read=text)


def PING() -> Command:
    return Command(_PING, (b"PING",), None)


def INFO(section: str = "") -> Command:
    return Command(_INFO, (b"INFO", section) if section else (b"INFO",), None)


def TIME() -> Command:
    """The server's clock in Unix seconds."""
    return Command(_TIME, (b"TIME",), None)


def DBSIZE() -> Command:
    return Command(_DBSIZE, (b"DBSIZE",), None)


def CLUSTER_INFO() -> Command:
    """What the server makes of its cluster (https://redis.io/commands/cluster-info/)."""
    return Command(_CLUSTER, (b"CLUSTER", b"INFO"), None)


def EVAL_NOTHING() -> Command:
    """A script that does nothing: is it allowed?"""
    return Command(_EVAL, (b"EVAL", b"return 1", b"0"), None)


def MEMORY_USAGE(key: Key) -> Command:
    return Command(_MEMORY, (b"MEMORY", b"USAGE", key), key)


def STRLEN(key: Key) -> Command:
    return Command(_STRLEN, (b"STRLEN", key), key)


def TYPE(key: Key) -> Command:
    return Command(_TYPE, (b"TYPE", key), key)


def all_nodes(engine: Engine) -> Operation[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """The primaries, and the servers that serve only reads, or would if they were well. A client of
    the site's own that serves the cache (REDIS_CLIENT_CLASS) is one primary, None."""
    primaries = yield Primaries()
    if None in primaries:
        return primaries, ()
    others = dict.fromkeys([*known_nodes(engine), *engine.topology.unfit()])
    return primaries, tuple(node for node in others if node not in primaries)


def name_of(node: Any) -> str:
    """What to call a server: its address, without user and password."""
    return "the client of REDIS_CLIENT_CLASS" if node is None else str(node.name)


def cannot_be_asked(name: str, error: str) -> str:
    """That a server did not answer; most errors name it themselves."""
    return error if name in error else f"{name} cannot be asked: {error}"


def is_refusal(reply: Any) -> bool:
    """Whether an error says that the server has no such command or does not allow it to us."""
    return isinstance(reply, ReplyError) or (
        isinstance(reply, ServerRefused) and reply.code == "NOPERM"
    )


def if_allowed(command: Command) -> Operation[Any]:
    """The reply, or None where the command is refused."""
    try:
        return (yield command)
    except (ReplyError, ServerRefused) as error:
        if not is_refusal(error):
            raise
        return None


def identity(node: Any) -> Operation[str]:
    """A database of a running server: another one after a restart, which reorders what SCAN goes
    through. Where INFO is not allowed the address must do."""
    database = 0 if node is None else node.config.kwargs.get("db") or 0
    info = yield from if_allowed(INFO("server").on(node))
    run_id = info and info.get("run_id")
    return f"{(run_id or f'{zlib.crc32(name_of(node).encode()):08x}')[:12]}-{database}"


def number(info: Info, name: str) -> int:
    """An integer of INFO; 0 where the server does not tell."""
    try:
        return int(info.get(name, "0"))
    except ValueError:
        return 0


def product(info: Info) -> tuple[str, str]:
    """The server's name and version. Valkey calls itself Redis 7.2.4 too, for old clients."""
    if "valkey_version" in info:
        return "Valkey", info["valkey_version"]
    return info.get("server_name", "redis").capitalize(), info.get("redis_version", "?")
