"""A process that is measured, for ``rivals.py``, which starts it in an environment that has it.

    python rivals_site.py CONTENDER KIND SERIALIZER URL PREFIX

Knows Django's cache API only, for it runs on every backend. Each line that it reads is the name of
a piece of work, or of a load (see ``tails.py``), as JSON; it does a batch of it and prints what the
batch cost, as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import pickle
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from contenders import ASYNCIO, BLOCKING, BY_NAME, LEAST, PICKLE, SAYS, Contender
from interleaved import calls_in_a_batch
from loads import tasks, threads

TIMEOUT = 300  # seconds: what Django's caches take when nothing is said
#: Calls of each task in a batch, by the number of tasks.
TASKS = {1: 500, 50: 20, 300: 10}

SMALL = "x" * 100
RECORD = {f"field{number}": "value " * 15 for number in range(20)}
MANY = {f"key{number}": f"value {number}" * 5 for number in range(100)}

Work = Callable[[], object]
Read = Callable[[], Awaitable[object]]


def codec(serializer: str) -> tuple[Callable[[Any], bytes], Callable[[Any], Any]]:
    if serializer == PICKLE:
        return pickle.dumps, pickle.loads
    import msgpack

    return msgpack.packb, msgpack.unpackb


def bare(module: Any, url: str, serializer: str, prefix: str) -> dict[str, Work]:
    """A client's own calls, with the bytes that a backend sends."""
    cls = getattr(module, "Redis", None) or module.Valkey
    raw = cls.from_url(url, protocol=2)
    dumps, loads = codec(serializer)
    small = dumps(SMALL)
    small_key, record_key = f"{prefix}:1:small", f"{prefix}:1:record"
    count_key, nothing_key = f"{prefix}:1:count", f"{prefix}:1:nothing"
    keys = [f"{prefix}:1:{key}" for key in MANY]
    milliseconds = TIMEOUT * 1000

    def set_many() -> None:
        with raw.pipeline(transaction=False) as pipe:
            for key, value in MANY.items():
                pipe.set(f"{prefix}:1:{key}", dumps(value), px=milliseconds)
            pipe.execute()

    raw.set(small_key, small)
    raw.set(record_key, dumps(RECORD))
    raw.set(count_key, 0)
    raw.mset({f"{prefix}:1:{key}": dumps(value) for key, value in MANY.items()})
    assert loads(raw.get(record_key)) == RECORD
    return {
        "get 100 B": lambda: raw.get(small_key),
        "get dict 2 KB": lambda: loads(raw.get(record_key)),
        "get miss": lambda: raw.get(nothing_key),
        "set 100 B": lambda: raw.set(small_key, small, px=milliseconds),
        "touch": lambda: raw.pexpire(record_key, milliseconds),
        "incr": lambda: raw.incrby(count_key, 1),
        "get_many 100": lambda: [loads(data) for data in raw.mget(keys)],
        "set_many 100": set_many,
    }


def least(url: str, serializer: str, prefix: str) -> dict[str, Work]:
    """What is left without a client: the same commands, packed beforehand but for a hundred values,
    and their replies."""
    import hiredis

    address = urlsplit(url)
    sock = socket.create_connection((address.hostname or "", address.port or 6379))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reader, buffer = hiredis.Reader(), bytearray(65536)
    dumps, loads = codec(serializer)

    def ask(command: bytes) -> Any:
        sock.sendall(command)
        while True:
            reader.feed(buffer, 0, sock.recv_into(buffer))
            reply = reader.gets()
            if reply is not False:
                return reply

    def packed(*args: str | bytes | int) -> bytes:
        return bytes(hiredis.pack_command(args))

    small, record, count, nothing, *keys = (
        f"{prefix}:1:{name}" for name in ("small", "record", "count", "nothing", *MANY)
    )
    milliseconds = TIMEOUT * 1000
    get_small, get_record, get_nothing = (packed("GET", key) for key in (small, record, nothing))
    set_small = packed("SET", small, dumps(SMALL), "PX", milliseconds)
    touch, incr = packed("PEXPIRE", record, milliseconds), packed("INCRBY", count, 1)
    get_many = packed("MGET", *keys)

    def set_many() -> Any:
        pairs = [
            part for pair in zip(keys, map(dumps, MANY.values()), strict=True) for part in pair
        ]
        return ask(packed("MSETEX", len(keys), *pairs, "PX", milliseconds))

    ask(packed("SET", record, dumps(RECORD)))
    assert ask(set_small) == b"OK"
    assert set_many() == 1
    assert loads(ask(get_record)) == RECORD
    return {
        "get 100 B": lambda: ask(get_small),
        "get dict 2 KB": lambda: loads(ask(get_record)),
        "get miss": lambda: ask(get_nothing),
        "set 100 B": lambda: ask(set_small),
        "touch": lambda: ask(touch),
        "incr": lambda: ask(incr),
        "get_many 100": lambda: [loads(data) for data in ask(get_many)],
        "set_many 100": set_many,
    }


async def bare_asyncio(module: Any, url: str, serializer: str, prefix: str) -> Read:
    cls = getattr(module.asyncio, "Redis", None) or module.asyncio.Valkey
    raw = cls.from_url(url, max_connections=400, protocol=2)
    key = f"{prefix}:1:small"
    await raw.set(key, codec(serializer)[0](SMALL))
    return lambda: raw.get(key)


def configure(contender: Contender, kind: str, serializer: str, url: str, prefix: str) -> None:
    import django
    from django.conf import settings

    other = contender.asyncio_backend if kind == ASYNCIO else ""
    settings.configure(
        CACHES={
            "default": {
                "BACKEND": other or contender.backend,
                "LOCATION": url,
                "TIMEOUT": TIMEOUT,
                "KEY_PREFIX": prefix,
                "OPTIONS": {**contender.serializers[serializer]},
            }
        }
    )
    django.setup()


def backend() -> dict[str, Work]:
    """The same of Django's cache API."""
    from django.core.cache import caches

    cache = caches["default"]  # what a view holds; the `cache` proxy adds the same to every backend
    names = list(MANY)
    cache.set("small", SMALL, None)
    cache.set("record", RECORD, None)
    cache.set("count", 0, None)
    cache.set_many(MANY, None)  # a long run takes longer than they would live
    assert cache.get("small") == SMALL
    assert cache.get("record") == RECORD
    assert cache.get("nothing") is None
    assert cache.get_many(names) == MANY
    assert cache.incr("count") == 1
    assert cache.touch("record", TIMEOUT)
    return {
        "get 100 B": lambda: cache.get("small"),
        "get dict 2 KB": lambda: cache.get("record"),
        "get miss": lambda: cache.get("nothing"),
        "set 100 B": lambda: cache.set("small", SMALL),
        "touch": lambda: cache.touch("record"),
        "incr": lambda: cache.incr("count"),
        "get_many 100": lambda: cache.get_many(names),
        "set_many 100": lambda: cache.set_many(MANY),
    }


async def backend_asyncio() -> Read:
    from django.core.cache import caches

    cache = caches["default"]
    await cache.aset("small", SMALL, None)
    assert await cache.aget("small") == SMALL
    return lambda: cache.aget("small")


class Measured:
    """Does batches of each piece of work, and knows how large they are."""

    def __init__(
        self, contender: Contender, kind: str, serializer: str, url: str, prefix: str
    ) -> None:
        self._counts: dict[str, int] = {}
        self._work: dict[str, Work] = {}
        self._loop = asyncio.new_event_loop()
        if contender.backend:
            configure(contender, kind, serializer, url, prefix)
            if kind == BLOCKING:
                self._work = backend()
            else:
                self._aget = self._loop.run_until_complete(backend_asyncio())
        elif contender.name == LEAST:
            self._work = least(url, serializer, prefix)
        else:
            module = importlib.import_module(contender.distribution)
            if kind == BLOCKING:
                self._work = bare(module, url, serializer, prefix)
            else:
                importlib.import_module(f"{contender.distribution}.asyncio")
                reader = bare_asyncio(module, url, serializer, prefix)
                self._aget = self._loop.run_until_complete(reader)

    def batch(self, name: str) -> dict[str, float]:
        """Seconds of CPU time, and of time, for each call."""
        if name.startswith("aget"):
            number = int(name.split()[1])
            calls = number * TASKS[number]
            return self._timed(lambda: self._loop.run_until_complete(self._read(number)), 1, calls)
        work = self._work[name]
        if name not in self._counts:
            self._counts[name] = calls_in_a_batch(work, time.process_time)
        return self._timed(work, self._counts[name], self._counts[name])

    async def _read(self, number: int) -> None:
        aget, each = self._aget, TASKS[number]

        async def reader() -> None:
            for _ in range(each):
                await aget()

        await asyncio.gather(*[reader() for _ in range(number)])

    def _timed(self, work: Work, times: int, calls: int) -> dict[str, float]:
        gc.collect()
        gc.disable()
        try:
            began, cpu = time.perf_counter(), time.process_time()
            for _ in range(times):
                work()
            spent, took = time.process_time() - cpu, time.perf_counter() - began
        finally:
            gc.enable()
        return {"cpu": spent / calls, "took": took / calls}

    def load(self, kind: str) -> list[int]:
        """How long each call of a load took, in microseconds."""
        if kind == ASYNCIO:
            return self._loop.run_until_complete(tasks(self._aget))
        return threads(self._work["get 100 B"])


def main(name: str, kind: str, serializer: str, url: str, prefix: str) -> None:
    measured = Measured(BY_NAME[name], kind, serializer, url, prefix)
    print(f"{SAYS}{json.dumps('ready')}", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        found: Any
        try:
            found = measured.load(kind) if asked == "load" else measured.batch(asked)
        except Exception as error:  # what a client makes of 300 tasks is a result, too
            found = {"error": type(error).__name__}
        print(f"{SAYS}{json.dumps(found)}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
