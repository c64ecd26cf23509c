"""Strikes time limits into calls at random moments, in a process of its own; see
test_time_limits.py.

    python limits.py COUNT WAY

WAY is "signal", where a handler raises, or "thread", where another thread sets the exception
(``PyThreadState_SetAsyncExc``). COUNT limits are struck in each stack of plugins. Prints what was
counted, as JSON.
"""

from __future__ import annotations

import _weakrefset
import ctypes
import json
import random
import signal
import socket
import sys
import threading
import time
import weakref
from contextlib import suppress
from types import CodeType, FrameType
from typing import Any

import redis.connection
from django.conf import settings

from django_redis_core import signals
from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import NotANumberError
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.servers import Server

KEYS = [f"key{number}" for number in range(8)]

#: Options of caches; in each of them what cannot be read is deleted.
STACKS: dict[str, dict[str, Any]] = {
    "pickle": {},
    "json": {"SERIALIZER": "json"},
    "msgpack": {"SERIALIZER": "msgpack"},
    "two serializers": {"SERIALIZER": ["pickle", "json"]},
    "zstd": {"COMPRESSOR": "zstd"},
    "two compressors": {"COMPRESSOR": ["lz4", "zlib"]},
    "signed": {"SEALER": "signed", "SERIALIZER": ["json", "pickle"], "COMPRESSOR": "zlib"},
    "encrypted": {"SEALER": "encrypted", "COMPRESSOR": "lz4"},
    "herd": {"CLIENT": "herd"},
    "herd's tuples": {"CLIENT": "herd", "HERD_FORMAT": "django-redis"},
    "near": {"CLIENT": "near", "SERIALIZER": "json"},
}


class Limit(Exception):
    """As Celery's and RQ's: an Exception like any other."""


class LimitOfRuntime(RuntimeError):
    """Of the class that libraries in C like."""


class LimitOfValue(ValueError):
    """The worst choice: what serializers themselves raise."""


class LimitOfBase(BaseException):
    """As gevent's."""


#: Modules whose ``remove``, ``_remove`` or ``start`` lose an exception.
DROPPING = (weakref.__file__, _weakrefset.__file__, threading.__file__)

WAITING = {"Link.call", "_HiredisParser.read_from_socket", "Connection._connect"}

#: A number that no debugger has.
TOOL = 4

KINDS = (Limit, LimitOfRuntime, LimitOfValue, LimitOfBase)


class Item:
    """Is pickled and unpickled by code in Python, into which a limit may strike."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __getstate__(self) -> dict[str, Any]:
        return {"number": sum(1 for _ in range(self.number))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.number = sum(1 for _ in range(state["number"]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Item) and other.number == self.number

    __hash__ = None  # type: ignore[assignment]


def value_of(key: str, plain: bool) -> Any:
    rows: list[Any] = [{"key": key, "row": row, "text": "x" * 20} for row in range(40)]
    return rows if plain else [*rows, *map(Item, range(15))]


def is_dropped_in(frame: FrameType | None) -> bool:
    """Whether Python's own library or redis-py, which uses it to connect, drops an exception there
    or takes it for one of its own."""
    while frame is not None:
        code = frame.f_code
        if code.co_name in ("__del__", "_intenum_converter"):
            return True
        # A weak reference's callback; and where a thread is started, a KeyError takes its place.
        if code.co_name in ("remove", "_remove", "start") and code.co_filename in DROPPING:
            return True
        if "metadata" in code.co_filename and "importlib" in code.co_filename:
            return True
        if code.co_name == "__init__" and code.co_filename == redis.connection.__file__:
            return True
        frame = frame.f_back
    return False


def names_of(frame: FrameType | None) -> str:
    """The innermost calls, for whoever reads a failure."""
    names: list[str] = []
    while frame is not None and len(names) < 8:
        names.append(f"{frame.f_code.co_qualname}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(names)


class Run:
    """One stack of plugins under one way to strike."""

    def __init__(self, name: str, cache: RedisCache, way: str) -> None:
        self.name = name
        self.cache = cache
        self.way = way
        self.plain = cache._engine.codec.serializers[0].name != "pickle"
        self.wrong: list[str] = []
        self.swallowed: list[str] = []
        self.changed: list[str] = []
        self.unreadable: list[str] = []
        self.struck = 0
        self.kind: type[BaseException] = Limit
        self.fired = False
        self.where = ""
        # What is not seen was raised in ``raised`` itself, where the interpreter drops it.
        self.is_monitored = way == "thread" and sys.version_info >= (3, 12)
        self.dropped = self.is_monitored
        self.also_waiting = False

    def fill(self) -> None:
        self.cache.set_many({key: value_of(key, self.plain) for key in KEYS}, None)
        self.cache.set("number", 5, None)

    def check(self, key: str, value: object) -> None:
        if value != value_of(key, self.plain):
            self.wrong.append(f"{self.name}: {key} gave {value!r:.60}")

    def one_operation(self) -> None:
        cache, key, kind = self.cache, random.choice(KEYS), random.randrange(5)
        if kind == 0:
            self.check(key, cache.get(key))
        elif kind == 1:
            found = cache.get_many([key, *KEYS[:3]])
            for name in {key, *KEYS[:3]}:
                self.check(name, found.get(name))
        elif kind == 2:
            cache.set(key, value_of(key, self.plain), None)
        elif kind == 3:
            self.check(key, cache.get_or_set(key, lambda: "computed"))
        else:
            with suppress(NotANumberError):
                cache.incr(key)
                self.wrong.append(f"{self.name}: {key} was counted")
            cache.incr("number")

    def may_strike(self, frame: FrameType) -> bool:
        """Mostly not where it waits for the server, which is where it is most of the time."""
        waits = frame.f_code.co_qualname in WAITING
        return (self.also_waiting or not waits) and not is_dropped_in(frame)

    def handler(self, number: int, frame: FrameType | None) -> None:
        assert frame is not None
        if not self.may_strike(frame):
            signal.setitimer(signal.ITIMER_REAL, 0.0002)
        elif not self.fired:
            self.fired, self.where = True, names_of(frame)
            raise self.kind

    def from_thread(self, thread: int, after: float) -> None:
        time.sleep(after)
        while True:
            frame = sys._current_frames()[thread]
            if self.may_strike(frame):
                break
            del frame  # or its locals live on here
            time.sleep(0.00005)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread), ctypes.py_object(self.kind)
        )
        self.fired = True

    def raised(self, code: CodeType, offset: int, error: BaseException) -> None:
        """Where it strikes is known then only, for the thread may have gone on since it was looked
        at."""
        if isinstance(error, self.kind) and not self.where:
            frame = sys._getframe(1)
            self.where = names_of(frame)
            self.dropped = is_dropped_in(frame)

    def strike(self) -> None:
        """Operations until a limit strikes, which must come out as itself."""
        self.fired, self.where, self.dropped = False, "", self.is_monitored
        self.kind = random.choice(KINDS)
        self.also_waiting = random.random() < 0.1
        after = random.uniform(0.0001, 0.002)
        helper = None
        try:
            if self.way == "signal":
                signal.setitimer(signal.ITIMER_REAL, after)
            else:
                # What another thread sets is raised a call later, where connecting may drop it.
                self.cache.get("number")
                helper = threading.Thread(
                    target=self.from_thread, args=(threading.get_ident(), after)
                )
                helper.start()
            rest = 1  # what another thread sets is raised by the next operation at the latest
            while not self.fired or (rest := rest - 1) >= 0:
                self.one_operation()
            if not self.dropped:
                self.swallowed.append(f"{self.name}: {self.kind.__name__} in {self.where}")
        except KINDS:
            self.struck += 1
        except Exception as error:
            self.changed.append(
                f"{self.name}: {self.kind.__name__} became {error!r:.200} in {self.where}"
            )
        if helper is not None:
            helper.join()

    def run(self, count: int) -> None:
        self.fill()
        for _ in range(count):
            with suppress(*KINDS):  # it may strike where ``strike`` no longer holds it
                self.strike()
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.fired = True
        for key in KEYS:
            self.check(key, self.cache.get(key))
        if type(self.cache.get("number")) is not int:
            self.wrong.append(f"{self.name}: the number is gone")


def main(url: str, count: int, way: str) -> dict[str, Any]:
    settings.configure(SECRET_KEY="of the tests, and long enough for both of the sealers")
    # The finalizer of a socket calls it, and drops what strikes in code of Python.
    socket.socket.__repr__ = object.__repr__  # type: ignore[method-assign]
    sys.setswitchinterval(0.00001)
    runs, dropped = [], []
    sys.unraisablehook = lambda error: dropped.append(repr(error.object))
    unreadable: list[str] = []

    def heard(exception: Exception, **details: Any) -> None:
        unreadable.append(repr(exception))

    signals.value_unreadable.connect(heard)
    if sys.version_info >= (3, 12):
        sys.monitoring.use_tool_id(TOOL, "limits")
        sys.monitoring.set_events(TOOL, sys.monitoring.events.RAISE)
    for number, (name, options) in enumerate(STACKS.items()):
        entry = {
            "KEY_PREFIX": f"limits{number}",
            "OPTIONS": {"DELETE_UNREADABLE": True, **PATIENCE, **options},
        }
        run = Run(name, RedisCache(url, entry), way)
        if way == "signal":
            signal.signal(signal.SIGALRM, run.handler)
        elif sys.version_info >= (3, 12):
            sys.monitoring.register_callback(TOOL, sys.monitoring.events.RAISE, run.raised)
        run.run(count)
        runs.append(run)
    lost = [text for run in runs for text in run.swallowed]
    return {
        "struck": sum(run.struck for run in runs),
        "wrong": [text for run in runs for text in run.wrong],
        # Python drops what strikes in a finalizer or a weak reference's callback. Where it does not
        # say where an exception is raised, they are counted.
        "swallowed": lost if runs[0].is_monitored else lost[len(dropped) :],
        "changed": [text for run in runs for text in run.changed],
        "unreadable": unreadable,
    }


if __name__ == "__main__":
    with Server() as server:
        sys.stdout.write(json.dumps(main(server.url, int(sys.argv[1]), sys.argv[2])))
