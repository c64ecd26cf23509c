"""Real work on every cache, timed, with every value that comes back checked.

The tour prints it and the site's live page shows it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime
from statistics import median
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.cache import caches

from django_redis_core import get_redis_connection

from .books import BOOKS

BUDGET = 0.03  # seconds for one operation, after at least LEAST calls
LEAST = 7
MANY = 20

#: What only pickle can hold, what JSON and msgpack can, and text: by what the alias is for.
OBJECTS = {"books": BOOKS, "at": datetime(2026, 3, 1, 9, 30, tzinfo=UTC), "sold": (3, 5)}
RECORDS = {
    "books": [
        {"title": book.title, "price": float(book.price), "in_stock": True, "notes": None}
        for book in BOOKS
    ]
}
PAGE = "".join(f"<li><b>{book.title}</b>, {book.author}, {book.price}</li>\n" for book in BOOKS * 9)
VALUES = {
    "api": RECORDS,
    "pages": PAGE,
    "template_fragments": PAGE[:600],
    "sessions": {"seen": [book.slug for book in BOOKS[:3]], "visits": 3},
    "events": RECORDS,
    "archive": PAGE,
    "everything": RECORDS,
}


@dataclasses.dataclass(frozen=True)
class Line:
    """One operation on one cache: the bytes that its key has in Redis, the median time a call."""

    alias: str
    plugins: str
    operation: str
    stored: int
    microseconds: float


@dataclasses.dataclass
class Report:
    """The lines, how many values were compared, and in words each one that was not right."""

    lines: list[Line] = dataclasses.field(default_factory=list)
    values: int = 0
    wrong: list[str] = dataclasses.field(default_factory=list)

    def compare(self, place: str, expected: Any, got: Any) -> bool:
        self.values += 1
        if wrong := difference(expected, got):
            self.wrong.append(f"{place}: {wrong}")
        return not wrong


@dataclasses.dataclass(frozen=True)
class Work:
    """``call`` once for each value of ``expected``; ``key`` is the one whose size is shown."""

    operation: str
    key: str
    call: Callable[[], Any]
    expected: Iterable[Any]


def difference(expected: Any, got: Any) -> str:
    """What is different between two values, types included; empty when nothing is."""
    if type(expected) is not type(got):
        return f"{short(got)} is {type(got).__name__}, not {type(expected).__name__}"
    if isinstance(expected, dict) and expected.keys() == got.keys():
        pairs = [(f"[{key!r}]", expected[key], got[key]) for key in expected]
    elif isinstance(expected, list | tuple) and len(expected) == len(got):
        pairs = [(f"[{at}]", *pair) for at, pair in enumerate(zip(expected, got, strict=True))]
    elif dataclasses.is_dataclass(expected):
        names = [field.name for field in dataclasses.fields(expected)]
        pairs = [(f".{name}", getattr(expected, name), getattr(got, name)) for name in names]
    else:
        return "" if expected == got else f"{short(got)} is not {short(expected)}"
    for place, *pair in pairs:
        if wrong := difference(*pair):
            return f"{place} {wrong}"
    return ""


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:57]}..."


def plugins(alias: str) -> str:
    """The plugins that an alias names, outermost first, and pickle where it names no serializer."""
    options = {"SERIALIZER": "pickle", **settings.CACHES[alias].get("OPTIONS", {})}
    names = []
    for kind in ("CLIENT", "SERIALIZER", "COMPRESSOR"):
        written = options.get(kind, [])
        for plugin in written if isinstance(written, list) else [written]:
            name = plugin["NAME"] if isinstance(plugin, dict) else plugin
            names.append(getattr(name, "name", name))  # a class, or what it is called
    return ", ".join(names)


def stored(alias: str, key: str) -> int:
    """The bytes that Redis holds under a key, on the server where it lives."""
    return get_redis_connection(alias, key=key).strlen(caches[alias].make_key(key))


def blocking(alias: str, run: str) -> Iterator[Work]:
    """The work that is done on an alias through Django's blocking methods."""
    cache, value, key = caches[alias], VALUES.get(alias, OBJECTS), f"blocking:{run}"
    many = {f"many:{run}:{number}": value for number in range(MANY)}
    always = itertools.repeat
    yield Work("set", key, lambda: cache.set(key, value, 60), always(True))
    yield Work("get", key, lambda: cache.get(key), always(value))
    if alias in ("default", "popular", "sharded"):
        count = f"count:{run}"
        cache.set(count, 0, 60)
        yield Work("incr", count, lambda: cache.incr(count), itertools.count(1))
    if alias in ("default", "sharded", "everything"):
        first = next(iter(many))
        yield Work(f"set_many {MANY}", first, lambda: cache.set_many(many, 60), always([]))
        yield Work(f"get_many {MANY}", first, lambda: cache.get_many(many), always(many))
    if alias in ("default", "api"):

        def pipeline() -> list[Any]:
            with cache.pipeline() as queue:
                queue.set(key, value, 60)
                queue.get(key)
                queue.ttl(key)
                return queue.execute()

        yield Work("pipeline of 3", key, pipeline, always([True, value, 60]))
    if alias in ("popular", "everything"):
        computed = f"computed:{run}"
        yield Work(
            "get_or_set",
            computed,
            lambda: cache.get_or_set(computed, lambda: value, 60),
            always(value),
        )


def native(alias: str, run: str) -> Iterator[Work]:
    """The same through the coroutine methods."""
    cache, value, key = caches[alias], VALUES.get(alias, OBJECTS), f"native:{run}"
    always = itertools.repeat
    yield Work("aset", key, lambda: cache.aset(key, value, 60), always(True))
    yield Work("aget", key, lambda: cache.aget(key), always(value))


def measure(calls: int) -> Report:
    """Does all work on all aliases, each operation up to ``calls`` times."""
    report, run = Report(), uuid4().hex[:8]
    for alias in settings.CACHES:
        with Failures(report, alias):
            caches[alias].get("warm-up")  # connecting is not what is measured
            for work in blocking(alias, run):
                times = []
                for expected in within(calls, work.expected):
                    start = time.perf_counter()
                    got = work.call()
                    times.append(time.perf_counter() - start)
                    if not report.compare(f"{alias}, {work.operation}", expected, got):
                        break
                report.lines.append(line(alias, work, times))
    asyncio.run(_measure_native(report, run, calls))
    order = list(settings.CACHES)
    report.lines.sort(key=lambda line: order.index(line.alias))
    return report


async def _measure_native(report: Report, run: str, calls: int) -> None:
    for alias in settings.CACHES:
        with Failures(report, alias):
            await caches[alias].aget("warm-up")
            for work in native(alias, run):
                call: Callable[[], Awaitable[Any]] = work.call
                times = []
                for expected in within(calls, work.expected):
                    start = time.perf_counter()
                    got = await call()
                    times.append(time.perf_counter() - start)
                    if not report.compare(f"{alias}, {work.operation}", expected, got):
                        break
                report.lines.append(line(alias, work, times))


class Failures:
    """An error on one alias is told like a wrong value, and the other aliases are still tried."""

    def __init__(self, report: Report, alias: str) -> None:
        self.report = report
        self.alias = alias

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> bool:
        if not isinstance(error, Exception):
            return False
        self.report.wrong.append(f"{self.alias}: {type(error).__name__}: {error}")
        return True


def within(calls: int, expected: Iterable[Any]) -> Iterator[Any]:
    """Up to ``calls`` of what is expected, fewer when that takes longer than BUDGET."""
    end = time.perf_counter() + BUDGET
    for number, value in enumerate(itertools.islice(expected, calls)):
        if number >= LEAST and time.perf_counter() > end:
            return
        yield value


def line(alias: str, work: Work, times: list[float]) -> Line:
    size = stored(alias, work.key)
    return Line(alias, plugins(alias), work.operation, size, median(times) * 1e6)


def by_alias(lines: Iterable[Line]) -> list[tuple[str, str, list[Line]]]:
    """Lines as (alias, plugins, lines)."""
    groups = itertools.groupby(lines, key=lambda line: (line.alias, line.plugins))
    return [(*names, list(group)) for names, group in groups]


def servers() -> list[dict[str, Any]]:
    """What the servers of all aliases say of themselves (https://redis.io/commands/info/)."""
    clients = {
        get_redis_connection(alias, key=key) for alias in settings.CACHES for key in "abcdefgh"
    }
    infos = {info["run_id"]: info for info in (client.info() for client in clients)}
    return sorted(infos.values(), key=lambda info: info["uptime_in_seconds"], reverse=True)
