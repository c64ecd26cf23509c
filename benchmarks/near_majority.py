"""What near asks while nobody reads: a server whether it tells of writes, and those who decide who
the primaries are, three times a lease.

    python benchmarks/near_majority.py [--seconds 5] [--lease 0.5]

A process with one cache that has copies does nothing else. All servers and sentinels count the
commands that they are sent, beside what they send each other, and the process its CPU time; both
are given for each lease, however long it is.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from typing import Any

import django
from django.conf import settings
from django.test import override_settings
from near import BACKEND, leave

from django_redis_core.testing.cluster import cluster
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import sentinels


def processed(servers: Iterable[Server]) -> int:
    """How many commands they have been sent, those of each other included."""
    return sum(int(server.info("stats")["total_commands_processed"]) for server in servers)


def spent(servers: Iterable[Server], seconds: float) -> tuple[int, float]:
    """Commands, and seconds of this process' CPU, while it does nothing."""
    commands, cpu = processed(servers), time.process_time()
    time.sleep(seconds)
    cpu = time.process_time() - cpu
    return processed(servers) - commands, cpu


def measured(
    location: Any, options: dict[str, Any], servers: list[Server], seconds: float, lease: float
) -> tuple[float, float]:
    """Commands, and milliseconds of CPU, for each lease."""
    from django.core.cache import cache

    without, _ = spent(servers, seconds)
    entry = {
        "BACKEND": BACKEND,
        "LOCATION": location,
        "OPTIONS": {"CLIENT": "near", "NEAR_LEASE": lease, **options},
    }
    with override_settings(CACHES={"default": entry}):
        keys = [f"key{number}" for number in range(100)]  # some of every primary
        while set(cache.client.near_info().tracking.values()) != {True}:
            cache.get_many(keys)
            time.sleep(0.01)
        commands, cpu = spent(servers, seconds)
    leave()
    leases = seconds / lease
    return (commands - without) / leases, cpu * 1000 / leases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=5, help="of each place, twice")
    parser.add_argument("--lease", type=float, default=0.5, help="seconds; the figures are of one")
    arguments = parser.parse_args()
    span = arguments.seconds, arguments.lease
    settings.configure()
    django.setup()
    print("| | commands a lease | CPU a lease, ms |")
    print("| --- | --- | --- |")
    with Server() as server:
        print(row("one server", measured(server.url, {}, [server], *span)))
    with sentinels("primary", replicas=1) as group:
        servers = [*group.data.servers, *group.sentinels]
        found = measured(f"redis://{group.service}/0", group.options, servers, *span)
        print(row(f"a service, {len(group.sentinels)} sentinels", found))
    for size in (3, 6):
        with cluster(size, 0) as nodes:
            factory = {"CONNECTION_FACTORY": "cluster"}
            found = measured(nodes.urls, factory, nodes.nodes, *span)
            print(row(f"a cluster, {size} primaries", found))


def row(name: str, found: tuple[float, float]) -> str:
    commands, cpu = found
    return f"| {name} | {commands:.1f} | {cpu:.2f} |"


if __name__ == "__main__":
    main()
