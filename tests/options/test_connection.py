"""From LOCATION and options to a server: what beats what, and URLs that cannot be used."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from redis.connection import (
    BlockingConnectionPool,
    Connection,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.credentials import UsernamePasswordCredentialProvider

from django_redis_core._engine.assembly import Engine
from django_redis_core._settings import parse
from django_redis_core.connections.config import ServerConfig
from django_redis_core.interfaces import addresses

from .conftest import parsed, refusal


def server(url: str, **options: Any) -> ServerConfig:
    return parsed(options).connection.server(url)


@pytest.mark.parametrize(
    ("location", "urls"),
    [
        ("redis://a/0", ("redis://a/0",)),
        ("redis://a/0, redis://b/0", ("redis://a/0", "redis://b/0")),
        (["redis://a/0", "redis://b/0"], ("redis://a/0", "redis://b/0")),
        (("rediss://a/0",), ("rediss://a/0",)),
        (["redis://:a,b@a/0"], ("redis://:a,b@a/0",)),
    ],
)
def test_a_location(location: Any, urls: tuple[str, ...]) -> None:
    assert parsed(location=location).locations == urls


@pytest.mark.parametrize(
    "location", ["", " ", ",", None, [], (), [""], [None], 5, {}, b"redis://a"]
)
def test_an_empty_location(location: Any) -> None:
    assert "LOCATION must be a URL such as 'redis://localhost:6379/0'" in refusal(location=location)


def test_a_location_without_a_scheme_says_what_to_write() -> None:
    assert refusal(location="cache.local:6380/1") == (
        "CACHES['shop']: LOCATION must begin with redis://, rediss://, unix:// or a plugin's "
        "scheme: write 'redis://cache.local:6380/1' instead of 'cache.local:6380/1'."
    )
    assert "URL 2 of 2 does not" in refusal(location="redis://a,b")


def test_a_mistyped_scheme() -> None:
    words = refusal(location="redi://cache.local/0")
    assert "the scheme of LOCATION (did you mean redis://?)" in words
    assert "did you mean" not in refusal(location="memcached://cache.local/0")


def test_urls_of_two_factories() -> None:
    assert "not of embedded and redis together" in refusal(location=["redis://a/0", "embedded://"])


def test_a_url_in_full() -> None:
    config = server("rediss://us%2Fer:pa%40ss@cache:6380/3?health_check_interval=7")
    assert config.connection_class is SSLConnection
    expected = {"host": "cache", "port": 6380, "db": 3, "username": "us/er", "password": "pa@ss"}
    assert expected.items() <= config.kwargs.items()
    assert config.kwargs["health_check_interval"] == 7
    assert config.name == "rediss://cache:6380/3"


def test_a_unix_socket() -> None:
    config = server("unix:///run/redis.sock?db=2")
    assert config.connection_class is UnixDomainSocketConnection
    assert config.name == "unix:///run/redis.sock/2"


@pytest.mark.parametrize(
    "url", ["redis://h/3", "redis://h?db=3", "redis://h/3/", "redis://h/1?db=3"]
)
def test_the_database(url: str) -> None:
    assert server(url).kwargs["db"] == 3


def test_url_before_pool_kwargs_before_plain_options() -> None:
    plain = {"PASSWORD": "plain", "SOCKET_TIMEOUT": 3, "USERNAME": "someone"}
    pool = {"password": "pool", "socket_timeout": 4}
    config = server("redis://h", **plain)
    assert (config.kwargs["password"], config.timeout) == ("plain", 3)
    config = server("redis://h", **plain, CONNECTION_POOL_KWARGS=pool)
    assert (config.kwargs["password"], config.timeout) == ("pool", 4)
    config = server("redis://:url@h?socket_timeout=5", **plain, CONNECTION_POOL_KWARGS=pool)
    assert (config.kwargs["password"], config.timeout) == ("url", 5)
    assert config.kwargs["username"] == "someone"


def test_timeouts_are_always_set() -> None:
    config = server("redis://h", SOCKET_TIMEOUT=None, SOCKET_CONNECT_TIMEOUT=None)
    assert config.timeout == 1
    assert config.kwargs["socket_connect_timeout"] == 0.5


def test_a_credential_provider_replaces_user_and_password() -> None:
    provider = UsernamePasswordCredentialProvider("u", "p")
    pool = {"credential_provider": provider}
    config = server("redis://:url@h", PASSWORD="plain", CONNECTION_POOL_KWARGS=pool)
    assert config.kwargs["credential_provider"] is provider
    assert not {"username", "password"} & config.kwargs.keys()


def test_pool_and_client() -> None:
    config = server(
        "redis://h",
        CONNECTION_POOL_CLASS="redis.BlockingConnectionPool",
        CONNECTION_POOL_KWARGS={"max_connections": 7, "timeout": 3},
        REDIS_CLIENT_CLASS="redis.client.StrictRedis",
        PARSER_CLASS="redis.connection.DefaultParser",
    )
    assert config.pool_class is BlockingConnectionPool
    assert (config.max_connections, config.wait) == (7, 3)
    assert config.client_class.__name__ == "Redis"  # type: ignore[union-attr]
    assert "max_connections" not in config.kwargs


def test_two_servers_share_only_what_is_equal_in_all() -> None:
    config = server("redis://h/1", SOCKET_TIMEOUT=2)
    assert config.identity == server("redis://h/1", SOCKET_TIMEOUT=2).identity
    others = [
        server("redis://h/1"),
        server("redis://h/2", SOCKET_TIMEOUT=2),
        server("redis://:x@h/1", SOCKET_TIMEOUT=2),
        server("redis://h/1", SOCKET_TIMEOUT=2, CONNECTION_POOL_KWARGS={"max_connections": 1}),
    ]
    assert all(config.identity != other.identity for other in others)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://h:port/0", "its host or its port cannot be read"),
        ("redis://h:99999/0", "its host or its port cannot be read"),
        ("redis://h:0/0", "port 0"),
        ("redis://[::1/0", "its host or its port cannot be read"),
        ("redis://h/orders", "must be the number of the database"),
        ("redis://h/-1", "must be the number of the database"),
        ("redis://h?db=x", "Invalid value for"),
        ("redis://h?db=-1", "db, from LOCATION or CONNECTION_POOL_KWARGS, must be an int"),
        ("redis://h?socket_timeout=0", "socket_timeout, from LOCATION"),
        ("redis://h?max_connections=0", "max_connections, from LOCATION"),
        ("redis://h?timeout=-1", "timeout, from LOCATION"),
        ("redis://h?no_such_thing=1", "no_such_thing"),
        ("redis://h#x", "it holds a '#'"),
        ("REDIS://h", "in small letters"),
        ("unix://", "it has no path"),
    ],
)
def test_a_url_that_cannot_be_used(url: str, said: str) -> None:
    assert said in refusal(location=url)


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ({"no_such_thing": 1}, "no_such_thing"),
        ({"socket_timeout": 0}, "socket_timeout, from LOCATION or CONNECTION_POOL_KWARGS, must be"),
        ({"socket_connect_timeout": "1"}, "socket_connect_timeout"),
        ({"max_connections": "many"}, "max_connections"),
        ({"timeout": "x"}, "timeout"),
        ({"db": "x"}, "db"),
        ({"port": "x"}, "invalid literal"),
        ({"connection_class": "redis.Connection"}, "connection_class in CONNECTION_POOL_KWARGS"),
        ({"ssl": True}, "ssl"),
    ],
)
def test_pool_kwargs_that_cannot_be_used(kwargs: dict[str, Any], said: str) -> None:
    assert said in refusal({"CONNECTION_POOL_KWARGS": kwargs}, "redis://h")


def test_a_connection_class_of_the_sites_own() -> None:
    class Own(Connection):
        pass

    config = server("redis://h", CONNECTION_POOL_KWARGS={"connection_class": Own})
    assert config.connection_class is Own


def test_tls_verifies_the_servers_name_whatever_redis_py_does_by_itself() -> None:
    def checked(url: str, **pool: Any) -> bool:
        config = server(url, CONNECTION_POOL_KWARGS=pool)
        return bool(config.connection_class(**config.kwargs).check_hostname)

    assert checked("rediss://h")
    assert not checked("rediss://h", ssl_check_hostname=False)
    assert not checked("rediss://h?ssl_cert_reqs=none")


def test_tls_arguments_come_through() -> None:
    pool = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_ca_certs": "/etc/ca.pem"}
    assert server("rediss://h", CONNECTION_POOL_KWARGS=pool).kwargs["ssl_ca_certs"] == "/etc/ca.pem"


def test_a_client_class_that_takes_no_pool_is_refused_with_the_alias() -> None:
    """A class of another job under REDIS_CLIENT_CLASS, such as a cache's client."""

    class NoClient:
        pass

    with pytest.raises(ImproperlyConfigured, match=r"CACHES\['shop'\]: REDIS_CLIENT_CLASS"):
        Engine(parse("shop", "redis://localhost", {"OPTIONS": {"REDIS_CLIENT_CLASS": NoClient}}))


@pytest.mark.parametrize(
    "location",
    [
        "redis://::1",
        "redis://::1:6379/0",
        "rediss://user:secret@2001:db8::1:6379/0",
        "redis://fe80::1%25eth0/0",
    ],
)
def test_an_ipv6_address_without_brackets_is_refused_with_the_right_form(location: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        server(location)
    assert "in brackets, as in redis://[2001:db8::1]:6379/0" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_an_ipv6_address_in_brackets_and_half_of_them() -> None:
    config = server("redis://[2001:db8::1]:6380/2")
    assert (config.kwargs["host"], config.name) == (
        "2001:db8::1",
        "redis://[2001:db8::1]:6380/2",
    )
    with pytest.raises(ImproperlyConfigured, match="its host or its port cannot be read"):
        server("redis://[::1/0")


def test_addresses_take_ipv6_with_brackets_or_without() -> None:
    assert addresses([("[::1]", 1), ("::1", "2")]) == (("::1", 1), ("::1", 2))
