"""What settings may say, told before any I/O."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import PATIENCE


def build(location: Any, **options: Any) -> RedisCache:
    return RedisCache(
        location, {"OPTIONS": {**PATIENCE, "CONNECTION_FACTORY": "cluster", **options}}
    )


def test_two_databases_are_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"the databases 0 and 3, and a cache has one"):
        build(["redis://node-1", "redis://node-2?db=3"])


def test_raw_clients_of_another_database_are_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="know database 0 only, and LOCATION names da"):
        build("redis://node-1/3").raw_client()


def test_a_unix_socket_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="not unix://"):
        build("unix:///run/redis.sock")


@pytest.mark.parametrize(
    "value",
    [
        5,
        "no.such.function",
        {"10.0.0.1": "localhost"},
        {("h", 1): "localhost:2"},
        {("h", 0): ("h", 1)},
    ],
)
def test_an_address_remap_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="ADDRESS_REMAP must be a dict of addresses"):
        build("redis://node-1", ADDRESS_REMAP=value)


@pytest.mark.parametrize("value", [None, {("10.0.0.1", 6379): ("localhost", 7001)}, "operator.pos"])
def test_an_address_remap_is_a_dict_a_function_or_its_path(value: Any) -> None:
    assert build("redis://node-1", ADDRESS_REMAP=value)


def test_a_start_node_is_one_server_however_it_is_written() -> None:
    topology = build(["redis://localhost", "redis://localhost:6379/0"])._engine.topology
    assert len(topology.nodes()) == 1
