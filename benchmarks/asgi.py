"""An ASGI site under load, its cache 2 ms away: requests a second, connections, memory.

    python benchmarks/asgi.py [--bare] [--seconds 6] [--concurrent 300] [--rounds 3]

uvicorn serves one asynchronous view of six cache operations; clients keep so many requests under
way. Between site and server stands a proxy that delays each packet by 1 ms each way. The site has
a core of its own where there are two; proxy, server and clients share the other. That the site is
what a run waits for is to be seen in the last columns: how much of its core the site used, and how
much the proxy and the clients. "no cache at all" is the same view without its operations: what
Django and uvicorn cost by themselves. ``--bare`` leaves Django's request handler out: an ASGI
application of ten lines that uses Django's cache.

redis.asyncio's client and the backends run in turn, in so many rounds, each in a new process.
uvicorn has to be installed; uvloop, httptools, django-valkey and django-vcache count where they
are:

    pip install 'uvicorn[standard]' 'django-valkey[libvalkey]' django-vcache
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tasks import BACKENDS

from django_redis_core.testing.servers import Server

REQUEST = b"GET / HTTP/1.1\r\nHost: site\r\n\r\n"
DELAY = 0.001  # seconds each way
NO_CACHE, REDIS_PY = "no cache at all", "redis.asyncio"
TICKS = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))

Work = Callable[[], Awaitable[bytes]]


async def six_operations() -> bytes:
    from django.core.cache import cache

    await cache.aset("key", "value", 60)
    values = [await cache.aget("key") for _ in range(3)]
    many = await cache.aget_many(["key", "other"])
    await cache.atouch("key", 60)
    return b"right" if values == ["value"] * 3 and many["key"] == "value" else b"wrong"


def six_of_redis_py(url: str) -> Work:
    """The same without a cache: no keys to make, no values to read."""
    import redis.asyncio

    # From 8 on its pool refuses callers beyond 100 connections, and visitors would get errors.
    client = redis.asyncio.Redis.from_url(url, max_connections=10_000)

    async def work() -> bytes:
        await client.set("key", "value", 60)
        values = [await client.get("key") for _ in range(3)]
        many = await client.mget("key", "other")
        await client.expire("key", 60)
        return b"right" if [*values, many[0]] == [b"value"] * 4 else b"wrong"

    return work


async def nothing() -> bytes:
    return b"right"


def application() -> Any:
    """The site, as uvicorn imports it."""
    import django
    from asgiref.sync import ThreadSensitiveContext
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    entry = json.loads(os.environ["ASGI_CACHE"])
    work: Work = six_operations if entry else nothing
    if (url := entry.pop(REDIS_PY, None)) is not None:
        work = six_of_redis_py(url)

    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(await work(), headers={"Content-Length": "5"})

    settings.configure(
        ROOT_URLCONF=type("urls", (), {"urlpatterns": [path("", view)]}),
        CACHES={"default": entry} if entry else {},
        ALLOWED_HOSTS=["*"],
        DEBUG=False,
    )
    django.setup()
    if "ASGI_BARE" not in os.environ:
        return get_asgi_application()

    async def bare(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"5")]
        async with ThreadSensitiveContext():  # as Django's handler does: a thread a request
            body = await work()
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return bare


class Later(asyncio.Protocol):
    """Passes on what comes, in order, ``DELAY`` seconds later."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.to: asyncio.Future[asyncio.Transport] = loop.create_future()

    def data_received(self, data: bytes) -> None:
        self.loop.call_later(DELAY, self._pass_on, data)

    def _pass_on(self, data: bytes) -> None:
        if self.to.done():
            self.to.result().write(data)
        else:
            self.to.add_done_callback(lambda to: to.result().write(data))

    def connection_lost(self, error: Exception | None) -> None:
        if self.to.done():
            self.loop.call_later(DELAY, self.to.result().close)


async def proxy(host: str, port: int) -> None:
    loop = asyncio.get_running_loop()

    class FromSite(Later):
        def connection_made(self, site: Any) -> None:
            self.opening = loop.create_task(self._open(site))

        async def _open(self, site: Any) -> None:
            back = Later(loop)
            server, _ = await loop.create_connection(lambda: back, host, port)
            back.to.set_result(site)
            self.to.set_result(server)

    listening = await loop.create_server(lambda: FromSite(loop), "127.0.0.1", 0, backlog=1000)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


def run(main: Any) -> Any:
    """``asyncio.run``, on uvloop where it is installed."""
    if importlib.util.find_spec("uvloop"):
        import uvloop

        return uvloop.run(main)
    return asyncio.run(main)


def pin(pid: int, core: int) -> None:
    if len(CORES) > 1:
        os.sched_setaffinity(pid, {CORES[core]})


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def site(entry: dict[str, Any]) -> Iterator[tuple[int, int]]:
    """A site in a process of its own: its port and process id."""
    port = free_port()
    here = Path(__file__).parent
    command = f"-m uvicorn asgi:application --factory --port {port} --log-level warning"
    process = subprocess.Popen(
        [sys.executable, *command.split(), "--lifespan", "off", "--app-dir", str(here)],
        env={**os.environ, "ASGI_CACHE": json.dumps(entry)},
    )
    pin(process.pid, 0)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


class Visitor(asyncio.Protocol):
    """Asks again as soon as it is answered."""

    answers = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(REQUEST)
        self.got = b""

    def data_received(self, data: bytes) -> None:
        self.got += data
        if len(self.got.partition(b"\r\n\r\n")[2]) < 5:
            return
        if not self.got.startswith(b"HTTP/1.1 200") or not self.got.endswith(b"right"):
            raise SystemExit(f"The site answered {self.got!r}")
        self.got = b""
        Visitor.answers += 1
        self.transport.write(REQUEST)


async def load(port: int, concurrent: int, seconds: float) -> float:
    """Requests a second that were answered right."""
    loop = asyncio.get_running_loop()
    visitors = [
        (await loop.create_connection(Visitor, "127.0.0.1", port))[0] for _ in range(concurrent)
    ]
    await asyncio.sleep(1)  # warm
    before, began = Visitor.answers, time.monotonic()
    await asyncio.sleep(seconds)
    rate = (Visitor.answers - before) / (time.monotonic() - began)
    for visitor in visitors:
        visitor.abort()
    return rate


def megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def main(seconds: float, concurrent: int, rounds: int) -> None:
    entries = {
        name: (module, backend)
        for name, (module, backend) in BACKENDS.items()
        if importlib.util.find_spec(module)
    }
    found: dict[str, list[tuple[float, ...]]] = {}
    pin(0, 1)
    with Server() as server:
        between = subprocess.Popen(
            [sys.executable, __file__, "--proxy", server.host, str(server.port)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert between.stdout is not None
        url = f"redis://127.0.0.1:{between.stdout.readline().strip()}/0"
        for _ in range(rounds):
            for name in (NO_CACHE, REDIS_PY, *entries):
                entry = {REDIS_PY: url} if name == REDIS_PY else {}
                if name in entries:
                    module, backend = entries[name]
                    entry = {"BACKEND": backend, "LOCATION": url, "KEY_PREFIX": module}
                with site(entry) as (port, pid):
                    spent = [-cpu_seconds(each) for each in (pid, between.pid, os.getpid())]
                    began = time.monotonic()
                    rate = run(load(port, concurrent, seconds))
                    took = time.monotonic() - began
                    shares = [
                        (before + cpu_seconds(each)) / took
                        for before, each in zip(spent, (pid, between.pid, os.getpid()), strict=True)
                    ]
                    clients = int(server.info("clients")["connected_clients"]) - 1
                    found.setdefault(name, []).append((rate, clients, megabytes(pid), *shares))
        between.kill()
    base = statistics.median(rounds[0] for rounds in found["Django"])
    print(
        "| backend | requests a second | × Django | connections | memory, MB "
        "| cores of the site | of the proxy | of the visitors |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, measured in found.items():
        rate, clients, size, *shares = (
            statistics.median(column) for column in zip(*measured, strict=True)
        )
        print(
            f"| {name} | {rate:,.0f} | {rate / base:.1f} | {clients:.0f} | {size:.0f} | "
            + " | ".join(f"{share:.2f}" for share in shares)
            + " |"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--proxy"]:
        run(proxy(sys.argv[2], int(sys.argv[3])))
    else:
        parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
        parser.add_argument("--seconds", type=float, default=6)
        parser.add_argument("--concurrent", type=int, default=300)
        parser.add_argument("--rounds", type=int, default=3)
        parser.add_argument("--bare", action="store_true")
        arguments = parser.parse_args()
        if arguments.bare:
            os.environ["ASGI_BARE"] = "1"
        main(arguments.seconds, arguments.concurrent, arguments.rounds)
