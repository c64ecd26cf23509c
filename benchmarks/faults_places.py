"""Where the faults of faults.py happen: real servers, and the network before them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import replicated, sentinels, shards

Site = subprocess.Popen[str]
#: The URLs for the site, and what makes the fault once the site says that it is ready.
Place = tuple[list[str], Callable[[Site], None]]
MakePlace = Callable[[], AbstractContextManager[Place]]

SERVICE = "service"
PASSWORD = "of-the-servers"
#: How often a primary is replaced in each of four ways.
ROUNDS = 2


def go(site: Site) -> None:
    """Waits until the site is ready, and lets it go on."""
    assert site.stdout is not None
    if site.stdout.readline() != "ready\n":
        raise RuntimeError("the site ended before the fault")


def on(site: Site, told: str = "") -> None:
    """Lets it go on, and tells it what it cannot know."""
    assert site.stdin is not None
    site.stdin.write(f"{told}\n")
    site.stdin.flush()


@contextmanager
def plain() -> Iterator[Place]:
    with Server() as server:
        yield [server.url], lambda site: None


@contextmanager
def hole() -> Iterator[Place]:
    with Server() as server, FaultProxy(*server.address) as proxy:

        def fault(site: Site) -> None:
            go(site)
            proxy.black_hole()
            on(site)
            time.sleep(3)
            proxy.heal()

        yield [proxy.url], fault


@contextmanager
def half_open() -> Iterator[Place]:
    with Server() as server, FaultProxy(*server.address) as proxy:

        def fault(site: Site) -> None:
            go(site)
            proxy.forget()
            on(site)

        yield [proxy.url], fault


@contextmanager
def slow_line() -> Iterator[Place]:
    with Server() as server, FaultProxy(*server.address) as proxy:

        def fault(site: Site) -> None:
            go(site)
            proxy.throttle(10_000_000)
            on(site)

        yield [proxy.url], fault


@contextmanager
def silent_replica() -> Iterator[Place]:
    with replicated(1) as group, FaultProxy(*group.replicas[0].address) as proxy:

        def fault(site: Site) -> None:
            go(site)
            proxy.black_hole()
            on(site)

        yield [group.primary.url, proxy.url], fault


@contextmanager
def failovers() -> Iterator[Place]:
    with sentinels(SERVICE, password=PASSWORD) as group:

        def killed() -> None:
            before = group.current_primary()
            before.kill()
            group.wait_failover(before)
            time.sleep(1)
            before.restart()

        def silent() -> None:
            before = group.current_primary()
            before.pause()
            group.wait_failover(before)
            time.sleep(1)
            before.resume()

        def ousted() -> None:
            """By sentinels that do not reach it, while everybody else does; for two seconds, and
            then it is made a replica, as they would do some seconds later."""
            before = group.current_primary()
            group.isolate(before)
            host, port = group.wait_failover(before).address
            time.sleep(2)
            before.cli("REPLICAOF", host, port)
            before.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            group.rejoin(before)

        def fault(site: Site) -> None:
            go(site)
            time.sleep(1)
            for make in [killed, silent, ousted, group.failover] * ROUNDS:
                make()
                group.wait_settled(timeout=60)
            time.sleep(1)
            on(site)

        addresses = ",".join(f"{host}:{port}" for host, port in group.addresses)
        yield [f"sentinel://:{PASSWORD}@{addresses}/{SERVICE}/0"], fault


@contextmanager
def silent_shard() -> Iterator[Place]:
    with shards(4) as servers, FaultProxy(*servers[2].address) as proxy:

        def fault(site: Site) -> None:
            go(site)
            lost = servers[2].cli("DBSIZE")
            proxy.black_hole()
            on(site, str(lost))

        urls = [server.url for server in servers]
        yield [*urls[:2], proxy.url, urls[3]], fault
