"""``get``, ``ttl``, ``delete`` and ``clear``: entries by their keys.

Looking changes nothing: the clients' own ``get`` may elect its caller to compute the next value, or
answer from memory, so what is shown here is read past it and taken out of the client's envelope.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.dispatch import Signal

from .._codec.codec import MISSING, is_lock_token
from .._codec.keys import Search
from .._engine.clients import client_of
from .._operations.declare import checked
from ..commands import FLUSHDB, GET, SCAN, Command, Operation, Primaries
from ..exceptions import ConnectionInterrupted, ReplyError, ServerRefused, WrongTypeError
from ..interfaces import Client, NotHarmless, Serializer
from ..signals import partial_failure, value_unreadable
from .output import counted, size, span
from .removing import Removing, remove_large
from .servers import DBSIZE, TYPE, is_refusal, name_of
from .targets import Target

_SHOWN = 2000  # characters of a value in a terminal
_BYTES = 400  # characters of one that is not decoded


def value_report(
    target: Target, key: str, version: str | None, decode: bool = False
) -> dict[str, Any]:
    """The entry under ``key`` as callers see it. What its format may run code for is not read
    unless ``decode``: then the bytes are shown, and why."""
    full = target.engine.naming.make(key, version)
    report: dict[str, Any] = {"alias": target.alias, "key": key, "stored_as": full, "found": False}
    try:
        data, fresh = _read(target, full)
    except WrongTypeError:
        kind = target.run(_reply(TYPE(full)))
        return report | {"problem": f"a {kind}, which get does not read"}
    if data is None:
        return report
    report |= {"bytes": len(data), "from_replica": not fresh}
    errors: list[Exception] = []
    careful = None if decode else careful_client(target, errors)
    if careful is not None:
        value = target.run(careful.seen(full, data, version))
        if value is MISSING and errors and isinstance(errors[0], NotHarmless):
            return report | {
                **_lasting(target, key, version, there=True),
                "found": True,
                "decoded": False,
                "why": str(errors[0]),
                "type": None,
                "repr": repr(data),
                "value": None,
            }
    else:
        with _told_by(value_unreadable, target) as errors:
            value = target.run(target.client.seen(full, data, version))
    if value is MISSING:
        if errors:
            words = f"unreadable: {type(errors[0]).__name__}: {target.explain(errors[0])}"
            if careful is not None:
                words += " (--decode reads it as the cache does)"
        else:
            words = (
                "a lock"
                if is_lock_token(data)
                else "there, but the client does not show it (expired and kept, for example)"
            )
        return report | {"problem": words}
    return report | {
        **_lasting(target, key, version, there=True),
        "found": True,
        "decoded": True,
        "type": type(value).__name__,
        "repr": repr(value),
        "value": _as_json(value),
    }


def careful_client(target: Target, errors: list[Exception]) -> Client | None:
    """A client that runs nothing for what it reads, and puts what it cannot read in ``errors``.
    None where the cache's own is so, or a sealer vouches for what is read: the site wrote it."""
    engine = target.engine
    codec = engine.codec
    if codec.sealer is not None and not codec.sealer.lets_through():
        return None
    readers = [reader for one in codec.serializers if (reader := one.harmless()) is not None]
    if readers == list(codec.serializers):
        return None

    def report(key: str, data: bytes, error: Exception) -> None:
        if not is_lock_token(data):
            errors.append(error)

    # One at least, as a codec needs: it reads nothing, and integers pass by.
    return client_of(
        engine.options, engine.naming, codec.with_serializers(readers or [_Nothing()], report)
    )


class _Nothing(Serializer):
    """Reads no format."""

    name = "none"

    def dumps(self, value: Any) -> bytes:
        raise ValueError("nothing is written here")

    def loads(self, data: bytes) -> Any:
        raise NotHarmless("its serializer does not say that reading is harmless")


def _read(target: Target, full: str) -> tuple[Any, bool]:
    """What is stored, and whether its primary says so: while that is away, whoever serves the
    site's reads does."""
    return from_anywhere(target, GET(full))


def from_anywhere(target: Target, command: Command) -> tuple[Any, bool]:
    """The same of any command that reads an entry."""
    try:
        return target.run(_reply(command.primary())), True
    except ConnectionInterrupted as trouble:
        try:
            return target.run(_reply(command)), False
        except ConnectionInterrupted:
            raise trouble from None  # it says more than that it is not tried again


def value_lines(report: dict[str, Any], style: Any, width: int | None) -> list[str]:
    if not report["found"]:
        return []
    if not report["decoded"]:
        return _undecoded(report, style)
    shown = report["repr"]
    if len(shown) > _SHOWN:
        shown = f"{shown[:_SHOWN]}… ({counted(len(shown), 'character')}; --json has all)"
    facts = f"{report['type']}, {size(report['bytes'])}, {_for_people(report)}"
    if report["from_replica"]:
        facts += "; read from a replica, for the primary cannot be asked"
    return [shown, style.MIGRATE_LABEL(f"({facts})")]


def _undecoded(report: dict[str, Any], style: Any) -> list[str]:
    shown = report["repr"]
    if len(shown) > _BYTES:
        shown = f"{shown[:_BYTES]}…"
    facts = f"not decoded, {size(report['bytes'])}, {_for_people(report)}"
    return [
        shown,
        style.MIGRATE_LABEL(f"({facts})"),
        f"Not read, for {report['why']}. With --decode it is read as the cache does.",
    ]


def ttl_report(
    target: Target, key: str, version: str | None, *, there: bool | None = None
) -> dict[str, Any]:
    """How long an entry lives on. ``ttl`` is in seconds, None for an entry that never expires.

    ``there``: whether it is, where that is known already. Then a server that refuses PTTL is no
    error: ``ttl`` is None, and there is ``ttl_refused``."""
    report = {
        "alias": target.alias,
        "key": key,
        "stored_as": target.engine.naming.make(key, version),
        **_lasting(target, key, version, there=there),
        "expires": None,
    }
    if report["found"] and report["ttl"] is not None:
        ends = timedelta(seconds=report["ttl"])
        with suppress(OverflowError):  # after the year 9999
            report["expires"] = (datetime.now(UTC) + ends).isoformat("T", "seconds")
    return report


def ttl_lines(report: dict[str, Any], style: Any, width: int | None) -> list[str]:
    if not report["found"]:
        return []
    at = f", at {report['expires']}" if report["expires"] else ""
    return [f"{_for_people(report)}{at}"]


def absence(report: dict[str, Any]) -> str:
    """Why ``get`` and ``ttl`` have nothing to show."""
    words = f"{report['stored_as']!r} in the cache {report['alias']!r}"
    return f"{words} is {report['problem']}." if "problem" in report else f"There is no {words}."


def _lasting(
    target: Target, key: str, version: str | None, *, there: bool | None
) -> dict[str, Any]:
    try:
        left = target.run(target.client.pttl(key, version))
    except (ReplyError, ServerRefused) as error:
        if there is None or not is_refusal(error):
            raise
        return {"found": there, "ttl": None, "ttl_refused": True}
    return {"found": left is None or left > 0, "ttl": None if left is None else left / 1000}


def _for_people(report: dict[str, Any]) -> str:
    if report.get("ttl_refused"):
        return "expires at a time that the server does not tell this user"
    seconds = report["ttl"]
    return "never expires" if seconds is None else f"expires in {span(seconds)}"


def _as_json(value: Any) -> Any:
    """``value`` where JSON has it, otherwise None; ``repr`` is beside it."""
    try:
        return json.loads(json.dumps(value, cls=DjangoJSONEncoder, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return None


def _reply(command: Command) -> Operation[Any]:
    return (yield command)


@contextmanager
def _told_by(signal: Signal, target: Target) -> Iterator[list[Exception]]:
    """The errors that a signal tells of in the body of the ``with``."""
    errors: list[Exception] = []

    def heard(*, exception: Exception, **rest: Any) -> None:
        errors.append(exception)

    signal.connect(heard, sender=target.alias)
    try:
        yield errors
    finally:
        signal.disconnect(heard, sender=target.alias)


def delete_keys(
    target: Target, keys: Sequence[str], version: str | None
) -> tuple[int, Exception | None]:
    """Deletes entries; how many there were, and the trouble where some servers had none of it."""
    with _told_by(partial_failure, target) as errors:
        large = target.run(remove_large(target.engine.naming.make_many(keys, version)))
        deleted = target.run(target.client.delete_many(list(keys), version)) or 0
    return large + deleted, errors[0] if errors else None


class Matching:
    """The stored keys that a command would delete."""

    def __init__(self, target: Target, search: Search) -> None:
        self.target = target
        self.match = search.match
        self.picks = search.picks
        self._count = target.client.scan_itersize

    def count(self, progress: Callable[[int], None]) -> int:
        """How many there are; SCAN may count one twice while the table is resized."""

        def counting() -> Operation[int]:
            found = 0
            for node in (yield Primaries()):
                cursor = -1
                while cursor:
                    cursor, keys = yield SCAN(max(cursor, 0), self.match, self._count).on(node)
                    found += len(keys if self.picks is None else [*filter(self._picked, keys)])
                    progress(found)
            return found

        return self.target.run(counting())

    def delete(self, progress: Callable[[int], None]) -> int:
        """Deletes them; how many there were."""
        picked = None if self.picks is None else self._picked
        return self.target.run(Removing(self.match, self._count, progress, picked).run())

    def _picked(self, key: bytes) -> bool:
        assert self.picks is not None
        return self.picks(key.decode(errors="surrogateescape"))


def by_pattern(target: Target, pattern: str, version: str | None) -> Matching:
    """The keys that callers name by a glob pattern."""
    return Matching(target, target.engine.naming.search(pattern, version))


def by_prefix(target: Target, prefix: str) -> Matching:
    """All keys with a KEY_PREFIX, whatever their version."""
    return Matching(target, Search(target.engine.naming.everything(prefix), None))


def databases(target: Target) -> list[tuple[str, int]]:
    """The databases that hold a cache, with the number of their keys."""

    def asked() -> Operation[list[tuple[str, int]]]:
        nodes = yield Primaries()
        counts = checked((yield [DBSIZE().on(node) for node in nodes]))
        return [(name_of(node), count) for node, count in zip(nodes, counts, strict=True)]

    return target.run(asked())


def flush(target: Target) -> None:
    """Empties the databases of a cache."""

    def flushing() -> Operation[None]:
        nodes = yield Primaries()
        checked((yield [FLUSHDB().on(node) for node in nodes]))

    target.run(flushing())
