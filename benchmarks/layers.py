"""Where the time of one ``get`` goes: machine instructions of each layer, counted by callgrind.

    python benchmarks/layers.py [--json]

Needs valgrind with its headers, and a C compiler. Each line of the table is a part of the way that
a ``get`` of 100 bytes takes, called by itself a few hundred times; what a layer costs is what the
part with it costs more than the part without. Counted is what the process executes itself, which
does not depend on who else uses the machine. The kernel's work is not among it: that is three
system calls, which calls.py counts with the rest, as CPU time.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import re
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

COUNTER = r"""
#include <valgrind/callgrind.h>
void begin(void) { CALLGRIND_START_INSTRUMENTATION; CALLGRIND_ZERO_STATS; }
void end(const char *name) { CALLGRIND_DUMP_STATS_AT(name); CALLGRIND_STOP_INSTRUMENTATION; }
"""
CALLS = 300
VALUE = "x" * 100


def parts(url: str) -> dict[str, Callable[[], object]]:
    """The way of a ``get``, from the inside out."""
    import hiredis
    import redis
    from django.conf import settings

    settings.configure(
        CACHES={"default": {"BACKEND": "django_redis_core.cache.RedisCache", "LOCATION": url}}
    )
    from django.core.cache import caches

    from django_redis_core.commands import GET
    from django_redis_core.commands.running import run
    from django_redis_core.connections.packing import pack
    from django_redis_core.connections.resp import make_reader

    cache: Any = caches["default"]
    cache.set("key", VALUE, None)
    raw = redis.Redis.from_url(url, protocol=2)
    driver = cache._driver
    client, execute = driver.client, driver.execute
    node = execute.plan.topology.single
    full = cache.make_key("key")
    command = GET(full)
    data = raw.get(full)
    bulk = b"$%d\r\n%b\r\n" % (len(data), data)
    reader, buffer = make_reader(), bytearray(64 * 1024)
    buffer[: len(bulk)] = bulk
    packed = hiredis.pack_command(command.args)
    place = urlsplit(url)
    sock = socket.create_connection((place.hostname, place.port))
    link = node.links.take()
    arrived = link.arrived

    def read() -> object:
        reader.feed(buffer, 0, len(bulk))
        reply = reader.gets()
        reader.has_data()
        return reply

    def exchange() -> None:
        arrived(0)
        sock.sendall(packed)
        sock.recv_into(buffer)

    def pooled() -> object:
        taken = node.links.take()
        reply = taken.call(command.args)
        node.links.give(taken)
        return reply

    return {
        "nothing": lambda: None,
        "redis-py": lambda: raw.get(full),
        "system calls": exchange,
        "hiredis packs": lambda: hiredis.pack_command(command.args),
        "hiredis reads": read,
        "pack": lambda: pack(command.args),
        "link": lambda: link.call(command.args),
        "pool": pooled,
        "node": lambda: node.call(command),
        "executor": lambda: execute(command),
        "key": lambda: client.naming.make("key"),
        "command": lambda: GET(full),
        "codec": lambda: client.decode(full, data),
        "operation": lambda: run(client.get("key"), lambda request: data),
        "direct": lambda: driver.direct["get"](client, lambda request: data, "key"),
        "driver": lambda: driver.call("get", ("key",), {}),
        "get": lambda: cache.get("key"),
    }


def layers(costs: dict[str, float]) -> dict[str, float]:
    """What each layer costs by itself."""
    system, reads = costs["system calls"], costs["hiredis reads"]
    inner = costs["key"] + costs["command"] + costs["codec"]
    return {
        "facade": costs["get"] - costs["driver"],
        "driver": costs["driver"] - costs["direct"] - costs["executor"],
        "operation": costs["direct"] - inner,
        "key: joined and checked": costs["key"],
        "command": costs["command"],
        "executor": costs["executor"] - costs["node"],
        "node": costs["node"] - costs["pool"],
        "pool": costs["pool"] - costs["link"],
        "link": costs["link"] - costs["pack"] - system - reads,
        "packing": costs["pack"],
        "hiredis: reading": reads,
        "calls of the system, up to the kernel": system,
        "codec": costs["codec"],
    }


def count(url: str) -> None:
    """In the process that valgrind runs."""
    counter = ctypes.CDLL(os.environ["LAYERS_COUNTER"])
    for name, call in parts(url).items():
        for _ in range(60):
            call()
        gc.collect()
        gc.disable()
        counter.begin()
        for _ in range(CALLS):
            call()
        counter.end(name.encode())
        gc.enable()


def counted(url: str) -> dict[str, float]:
    """Instructions a call, of each part."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "counter.c"), Path(folder, "counter.so")
        source.write_text(COUNTER, encoding="utf-8")
        compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
        subprocess.run(
            [
                *("valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no"),
                f"--callgrind-out-file={folder}/out",
                *(sys.executable, __file__, "--count", url),
            ],
            env={**os.environ, "PYTHONHASHSEED": "0", "LAYERS_COUNTER": str(library)},
            check=True,
        )
        found = {}
        for file in Path(folder).glob("out*"):
            text = file.read_text(encoding="utf-8")
            name = re.search(r"^desc: Trigger: Client Request: (.+)$", text, re.M)
            total = re.search(r"^(?:totals|summary): (\d+)", text, re.M)
            if name and total:
                found[name[1]] = int(total[1]) / CALLS
    nothing = found.pop("nothing")
    return {name: cost - nothing for name, cost in found.items()}


def main() -> None:
    from django_redis_core.testing.servers import Server

    with Server() as server:
        costs = counted(server.url)
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps(costs) + "\n")
    print("| layer | instructions | of redis-py's get |")
    print("| --- | --- | --- |")
    each = layers(costs)
    for name, cost in {
        **each,
        "**all**": costs["get"],
        "redis-py's get": costs["redis-py"],
    }.items():
        print(f"| {name} | {cost:,.0f} | {cost / costs['redis-py']:.3f} |")


if __name__ == "__main__":
    if "--count" in sys.argv:
        count(sys.argv[-1])
    else:
        main()
