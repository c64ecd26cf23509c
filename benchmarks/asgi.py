"""An ASGI site under load, its cache 2 ms away: requests a second, connections, memory.

    python benchmarks/asgi.py [--seconds 6] [--concurrent 300]

uvicorn serves one asynchronous view of six cache operations; clients keep so many requests under
way. Between site and server stands a proxy in a process of its own that delays every packet by
1 ms each way; the first line of the output is what it passes on by itself, which is far more than
any site asks of it. Backends run one after the other, in two rounds, each in a new process.
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tasks import BACKENDS

from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

REQUEST = b"GET / HTTP/1.1\r\nHost: site\r\n\r\n"
DELAY = 0.001  # seconds each way
OPERATIONS = 6


def application() -> Any:
    """The site, as uvicorn imports it."""
    import django
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    async def view(request: HttpRequest) -> HttpResponse:
        from django.core.cache import cache

        await cache.aset("key", "value", 60)
        values = [await cache.aget("key") for _ in range(3)]
        many = await cache.aget_many(["key", "other"])
        await cache.atouch("key", 60)
        right = values == ["value"] * 3 and many["key"] == "value"
        return HttpResponse(b"right" if right else b"wrong", headers={"Content-Length": "5"})

    settings.configure(
        ROOT_URLCONF=type("urls", (), {"urlpatterns": [path("", view)]}),
        CACHES={"default": json.loads(os.environ["ASGI_CACHE"])},
        ALLOWED_HOSTS=["*"],
        DEBUG=False,
    )
    django.setup()
    return get_asgi_application()


def proxy_process(host: str, port: int) -> None:
    """Delays packets until its standard input ends."""
    with FaultProxy(host, port) as proxy:
        proxy.latency(DELAY)
        sys.stdout.write(f"{proxy.port}\n")
        sys.stdout.flush()
        sys.stdin.read()


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


async def load(port: int, concurrent: int, seconds: float) -> float:
    """Requests a second that were answered right."""
    done, end = 0, time.monotonic() + seconds

    async def client() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < end:
            writer.write(REQUEST)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            body = await reader.readexactly(length)
            assert body == b"right", (head, body)
            done += 1
        writer.close()

    await asyncio.gather(*[client() for _ in range(concurrent)])
    return done / seconds


def megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


async def passed_on(url: str) -> float:
    """Operations a second through the proxy, by one client with 300 tasks."""
    import redis.asyncio as aioredis

    client = aioredis.Redis.from_url(url, max_connections=300)
    count, tasks = 40, 300

    async def work() -> None:
        for _ in range(count):
            await client.get("key")

    await asyncio.gather(*[client.get("key") for _ in range(tasks)])
    began = time.monotonic()
    await asyncio.gather(*[work() for _ in range(tasks)])
    rate = count * tasks / (time.monotonic() - began)
    await client.aclose()
    return rate


def main(seconds: float, concurrent: int) -> None:
    installed = {
        name: (module, backend)
        for name, (module, backend) in BACKENDS.items()
        if importlib.util.find_spec(module)
    }
    found: dict[str, list[tuple[float, int, float]]] = {name: [] for name in installed}
    with Server() as server:
        between = subprocess.Popen(
            [sys.executable, __file__, "--proxy", server.host, str(server.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert between.stdout is not None
        url = f"redis://127.0.0.1:{between.stdout.readline().strip()}/0"
        print(f"The proxy passes on {asyncio.run(passed_on(url)):,.0f} operations a second.\n")
        for _ in range(2):
            for name, (module, backend) in installed.items():
                entry = {"BACKEND": backend, "LOCATION": url, "KEY_PREFIX": module}
                with site(entry) as (port, pid):
                    asyncio.run(load(port, concurrent, 1))  # warm
                    rate = asyncio.run(load(port, concurrent, seconds))
                    clients = int(server.info("clients")["connected_clients"]) - 1
                    found[name].append((rate, clients, megabytes(pid)))
        between.communicate("")
    base = statistics.mean(rate for rate, _, _ in found["Django"])
    print("| backend | requests a second | × Django | connections | memory, MB |")
    print("| --- | --- | --- | --- | --- |")
    for name, rounds in found.items():
        rate = statistics.mean(rate for rate, _, _ in rounds)
        connections = max(count for _, count, _ in rounds)
        memory = max(size for _, _, size in rounds)
        print(f"| {name} | {rate:,.0f} | {rate / base:.1f} | {connections} | {memory:.0f} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--proxy"]:
        proxy_process(sys.argv[2], int(sys.argv[3]))
    else:
        parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
        parser.add_argument("--seconds", type=float, default=6)
        parser.add_argument("--concurrent", type=int, default=300)
        arguments = parser.parse_args()
        main(arguments.seconds, arguments.concurrent)
