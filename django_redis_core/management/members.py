"""One entry of any type: a value, or the members of a hash, list, set or sorted set in pages."""

from __future__ import annotations

from typing import Any

from .._codec.codec import MISSING, reads_as_int
from .._codec.keys import CacheKey
from ..commands import GET, LRANGE, SSCAN, ZRANGE_WITHSCORES, Operation, reading
from ..exceptions import ReplyError, SealError, ServerRefused
from ..interfaces import Client, NotHarmless
from . import entries
from .servers import LENGTHS, MEMORY_USAGE, TYPE, cursor_and_pairs, if_allowed, is_refusal
from .targets import Target

#: Members of a page.
SIZE = 100


_HSCAN = reading("HSCAN", cursor_and_pairs)


def entry(
    target: Target, key: str, version: Any = None, *, decode: bool = False, at: int = 0
) -> dict[str, Any]:
    """What is stored under ``key``, which may be a ``CacheKey``. Values are read as ``get`` of the
    commands does: with ``decode`` also those that may run code. ``at`` is the ``next`` of the
    members' page before."""
    full = target.engine.naming.make(key, version)
    stored = CacheKey(full)
    kind, fresh = _kind(target, full)
    if kind in LENGTHS:
        report = _structure(target, full, kind, decode, at)
        ttl = entries.ttl_report(target, stored, version, there=True)
        report |= {name: ttl[name] for name in ("ttl", "ttl_refused") if name in ttl}
        report["from_replica"] = not fresh
    elif kind in ("string", None):
        report = entries.value_report(target, stored, version, decode)
        if report["found"] or "problem" in report:
            report["format"] = _format(target, full)
    else:
        report = {"found": kind != "none", "ttl": None}
        if kind != "none":
            report["problem"] = f"a {kind}, which no operation of a cache reads"
    return report | {
        "alias": target.alias,
        "stored_as": full,
        "kind": None if kind == "none" else kind,
        "memory": target.run(if_allowed(MEMORY_USAGE(full))) if report["found"] else None,
    }


def _kind(target: Target, full: str) -> tuple[str | None, bool]:
    """Its type, None where the server does not tell."""
    try:
        return entries.from_anywhere(target, TYPE(full))
    except (ReplyError, ServerRefused) as error:
        if not is_refusal(error):
            raise
        return None, True


def _structure(target: Target, full: str, kind: str, decode: bool, at: int) -> dict[str, Any]:
    errors: list[Exception] = []
    careful = None if decode else entries.careful_client(target, errors)
    client = careful or target.client
    length, rows, after = target.run(_members(full, kind, at))
    members = []
    for facts, data in rows:
        errors.clear()
        members.append({**facts, **_member(client, full, data, errors)})
    return {
        "found": True,
        "length": length,
        "members": members,
        "next": after,
        "undecoded": sum(not member["decoded"] for member in members),
    }


def _members(
    full: str, kind: str, at: int
) -> Operation[tuple[int, list[tuple[dict[str, Any], bytes]], int | None]]:
    """How many there are; a page of them, each with what is told beside it; where the next
    begins. It never asks for all: a hash may have a million."""
    length = yield LENGTHS[kind](full)
    rows: list[tuple[dict[str, Any], bytes]]
    if kind == "hash":
        cursor, pairs = yield _HSCAN(full, at, b"COUNT", SIZE)
        rows = [({"field": field.decode(errors="replace")}, data) for field, data in pairs]
        return length, rows, cursor or None
    if kind == "set":
        cursor, items = yield SSCAN(full, at, b"COUNT", SIZE)
        return length, [({}, data) for data in items], cursor or None
    after = at + SIZE if at + SIZE < length else None
    if kind == "list":
        items = yield LRANGE(full, at, at + SIZE - 1)
        rows = [({"index": at + place}, data) for place, data in enumerate(items)]
    else:
        scored = yield ZRANGE_WITHSCORES(full, at, at + SIZE - 1, b"WITHSCORES")
        rows = [({"score": score}, data) for data, score in scored]
    return length, rows, after


def _member(client: Client, full: str, data: bytes, errors: list[Exception]) -> dict[str, Any]:
    value = client.decode(full, data)
    if value is not MISSING:
        return {"decoded": True, "type": type(value).__name__, "repr": repr(value)}
    why = "it cannot be read"
    if errors:
        why = str(errors[0]) if isinstance(errors[0], NotHarmless) else type(errors[0]).__name__
    return {"decoded": False, "why": why, "type": None, "repr": repr(data)}


def _format(target: Target, full: str) -> list[str]:
    """What its bytes are: the names of serializer, compressor and sealer, as far as they tell."""
    data, _ = entries.from_anywhere(target, GET(full))
    if data is None:
        return []
    if reads_as_int(data):
        return ["integer"]
    codec, names = target.client.codec, []
    if codec.sealer is not None:
        try:
            data = codec.sealer.unseal(full, data)
        except SealError:
            return ["not sealed as values are now"]
        names.append(codec.sealer.name)
    frame = next((one for one in codec.compressors if one.recognises(data)), None)
    if frame is not None:
        names.insert(0, frame.name)
        try:
            data = frame.decompress(data)
        except codec.errors:
            return [*names, "damaged"]
    reader = next((one for one in codec.serializers if one.recognises(data)), None)
    return ([reader.name] if reader is not None else []) + names
