"""A site in trouble, for ``faults.py``, which starts it in an environment that has the backend.

    python faults_site.py FAULT BACKEND URL [URL]

Knows Django's cache API only, for it runs on every backend. Says ``ready`` when a fault may come,
waits for a line, and prints at its end, as JSON, what it has seen.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import signal
import socket
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import django
from django.conf import settings

TIMEOUT = 0.5  # seconds, of an answer and of a connection
THREADS = 8
KEYS = [f"key{number}" for number in range(8)]

#: What each calls its timeouts.
_UPPER = {"SOCKET_TIMEOUT": TIMEOUT, "SOCKET_CONNECT_TIMEOUT": TIMEOUT}
BACKENDS: dict[str, tuple[str, dict[str, Any]]] = {
    "django-redis-core": ("django_redis_core.cache.RedisCache", _UPPER),
    "django-redis": ("django_redis.cache.RedisCache", _UPPER),
    "Django": (
        "django.core.cache.backends.redis.RedisCache",
        {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT},
    ),
    "django-valkey": ("django_valkey.cache.ValkeyCache", _UPPER),
    "django-vcache": ("django_vcache.backend.ValkeyCache", {"SERIALIZER": "pickle"}),
}
#: Who has another backend for asyncio.
FOR_ASYNCIO = {"django-valkey": "django_valkey.async_cache.cache.AsyncValkeyCache"}
#: Options by fault, for those who need another setting to have the feature at all.
MORE: dict[tuple[str, str], dict[str, Any]] = {
    ("bomb", "django-redis-core"): {"COMPRESSOR": "zlib"},
    ("bomb", "django-redis"): {"COMPRESSOR": "django_redis.compressors.zlib.ZlibCompressor"},
    ("bomb", "django-valkey"): {"COMPRESSOR": "django_valkey.compressors.zlib.ZlibCompressor"},
    ("bits under a seal", "django-redis-core"): {"SEALER": "signed"},
}


class Limit(Exception):
    """As a worker's time limit is."""


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


def value_of(key: str) -> Any:
    return [*({"key": key, "row": row, "text": "x" * 20} for row in range(40)), Item(30)]


def ready() -> None:
    """The fault may come; returns when it is there."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()


def interrupts(cache: Any) -> dict[str, int]:
    """Time limits at random moments of calls."""
    socket.socket.__repr__ = object.__repr__  # type: ignore[method-assign]  # Python drops some there
    for key in KEYS:
        cache.set(key, value_of(key), None)
    cache.set("number", 5, None)
    seen: Counter[str] = Counter()
    fired = False

    def handler(number: int, frame: FrameType | None) -> None:
        """Strikes in a call alone, and not where Python and redis-py drop it by themselves."""
        nonlocal fired
        codes = []
        while frame is not None:
            codes.append(frame.f_code)
            frame = frame.f_back
        dropped = {"__del__", "connect", "get_lib_version"} & {code.co_name for code in codes}
        if call.__code__ in codes and not dropped:
            fired = True
            raise Limit
        signal.setitimer(signal.ITIMER_REAL, 0.0002)

    def check(key: str, value: Any) -> None:
        if value is not None and value != value_of(key):
            seen["wrong values"] += 1

    def call() -> None:
        kind, key = random.randrange(4), random.choice(KEYS)
        if kind == 0:
            check(key, cache.get(key))
        elif kind == 1:
            for name, value in cache.get_many(KEYS[:4]).items():
                check(name, value)
        elif kind == 2:
            cache.set(key, value_of(key), None)
        else:
            cache.incr("number")

    def strike() -> str:
        nonlocal fired
        fired = False
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0001, 0.002))
            while not fired:
                call()
        except Limit:
            return "as itself"
        except Exception:
            return "became another error"
        return "lost"

    unraisable: list[None] = []
    sys.unraisablehook = lambda error: unraisable.append(None)  # by Python, in a finalizer
    signal.signal(signal.SIGALRM, handler)
    for _ in range(1000):
        seen[strike()] += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    seen["lost"] = max(0, seen["lost"] - len(unraisable))
    return seen


def _load(cache: Any, seconds: float) -> tuple[float, list[tuple[float, float, bool]]]:
    """``THREADS`` threads that read, the fault comes, and they read on for ``seconds``. When that
    began; and of each call from then on when it began, how long it took, whether it was
    answered."""
    calls: list[tuple[float, float, bool]] = []
    meet = threading.Barrier(THREADS + 1)

    def read(until: float, found: list[tuple[float, float, bool]]) -> None:
        while (began := time.monotonic()) < until:
            try:
                answered = cache.get("key0") is not None
            except Exception:
                answered = False
            found.append((began, time.monotonic() - began, answered))
            time.sleep(0.005)

    def work() -> None:
        read(time.monotonic() + 0.3, [])
        meet.wait()
        meet.wait()
        read(time.monotonic() + seconds, calls)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    meet.wait()
    ready()
    began = time.monotonic()
    meet.wait()
    for thread in threads:
        thread.join()
    return began, calls


def hole(cache: Any) -> dict[str, float]:
    """The network loses all packets for three seconds."""
    cache.set("key0", "value", None)
    began, calls = _load(cache, 6)
    healed = began + 3
    late = [at + took for at, took, answered in calls if answered and at + took > healed]
    return {
        "longest": max(took for _, took, _ in calls),
        "waited": sum(took for at, took, _ in calls if at < healed) / THREADS,
        "back": min(late, default=began + 6) - healed,
    }


def half_open(cache: Any) -> dict[str, float]:
    """What is between has forgotten the connections that were idle; new ones work."""
    cache.set("key0", "value", None)
    _, calls = _load(cache, 3)
    return {
        "failed": sum(not answered for _, _, answered in calls),
        "longest": max(took for _, took, _ in calls),
        "calls": len(calls),
    }


def upload(cache: Any) -> dict[str, float]:
    """A value of 15 MB goes through a line of 10 MB a second, while others read."""
    large = random.randbytes(15_000_000)
    ready()
    failed = []

    async def read() -> None:
        try:
            if await cache.aget("key0") != "value":
                failed.append("wrong")
        except Exception as error:
            failed.append(type(error).__name__)

    async def write() -> bool:
        try:
            return await cache.aset("large", large, None) is not False
        except Exception:
            return False

    async def main() -> bool:
        await cache.aset("key0", "value", None)
        await asyncio.gather(*[read() for _ in range(8)])
        writing = asyncio.ensure_future(write())
        reading = []
        for _ in range(160):
            reading.append(asyncio.ensure_future(read()))
            await asyncio.sleep(0.01)
        await asyncio.gather(*reading)
        return await writing

    arrived = asyncio.run(main())
    return {"failed": len(failed), "arrived": arrived}


def replica(cache: Any) -> dict[str, float]:
    """A replica that is read from says nothing; the primary is well."""
    cache.set("key0", "value", None)
    time.sleep(0.2)
    _, calls = _load(cache, 4)
    return {
        "failed": sum(not answered for _, _, answered in calls),
        "longest": max(took for _, took, _ in calls),
        "calls": len(calls),
    }


def bits(cache: Any, url: str) -> dict[str, int]:
    """A bit of a stored value is another one."""
    import redis

    client = redis.Redis.from_url(url)
    seen: Counter[str] = Counter()
    for number in range(400):
        key, value = f"key{number}", {"name": f"name {number}", "number": number, "ratio": 0.5}
        cache.set(key, value, None)
        stored = bytearray(client.get(cache.make_key(key)) or b"")
        place = random.randrange(len(stored) * 8)
        stored[place // 8] ^= 1 << place % 8
        client.set(cache.make_key(key), bytes(stored))
        try:
            found = cache.get(key)
        except Exception:
            seen["error"] += 1
        else:
            seen["miss" if found is None else "right" if found == value else "wrong"] += 1
    return seen


def bomb(cache: Any, url: str) -> dict[str, Any]:
    """A megabyte that is a gigabyte once it is decompressed."""
    import redis

    kind = type(cache).__module__.partition(".")[0]
    if kind == "django_vcache":
        from backports import zstd

        stored = b"P" + zstd.compress(bytes(1 << 30))
    else:
        stored = zlib.compress(bytes(1 << 30))
    redis.Redis.from_url(url).set(cache.make_key("bomb"), stored)
    del stored
    cache.set("key0", "value")
    before = _peak_now()
    try:
        found = cache.get("bomb")
        outcome = "miss" if found is None else "value"
    except Exception as error:
        outcome = type(error).__name__
    return {"outcome": outcome, "megabytes": _peak_now() - before}


def _peak_now() -> float:
    """The most memory that this process has had since it was asked last, in MB."""
    with open("/proc/self/status") as status:
        peak = next(line for line in status if line.startswith("VmHWM"))
    with suppress(OSError), open("/proc/self/clear_refs", "w") as reset:
        reset.write("5")
    return int(peak.split()[1]) / 1000


FAULTS: dict[str, Callable[..., Any]] = {
    "interrupts": interrupts,
    "black hole": hole,
    "half-open": half_open,
    "slow upload": upload,
    "silent replica": replica,
    "bits": bits,
    "bits under a seal": bits,
    "bomb": bomb,
}


def main() -> None:
    fault, backend, *urls = sys.argv[1:]
    if fault == "interrupts":
        # Their readers in C end the process now and then, whoever uses them.
        sys.modules["hiredis"] = sys.modules["libvalkey"] = None  # type: ignore[assignment]
    path, options = BACKENDS[backend]
    if fault == "slow upload":
        path = FOR_ASYNCIO.get(backend, path)
    options = {**options, **MORE.get((fault, backend), {})}
    settings.configure(
        SECRET_KEY="of a site that is in trouble, and long enough",
        CACHES={
            "default": {
                "BACKEND": path,
                "LOCATION": urls if len(urls) > 1 else urls[0],
                "OPTIONS": options,
            }
        },
    )
    django.setup()
    from django.core.cache import cache

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    work = FAULTS[fault]
    seen = work(cache, urls[0]) if work in (bits, bomb) else work(cache)
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main()
