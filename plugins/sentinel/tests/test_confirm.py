"""Which server a majority of the sentinels takes for the primary."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.connections import carry_out
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.topologies import Sentinels, sentinels

from .conftest import PASSWORD, SERVICE

KIND = os.environ.get("DRC_TEST_SERVER", "valkey")

MakeCache = Callable[..., RedisCache]


def confirmed(cache: RedisCache) -> tuple[int, Any]:
    """The port of the one primary, and what is said of it."""
    [(node, said)] = carry_out(cache._engine.topology.confirm(5)).items()
    return node.config.kwargs["port"], said


def test_an_epoch_for_each_switch(cache_on: MakeCache) -> None:
    # A service of this test alone: after a failover it takes long to be as it was.
    with sentinels(SERVICE, kind=KIND, password=PASSWORD, replicas=1) as service:
        switched(service, cache_on(SENTINELS=service.addresses))


def switched(service: Sentinels, cache: RedisCache) -> None:
    before = service.current_primary()
    port, epoch = confirmed(cache)
    assert port == before.port
    assert confirmed(cache) == (port, epoch), "equal while nothing changes"
    after = service.failover()
    assert confirmed(cache)[0] == after.port
    assert confirmed(cache)[1] > epoch


def test_a_minority_confirms_nobody(service: Sentinels, cache_on: MakeCache) -> None:
    brief = {"client_name": "minority", "socket_timeout": 1, "socket_connect_timeout": 1}
    cache = cache_on(SENTINEL_KWARGS=brief)
    assert not isinstance(confirmed(cache)[1], Exception)
    service.sentinels[0].pause()
    assert not isinstance(confirmed(cache)[1], Exception), "two of three are a majority"
    service.sentinels[1].pause()
    _, said = confirmed(cache)
    assert isinstance(said, ConnectionInterrupted)
    assert "1 of its 3 sentinels" in said.reason


def test_the_few_that_settings_name_are_no_majority(
    service: Sentinels, cache_on: MakeCache
) -> None:
    _, said = confirmed(cache_on(SENTINELS=service.addresses[:1]))
    assert isinstance(said, ConnectionInterrupted)
    assert said.reason.endswith("name all of them in SENTINELS")


@pytest.mark.parametrize(("location", "can"), [("", True), ("?is_master=0", False)])
def test_who_only_reads_replicas_has_no_primary(
    cache_on: MakeCache, location: str, can: bool
) -> None:
    assert cache_on(f"redis://Orders/0{location}")._engine.topology.confirms is can
