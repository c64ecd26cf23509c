"""What settings may say, and what is wrong with them before any I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from redis.sentinel import SentinelConnectionPool

from django_redis_core.cache import RedisCache

SENTINELS = [("127.0.0.1", 26379)]


def made(location: Any = "redis://orders/0", **options: Any) -> RedisCache:
    every = {"CONNECTION_FACTORY": "sentinel", "SENTINELS": SENTINELS, **options}
    every = {name: value for name, value in every.items() if value is not None}
    return RedisCache(location, {"OPTIONS": every})


@pytest.mark.parametrize(
    ("location", "options", "words"),
    [
        ("redis://orders/0", {"SENTINELS": None}, "needs the addresses of the sentinels"),
        ("redis://orders/0", {"SENTINELS": ["host:1"]}, "SENTINELS must be a list of"),
        ("unix:///run/redis.sock", {}, "must be redis://<service>/<db>"),
        ("redis:///0", {}, "must be redis://<service>/<db>"),
        ("redis://orders/x", {}, "the number of the database"),
        ("redis://orders/0?is_master=maybe", {}, r"is_master in LOCATION must be 1 .* not 'maybe'"),
        (["redis://a/0", "redis://b/0"], {}, "names the services 'a' and 'b'"),
        (
            ["redis://orders/0?is_master=1", "redis://orders/1?is_master=0"],
            {},
            "must be equal but for is_master",
        ),
        ("redis://orders/0?is_master=0", {"READ_FROM": "primary"}, "leave one of them out"),
        ("redis://orders/0", {"READ_FROM": "nobody"}, "READ_FROM must be"),
        ("redis://orders/0", {"ADDRESS_REMAP": 5}, "ADDRESS_REMAP must be a dict of addresses"),
        ("redis://orders/0", {"SENTINEL_KWARGS": ["password"]}, "SENTINEL_KWARGS must be a dict"),
        ("redis://orders/0", {"SENTINEL_KWARGS": {"pasword": "x"}}, "SENTINEL_KWARGS .*'pasword'"),
        (
            "redis://orders/0",
            {"CONNECTION_POOL_CLASS": "django_redis_core.cache.RedisCache"},
            "must be a subclass of redis.sentinel.SentinelConnectionPool",
        ),
    ],
)
def test_what_is_wrong_is_said_before_any_io(
    location: Any, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=words) as caught:
        made(location, **options)
    assert str(caught.value).startswith("CACHES[")


def test_no_error_shows_a_password() -> None:
    location = ["redis://:hidden@a/0", "redis://:hidden@b/0"]
    with pytest.raises(ImproperlyConfigured) as caught:
        made(location, PASSWORD="hidden", SENTINEL_KWARGS={"password": "hidden"})
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("location", "options", "read_from", "writes"),
    [
        ("redis://orders/0", {}, "primary", True),
        ("redis://orders/0?is_master=1", {}, "primary", True),
        ("redis://orders/0?is_master=True", {}, "primary", True),
        ("redis://orders/0?is_master=0", {}, "replicas", False),
        ("redis://orders/0?is_master=0", {"READ_FROM": "nearest"}, "nearest", False),
        ("redis://orders/0?is_master=1, redis://orders/0?is_master=0", {}, "replicas", True),
        (["redis://orders/0", "redis://orders/0?is_master=0"], {}, "replicas", True),
        ("redis://orders/0", {"READ_FROM": "replicas"}, "replicas", True),
        ("redis://orders/0", {"READ_FROM": "nearest"}, "nearest", True),
        (
            "redis://orders/0",
            {"CONNECTION_FACTORY": None, "CLIENT_CLASS": "django_redis.client.SentinelClient"},
            "replicas",
            True,
        ),
        (
            "redis://orders/0",
            {"CLIENT": "django_redis.client.sentinel.SentinelClient", "READ_FROM": "primary"},
            "primary",
            True,
        ),
        (
            "redis://orders/0",
            {"CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory"},
            "primary",
            True,
        ),
    ],
)
def test_which_servers_take_reads_and_writes(
    location: Any, options: dict[str, Any], read_from: str, writes: bool
) -> None:
    topology: Any = made(location, **options)._engine.topology
    assert (topology._read_from, topology._writes) == (read_from, writes)
    assert topology.service == "orders"


class OwnPool(SentinelConnectionPool):
    pass


@pytest.mark.parametrize(
    ("pool_class", "expected"),
    [
        (None, SentinelConnectionPool),
        ("redis.sentinel.SentinelConnectionPool", SentinelConnectionPool),
        ("redis.connection.ConnectionPool", SentinelConnectionPool),
        (OwnPool, OwnPool),
    ],
)
def test_the_pool_class_of_old_settings_is_that_of_raw_clients(
    pool_class: Any, expected: type[Any]
) -> None:
    client = made(CONNECTION_POOL_CLASS=pool_class).raw_client()
    assert isinstance(client.connection_pool, expected)
    assert client.connection_pool.service_name == "orders"


def test_services_keep_their_letters() -> None:
    topology: Any = made("redis://user:secret@Orders_EU:26379/3")._engine.topology
    assert topology.service == "Orders_EU"
    config = topology._service.config(("10.0.0.1", 6379))
    assert config.name == "redis://10.0.0.1:6379/3"
    assert (config.kwargs["username"], config.kwargs["password"]) == ("user", "secret")


def test_tls_of_the_servers_and_of_the_sentinels_is_apart() -> None:
    def schemes(location: str, **sentinel_kwargs: Any) -> tuple[str, str]:
        topology: Any = made(location, SENTINEL_KWARGS=sentinel_kwargs)._engine.topology
        names: Callable[[Any], str] = lambda config: config.name.partition(":")[0]  # noqa: E731
        service = topology._service
        return names(service.config(("h", 1))), names(service.sentinels[0].config)

    assert schemes("redis://orders/0") == ("redis", "redis")
    assert schemes("rediss://orders/0") == ("rediss", "redis")
    assert schemes("redis://orders/0", ssl=True, ssl_cert_reqs="none") == ("redis", "rediss")
