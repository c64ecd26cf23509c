"""Each argument of redis-py's connections works, or a check says that it does not."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import redis
import redis.asyncio as aioredis
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from redis.backoff import NoBackoff
from redis.connection import BlockingConnectionPool
from redis.retry import Retry

from django_redis_core._options.option import constructor_keywords
from django_redis_core.cache import RedisCache
from django_redis_core.checks import check_caches
from django_redis_core.connections import counterparts
from django_redis_core.connections.urls import OF_RAW_CLIENTS
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.busy import patiently
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

#: What a connection is made with. That they work is redis-py's to see to, and tests' elsewhere:
#: addresses, timeouts, credentials, TLS.
CONNECTING = {
    *("host", "port", "path", "db", "username", "password", "credential_provider", "protocol"),
    *("socket_timeout", "socket_connect_timeout", "socket_type"),
    *("socket_keepalive", "socket_keepalive_options", "health_check_interval"),
    *("client_name", "lib_name", "lib_version", "driver_info", "redis_connect_func"),
    *("retry", "retry_on_error", "retry_on_timeout"),
    *(name for name in constructor_keywords(redis.SSLConnection) if name.startswith("ssl_")),
}
#: The pool's, of which the cache has one of its own.
POOLING = {"connection_class", "max_connections", "timeout"}
#: What redis-py's pools and clients hand to their connections, and no site writes.
INTERNAL = {
    "cache_factory",
    "maint_notifications_pool_handler",
    "maintenance_notification_hash",
    "maintenance_state",
    "orig_host_address",
    "orig_socket_connect_timeout",
    "orig_socket_timeout",
    "oss_cluster_maint_notifications_handler",
    "parser",
}


def warned(location: str, **options: Any) -> list[str]:
    caches = {
        "default": {
            "BACKEND": "django_redis_core.cache.RedisCache",
            "LOCATION": location,
            "OPTIONS": options,
        }
    }
    with override_settings(CACHES=caches):
        return [one.msg for one in check_caches() if one.id == "django_redis_core.W004"]


def test_every_argument_works_or_is_told_of() -> None:
    """A new one of redis-py's is to be looked at."""
    known = constructor_keywords(BlockingConnectionPool)
    for kind in counterparts.TWINS:
        known |= constructor_keywords(kind)
    assert known - CONNECTING - POOLING - INTERNAL - set(OF_RAW_CLIENTS) == set()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("decode_responses", True),
        ("encoding", "latin-1"),
        ("encoding_errors", "replace"),
        ("queue_class", list),
        ("socket_read_size", 1024),
    ],
)
def test_what_is_for_raw_clients_alone_is_told(name: str, value: Any) -> None:
    [message] = warned("redis://localhost", CONNECTION_POOL_KWARGS={name: value})
    assert f": {name} in LOCATION" in message


def test_it_is_told_where_servers_are_found_out_by_asking() -> None:
    sentinels = {"CONNECTION_FACTORY": "sentinel", "SENTINELS": [("localhost", 26379)]}
    kwargs = {"decode_responses": True}
    [message] = warned("redis://orders/0", CONNECTION_POOL_KWARGS=kwargs, **sentinels)
    assert "decode_responses" in message


def test_it_is_told_of_the_url_and_of_parser_class_too() -> None:
    [message] = warned("redis://localhost?encoding=latin-1")
    assert "encoding" in message
    [message] = warned("redis://localhost", PARSER_CLASS="redis.connection.DefaultParser")
    assert "parser_class" in message


def test_what_says_nothing_new_is_passed_over() -> None:
    kwargs = {"decode_responses": False, "encoding": "utf-8", "socket_read_size": 65536}
    assert warned("redis://localhost", CONNECTION_POOL_KWARGS=kwargs) == []


def test_what_a_connection_is_made_with_reaches_it() -> None:
    kwargs = {"client_name": "site", "socket_keepalive": True}
    with Server() as server:
        cache = RedisCache(server.url, {"OPTIONS": {**PATIENCE, "CONNECTION_POOL_KWARGS": kwargs}})
        cache.set("key", "value")
        assert [one for one in server.cli("CLIENT", "LIST").splitlines() if "name=site" in one]
        links = cache._engine.topology.single.links
        link = links.take()
        assert link._sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        links.give(link)


@pytest.mark.parametrize("wrong", [-1, "30", True])
def test_an_interval_that_is_none_is_refused(wrong: Any) -> None:
    options = {"CONNECTION_POOL_KWARGS": {"health_check_interval": wrong}}
    with pytest.raises(ImproperlyConfigured, match=r"health_check_interval, .*number of sec"):
        RedisCache("redis://localhost", {"OPTIONS": options})


def test_retries_are_for_connecting_and_not_for_the_trial_of_a_server_in_doubt() -> None:
    kwargs = {"retry": Retry(NoBackoff(), 2), "retry_on_timeout": True}
    options = {"CONNECTION_POOL_KWARGS": kwargs, "SOCKET_TIMEOUT": 1, "BREAKER_FAILURES": 1}
    with Server() as server, FaultProxy(*server.address) as proxy:
        cache = RedisCache(proxy.url, {"OPTIONS": options})
        patiently(lambda: cache.set("key", "value"))
        proxy.black_hole()
        with pytest.raises(ConnectionInterrupted):
            cache.get("key")
        before = proxy.accepted
        with pytest.raises(ConnectionInterrupted):
            cache.get("key")
        assert proxy.accepted == before + 1


def test_what_asyncio_does_not_know_is_refused_there_and_not_left_out() -> None:
    """A certificate that blocking code has checked must not be taken unseen on asyncio."""
    only = constructor_keywords(redis.SSLConnection) - constructor_keywords(aioredis.SSLConnection)
    assert "ssl_validate_ocsp" in only
    kwargs = {"ssl_validate_ocsp": True}
    cache = RedisCache("rediss://localhost", {"OPTIONS": {"CONNECTION_POOL_KWARGS": kwargs}})
    config = cache._engine.topology.single.config
    with pytest.raises(ImproperlyConfigured, match="know no ssl_validate_ocsp: leave it out, or"):
        config.async_connection()
