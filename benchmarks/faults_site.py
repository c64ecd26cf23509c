"""A site in trouble, for ``faults.py``, which starts it in an environment that has the backend.

    python faults_site.py FAULT BACKEND URL [URL]

Knows Django's cache API only, for it runs on every backend. Says ``ready`` when a fault may come,
waits for a line, and prints at its end, as JSON, what it has seen.
"""

from __future__ import annotations

import asyncio
import ctypes
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
from urllib.parse import urlsplit

import django
from django.conf import settings
from faults_load import failovers, half_open, hole, ready, replica, shard

TIMEOUT = 0.5  # seconds, of an answer and of a connection
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
    ("a shard down", "django-redis-core"): {"CLIENT": "shard"},
    ("a shard down", "django-redis"): {"CLIENT_CLASS": "django_redis.client.ShardClient"},
    ("a shard down", "django-valkey"): {"CLIENT_CLASS": "django_valkey.client.ShardClient"},
    ("failovers", "django-redis-core"): {"CONNECTION_FACTORY": "sentinel"},
    ("failovers", "django-redis"): {
        "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
    },
    ("failovers", "django-valkey"): {
        "CONNECTION_FACTORY": "django_valkey.pool.SentinelConnectionFactory",
    },
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


def interrupts_by_thread(cache: Any) -> dict[str, int]:
    return interrupts(cache, by_thread=True)


def interrupts(cache: Any, by_thread: bool = False) -> dict[str, int]:
    """Time limits at random moments of calls."""
    socket.socket.__repr__ = object.__repr__  # type: ignore[method-assign]  # Python drops some there
    for key in KEYS:
        cache.set(key, value_of(key), None)
    cache.set("number", 5, None)
    seen: Counter[str] = Counter()
    fired = False

    def may_strike(frame: FrameType | None) -> bool:
        """In a call alone, and not where Python and redis-py drop it by themselves."""
        codes = []
        while frame is not None:
            codes.append(frame.f_code)
            frame = frame.f_back
        dropped = {"__del__", "connect", "get_lib_version"} & {code.co_name for code in codes}
        return call.__code__ in codes and not dropped

    def handler(number: int, frame: FrameType | None) -> None:
        nonlocal fired
        if may_strike(frame):
            fired = True
            raise Limit
        signal.setitimer(signal.ITIMER_REAL, 0.0002)

    def from_thread(thread: int, after: float) -> None:
        """Mostly not where the other thread waits for the server, though this one runs mostly then:
        where it has been elsewhere at the last two looks."""
        nonlocal fired
        time.sleep(after)
        also_waiting = random.random() < 0.1
        before = last = None
        while True:
            frame = sys._current_frames()[thread]
            here = (id(frame), frame.f_lasti)
            if may_strike(frame) and (also_waiting or len({here, last, before}) == 3):
                break
            del frame  # or its locals live on here
            before, last = last, here
            time.sleep(0.00005)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(Limit))
        fired = True

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
            after = random.uniform(0.0001, 0.002)
            if by_thread:
                helper = threading.Thread(target=from_thread, args=(threading.get_ident(), after))
                helper.start()
            else:
                signal.setitimer(signal.ITIMER_REAL, after)
            rest = 1  # what another thread sets is raised by the next call at the latest
            while not fired or (rest := rest - 1) >= 0:
                call()
        except Limit:
            return "as itself"
        except Exception:
            return "became another error"
        return "lost"

    sys.setswitchinterval(0.00001)
    unraisable: list[None] = []
    sys.unraisablehook = lambda error: unraisable.append(None)  # by Python, in a finalizer
    signal.signal(signal.SIGALRM, handler)
    for _ in range(1000):
        with suppress(Limit):  # it may strike where ``strike`` no longer holds it
            seen[strike()] += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    seen["lost"] = max(0, seen["lost"] - len(unraisable))
    return seen


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
    "interrupts by thread": interrupts_by_thread,
    "black hole": hole,
    "half-open": half_open,
    "slow upload": upload,
    "failovers": failovers,
    "a shard down": shard,
    "silent replica": replica,
    "bits": bits,
    "bits under a seal": bits,
    "bomb": bomb,
}


def of_service(url: str, options: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """LOCATION and OPTIONS of a service, out of a URL that names its sentinels."""
    parts = urlsplit(url)
    addresses = [one.rpartition(":") for one in parts.netloc.rpartition("@")[2].split(",")]
    more = {
        "SENTINELS": [(host, int(port)) for host, _, port in addresses],
        "PASSWORD": parts.password,
    }
    scheme = "valkey" if "django_valkey" in str(options) else "redis"
    return [f"{scheme}:/{parts.path}"], {**options, **more}


def main() -> None:
    fault, backend, *urls = sys.argv[1:]
    if fault in ("interrupts", "interrupts by thread"):
        # Their readers in C end the process now and then, whoever uses them.
        sys.modules["hiredis"] = sys.modules["libvalkey"] = None  # type: ignore[assignment]
    path, options = BACKENDS[backend]
    if fault == "slow upload":
        path = FOR_ASYNCIO.get(backend, path)
    options = {**options, **MORE.get((fault, backend), {})}
    if fault == "failovers" and backend != "django-vcache":
        urls, options = of_service(urls[0], options)
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
