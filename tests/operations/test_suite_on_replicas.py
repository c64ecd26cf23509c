"""The whole operation suite on a primary and two replicas that answer the reads: in each way of
calling once, two where the replicas catch up and two where they need not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from django_redis_core.testing import ConnectionFactoryContract
from django_redis_core.testing.caller import Caller
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.operations.suite import Make
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import Replicated, replicated


@pytest.fixture(scope="module")
def group() -> Iterator[Replicated]:
    with replicated(2, kind=os.environ.get("DRC_TEST_SERVER", "valkey")) as group:
        yield group


@pytest.fixture(scope="module")
def apart() -> Iterator[Replicated]:
    """Replicas that know their primary no more: in sync they would hide a read of one of them."""
    with replicated(2, kind=os.environ.get("DRC_TEST_SERVER", "valkey")) as group:
        for replica in group.replicas:
            replica.cli("REPLICAOF", "127.0.0.1", "1")
        yield group


@pytest.fixture(scope="module")
def settle(group: Replicated) -> Iterator[Callable[[], None]]:
    """Waits until the replicas have all that the primary has."""
    with group.primary.client(db=1) as client:

        def settle() -> None:
            client.set("written after", "all others")
            assert client.wait(2, 10_000) == 2

        yield settle


def reads(server: Server) -> int:
    stats = server.info("commandstats")
    return sum(int(stats.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("get", "mget"))


class TestReplicas(ConnectionFactoryContract):
    """Before each operation the replicas catch up, so that each read may go to either of them."""

    name = "single"

    @pytest.fixture
    def location(self, group: Replicated) -> Any:
        return group.urls

    @pytest.fixture(params=["async", "pipeline"])
    def way(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def make(
        self,
        make_cache: MakeCache,
        way: str,
        cache_loop: asyncio.AbstractEventLoop,
        location: Any,
        settle: Callable[[], None],
    ) -> Make:
        class InSync(Caller):
            def run(self, name: str, *args: Any, **kwargs: Any) -> Any:
                settle()
                return super().run(name, *args, **kwargs)

        def make(options: Mapping[str, Any] | None = None, **entry: Any) -> Caller:
            return InSync(make_cache(options, **{"LOCATION": location, **entry}), way, cache_loop)

        return make

    def test_replicas_answer(self, cache: Caller, group: Replicated) -> None:
        cache.set_many({"a": 1, "b": 2})
        before = [reads(server) for server in group.servers]
        for _ in range(20):
            assert cache.get("a") == 1
            assert cache.get_many(["a", "b"]) == {"a": 1, "b": 2}
        asked = [reads(server) - count for server, count in zip(group.servers, before, strict=True)]
        assert asked[0] == 0
        assert all(asked[1:])


class TestReadYourWrites(ConnectionFactoryContract):
    """The replicas hear of nothing: ``READ_YOUR_WRITES`` alone lets a process see its writes."""

    name = "single"

    @pytest.fixture
    def location(self, apart: Replicated) -> Any:
        return apart.urls

    @pytest.fixture
    def options(self) -> Mapping[str, Any]:
        return {"READ_YOUR_WRITES": 30}

    @pytest.fixture(params=["blocking", "async-pipeline"])
    def way(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)
