"""Shards whose servers must first be found out, as a sentinel's are.

The factory here asks a registry, a fifth server's job: where ``shard:<name>`` holds a URL, that is
the shard's server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.commands import GET, Command
from django_redis_core.connections import Node, Topology
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.interfaces import ConnectionFactory
from django_redis_core.testing.servers import Server

NAMES = ["a", "b"]
REGISTRY = 3  # which of the four servers it is


class Announced(Topology):
    """The server that the registry names, asked anew when it fails."""

    def __init__(self, factory: ConnectionFactory, location: str) -> None:
        self.factory = factory
        _, _, rest = location.partition("://")
        port, _, self.name = rest.partition("/")
        self.registry = factory.node(f"redis://127.0.0.1:{port}/0")
        self.ready = False
        self.found: Node | None = None

    def discover(self) -> Any:
        url = yield GET(f"shard:{self.name}").on(self.registry)
        if url is None:
            raise ConnectionInterrupted(self.registry.name, f"knows no shard {self.name}")
        self.found = self.factory.node(url.decode())
        self.ready = True

    def route(self, command: Command) -> Node:
        assert self.found is not None
        return self.found

    def primaries(self) -> tuple[Node, ...]:
        return () if self.found is None else (self.found,)

    def after(
        self, command: Command, node: Node, trouble: ConnectionInterrupted, attempt: int
    ) -> Any:
        if attempt > 1:
            return None
        yield from self.discover()
        assert self.found is not None
        return [command.on(self.found)]


class RegistryFactory(ConnectionFactory):
    name = "registry"

    def topology(self, locations: Sequence[str]) -> Topology:
        (location,) = locations  # one shard at a time
        return Announced(self, location)


@pytest.fixture
def announce(servers: list[Server]) -> Callable[[str, Server], None]:
    def tell(name: str, server: Server) -> None:
        servers[REGISTRY].cli("SET", f"shard:{name}", server.url)

    return tell


@pytest.fixture
def cache(servers: list[Server], cache_on: Callable[..., RedisCache]) -> RedisCache:
    registry = f"registry://{servers[REGISTRY].port}"
    return cache_on(
        [f"{registry}/{name}" for name in NAMES],
        CONNECTION_FACTORY=RegistryFactory,
        SHARD_NAMES=NAMES,
        SOCKET_TIMEOUT=0.5,
    )


@pytest.fixture
def keys(cache: RedisCache, keys_of: Callable[..., list[list[str]]]) -> list[list[str]]:
    return keys_of(cache, 5, 2)


def test_each_shard_is_found_before_the_first_command(
    cache: RedisCache,
    servers: list[Server],
    keys: list[list[str]],
    announce: Callable[[str, Server], None],
) -> None:
    announce("a", servers[0])
    announce("b", servers[1])
    every = keys[0] + keys[1]
    assert cache.set_many(dict.fromkeys(every, 1)) == []
    for server, of_shard in zip(servers, keys, strict=False):
        assert set(server.cli("KEYS", "*")) == {cache.make_key(key) for key in of_shard}
    assert sorted(cache.keys("*")) == sorted(every)
    assert cache.delete_many(every) == 10


def test_a_shard_that_cannot_be_found_fails_its_own_keys_only(
    cache: RedisCache,
    servers: list[Server],
    keys: list[list[str]],
    announce: Callable[[str, Server], None],
) -> None:
    announce("a", servers[0])
    found, lost = keys
    assert sorted(cache.set_many(dict.fromkeys(found + lost, 1))) == sorted(lost)
    assert cache.get_many(found + lost) == dict.fromkeys(found, 1)
    assert cache.get(found[0]) == 1
    with pytest.raises(ConnectionInterrupted, match="knows no shard b"):
        cache.get(lost[0])
    with pytest.raises(ConnectionInterrupted, match="knows no shard b"):
        cache.keys("*")
    announce("b", servers[1])
    assert cache.set_many(dict.fromkeys(lost, 2)) == []
    assert cache.get_many(found + lost) == dict.fromkeys(found, 1) | dict.fromkeys(lost, 2)


async def test_so_it_is_on_asyncio(
    cache: RedisCache,
    servers: list[Server],
    keys: list[list[str]],
    announce: Callable[[str, Server], None],
) -> None:
    announce("a", servers[0])
    found, lost = keys
    assert sorted(await cache.aset_many(dict.fromkeys(found + lost, 1))) == sorted(lost)
    assert await cache.aget_many(found + lost) == dict.fromkeys(found, 1)
    with pytest.raises(ConnectionInterrupted, match="knows no shard b"):
        await cache.aget(lost[0])


def test_a_shard_that_moved_to_another_server_is_followed(
    cache: RedisCache,
    servers: list[Server],
    keys: list[list[str]],
    announce: Callable[[str, Server], None],
) -> None:
    announce("a", servers[0])
    announce("b", servers[1])
    assert cache.set_many(dict.fromkeys(keys[0] + keys[1], 1)) == []
    announce("b", servers[2])
    servers[1].kill()
    assert cache.set(keys[1][0], 2)
    assert cache.get_many(keys[0] + keys[1]) == dict.fromkeys(keys[0], 1) | {keys[1][0]: 2}
    assert cache.delete_pattern("*") == 6
