"""Settings as well-known projects have them, with another BACKEND and nothing else: they work as
they are, or they are refused with everything that is to be changed, at once.

Each row is the shape of a project's CACHES, read in its public settings and written anew. What is
an address there is here a server's of the test.
"""

from __future__ import annotations

import socket
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from django_redis.compressors.base import BaseCompressor
from django_redis_core.testing.certificates import local_certificate
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

from .conftest import At, mistakes

DEFAULT = "django_redis.client.DefaultClient"
Entry = dict[str, Any]


def options(**more: Any) -> Entry:
    return {"CLIENT_CLASS": DEFAULT, **more}


def tenants_key(key: Any, prefix: str, version: Any) -> str:
    return f"public:{prefix}:{version}:{key}"


def tenants_reverse_key(key: str) -> str:
    return key.split(":", 3)[3]


class Tolerant(BaseCompressor):
    """As PostHog has one: it reads what was stored before anything was compressed."""

    def compress(self, value: bytes) -> bytes:
        return zlib.compress(value, 6) if len(value) > 15 else value

    def decompress(self, value: bytes) -> bytes:
        try:
            return zlib.decompress(value)
        except zlib.error:
            return value


_KEEPALIVE = {
    getattr(socket, name): value
    for name, value in {"TCP_KEEPCNT": 5, "TCP_KEEPIDLE": 1, "TCP_KEEPINTVL": 1}.items()
    if hasattr(socket, name)
}
_POOL = {"max_connections": 50, "retry_on_timeout": True}

#: Those that work as they are.
WORKING: dict[str, Callable[[At], Entry]] = {
    "authentik": lambda at: {
        "LOCATION": at.url(),
        "TIMEOUT": 300,
        "OPTIONS": options(),
        "KEY_PREFIX": "authentik_cache",
        "KEY_FUNCTION": tenants_key,
        "REVERSE_KEY_FUNCTION": tenants_reverse_key,
    },
    "Alliance Auth": lambda at: {
        "LOCATION": at.url(1),
        "OPTIONS": {"COMPRESSOR": "django_redis.compressors.lzma.LzmaCompressor"},
    },
    "Baserow": lambda at: {
        "LOCATION": at.url(),
        "OPTIONS": options(),
        "KEY_PREFIX": "baserow-default-cache",
        "VERSION": "1.30.1",
    },
    "Baserow, its models": lambda at: {
        "LOCATION": at.url(),
        "OPTIONS": options(),
        "KEY_PREFIX": "baserow-generated-models-cache",
        "VERSION": None,
    },
    "BlueKing IAM": lambda at: {
        "LOCATION": at.asking(),
        "TIMEOUT": 60 * 30,
        "KEY_PREFIX": "bk_iam",
        "VERSION": 1,
        "OPTIONS": options(
            PASSWORD="redispassword",
            SOCKET_CONNECT_TIMEOUT=5,
            SOCKET_TIMEOUT=5,
            IGNORE_EXCEPTIONS=True,
            CONNECTION_POOL_KWARGS={"max_connections": 100},
        ),
    },
    "BookWyrm": lambda at: {"LOCATION": at.url().replace("//", "//:@"), "OPTIONS": options()},
    "Django's documentation, replicas": lambda at: {"LOCATION": [at.url(), at.url()]},
    "Django's documentation, a text of two URLs": lambda at: {"LOCATION": f"{at.url()};{at.url()}"},
    "InvenTree": lambda at: {
        "LOCATION": at.with_password(),
        "OPTIONS": options(
            SOCKET_CONNECT_TIMEOUT=5,
            SOCKET_TIMEOUT=3,
            CONNECTION_POOL_KWARGS={
                "socket_keepalive": True,
                "socket_keepalive_options": _KEEPALIVE,
            },
        ),
    },
    "JumpServer": lambda at: {
        "LOCATION": at.with_password(4),
        "OPTIONS": {
            "REDIS_CLIENT_KWARGS": {"health_check_interval": 30},
            "CONNECTION_POOL_KWARGS": {"max_connections": 100},
        },
    },
    "Plane": lambda at: {"LOCATION": at.url(""), "OPTIONS": options()},
    "PostHog": lambda at: {
        "LOCATION": [at.url(), at.url()],
        "OPTIONS": options(COMPRESSOR=f"{__name__}.Tolerant"),
        "KEY_PREFIX": "posthog",
    },
    "Read the Docs": lambda at: {"LOCATION": at.with_password("").removesuffix("/")},
    "Weblate": lambda at: {
        "LOCATION": at.url(1),
        "OPTIONS": options(PASSWORD=None, CONNECTION_POOL_KWARGS={}),
        "KEY_PREFIX": "weblate",
        "TIMEOUT": 3600,
    },
    "Weblate, on a socket": lambda at: {
        "LOCATION": f"unix://{at.plain.unix_socket}?db=1",
        "OPTIONS": options(PASSWORD=None, CONNECTION_POOL_KWARGS={}),
        "KEY_PREFIX": "weblate",
    },
    "cookiecutter-django": lambda at: {
        "LOCATION": at.url(0),
        "OPTIONS": options(IGNORE_EXCEPTIONS=True),
    },
    "four databases as shards": lambda at: {
        "LOCATION": [at.url(number) for number in range(4)],
        "OPTIONS": {
            "CLIENT_CLASS": "django_redis.client.sharded.ShardClient",
            "COMPRESSOR": "django_redis.compressors.lzma.LzmaCompressor",
            "CONNECTION_POOL_KWARGS": {"health_check_interval": 1800, **_POOL},
        },
    },
    "sessions in a cache of their own": lambda at: {
        "LOCATION": at.url(2),
        "OPTIONS": options(
            SERIALIZER="django_redis.serializers.pickle.PickleSerializer",
            CONNECTION_POOL_KWARGS=_POOL,
            SOCKET_CONNECT_TIMEOUT=5,
            SOCKET_TIMEOUT=5,
        ),
        "TIMEOUT": 86400 * 14,
    },
}


@pytest.mark.parametrize("project", WORKING)
def test_it_works_as_it_is(project: str, at: At, make_cache: MakeCache) -> None:
    entry = WORKING[project](at)
    cache = make_cache(entry.pop("OPTIONS", None), **entry)
    assert cache.set("k", {"of": project, "text": "a" * 500})
    assert cache.get("k") == {"of": project, "text": "a" * 500}
    assert cache.incr_version("k") if isinstance(cache.version, int) else cache.touch("k")
    cache.set("n", 1)
    assert cache.incr("n") == 2
    assert cache.delete("n")


def test_without_a_version_keys_are_as_djangos(redis_server: Server, make_cache: MakeCache) -> None:
    """``VERSION: None``, as Baserow has it for what is not of one release."""
    from django.core.cache.backends.redis import RedisCache as Djangos

    entry = {"KEY_PREFIX": "models", "VERSION": None}
    ours, theirs = make_cache(**entry), Djangos(redis_server.url, entry)
    theirs.set("k", 7)
    assert ours.get("k") == 7
    ours.set("other", 8)
    assert theirs.get("other") == 8
    assert ours.make_key("k") == theirs.make_key("k") == "models:None:k"
    theirs.close()


DATABASE = "Write the database into LOCATION: redis://localhost:6379/1."
PARSER = "PARSER_CLASS must be left out: redis-py 5 and later have no class of this name"
RETRY = "Write it as 'retry_on_timeout' in CONNECTION_POOL_KWARGS."
CONNECTIONS = "Write it as 'max_connections' in CONNECTION_POOL_KWARGS."
SERVICE = "Write the service's name into LOCATION: redis://mymaster/0."

#: Those that are to be changed: the entry, and what each line of the refusal says.
REFUSED: dict[str, tuple[Entry, list[str]]] = {
    "Ralph": (
        {
            "LOCATION": "redis://ralph/0",
            "OPTIONS": options(
                DB=0,
                PASSWORD="hush",
                PARSER_CLASS="redis.connection.HiredisParser",
                PICKLE_VERSION=-1,
                SENTINELS=[],
            ),
        },
        [DATABASE, "or be left out; it is empty", PARSER],
    ),
    "Ralph, on django-redis-cache": (
        {
            "LOCATION": ["redis://ralph:6379"],
            "OPTIONS": {
                "DB": 1,
                "PARSER_CLASS": "redis.connection.HiredisParser",
                "CONNECTION_POOL_CLASS": "redis.BlockingConnectionPool",
                "CONNECTION_POOL_CLASS_KWARGS": {"max_connections": 50, "timeout": 20},
                "MAX_CONNECTIONS": 1000,
                "PICKLE_VERSION": -1,
            },
        },
        [DATABASE, "Write CONNECTION_POOL_KWARGS.", CONNECTIONS, PARSER],
    ),
    "OMERO.web": ({"LOCATION": "127.0.0.1:6379"}, ["write 'redis://127.0.0.1:6379' instead"]),
    "a socket after one slash": (
        {"LOCATION": "unix:/var/run/redis/redis.sock?db=1"},
        ["write 'unix:///var/run/redis/redis.sock?db=1' instead"],
    ),
    "Weblate 4": (
        {
            "LOCATION": "redis://cache:6379/1",
            "OPTIONS": options(
                PARSER_CLASS="redis.connection.HiredisParser",
                PASSWORD=None,
                CONNECTION_POOL_KWARGS={},
            ),
        },
        [PARSER],
    ),
    "TLS by an option that nobody read": (
        {
            "LOCATION": "redis://cache:6379/1",
            "OPTIONS": options(
                HEALTH_CHECK_INTERVAL=30, SSL=True, CONNECTION_POOL_KWARGS=_POOL, ssl_cert_reqs=0
            ),
        },
        [
            "Write it as 'health_check_interval' in CONNECTION_POOL_KWARGS.",
            "Write rediss:// in LOCATION.",
            "Write it as 'ssl_cert_reqs' in CONNECTION_POOL_KWARGS.",
        ],
    ),
    "pool arguments as options": (
        {
            "LOCATION": "redis://cache:6379/1",
            "OPTIONS": options(RETRY_ON_TIMEOUT=True, MAX_CONNECTIONS=1000, PICKLE_VERSION=4),
            "IGNORE_EXCEPTIONS": True,
        },
        [RETRY, CONNECTIONS, "IGNORE_EXCEPTIONS belongs into OPTIONS."],
    ),
    "Django's backend, with arguments of its pool": (
        {
            "LOCATION": "redis://cache:6379",
            "OPTIONS": {
                "db": "10",
                "parser_class": "redis.connection.PythonParser",
                "pool_class": "redis.BlockingConnectionPool",
                "socket_timeout": 0.5,
            },
        },
        [
            DATABASE,
            "Did you mean 'PARSER_CLASS'?",
            "Write CONNECTION_POOL_CLASS.",
            "Did you mean 'SOCKET_TIMEOUT'?",
        ],
    ),
    "sentinels by a pool": (
        {
            "LOCATION": ["redis://sentinel-1:26379/0"],
            "OPTIONS": {
                "CLIENT_CLASS": "django_redis.client.SentinelClient",
                "SENTINELS": [("sentinel-1", 26379)],
                "MASTER_NAME": "mymaster",
                "SOCKET_KEEPALIVE": True,
                "retry_on_timeout": True,
            },
        },
        [SERVICE, "Write it as 'socket_keepalive' in CONNECTION_POOL_KWARGS.", RETRY],
    ),
    "django-valkey": (
        {
            "LOCATION": "valkey://cache:6379/1",
            "OPTIONS": {
                "CLIENT_CLASS": "django_valkey.client.DefaultClient",
                "COMPRESSOR": "django_valkey.compressors.zstd.ZStdCompressor",
                "PASSWORD": "hush",
            },
        },
        [
            "Write 'default', the plugin that does its job.",
            "Write 'zstd', the plugin that does its job.",
        ],
    ),
    "django-cachex' cluster": (
        {
            "LOCATION": "redis://cluster-1:7000",
            "OPTIONS": {
                "CLIENT_CLASS": "django_cachex.client.ClusterClient",
                "CONNECTION_FACTORY": "django_cachex.pool.ClusterConnectionFactory",
            },
        },
        [
            "Write 'default', the plugin that does its job.",
            "Write 'cluster', the plugin that does its job.",
        ],
    ),
}


@pytest.mark.parametrize("project", REFUSED)
def test_it_is_refused_with_all_that_is_to_be_changed(project: str) -> None:
    entry, words = REFUSED[project]
    lines = mistakes(entry)
    assert len(lines) == len(words), lines
    for word in words:
        assert any(word in line for line in lines), (word, lines)


@pytest.mark.parametrize("written", [False, None, "none"], ids=["Plane", "Weblate", "Celery"])
def test_a_certificate_that_is_not_looked_at(
    written: Any, redis_server: Server, make_cache: MakeCache
) -> None:
    """As hosts with certificates of their own are written: ``ssl_cert_reqs`` in three ways."""
    with FaultProxy(redis_server.host, redis_server.port, tls=local_certificate()) as encrypted:
        cache = make_cache(
            options(CONNECTION_POOL_KWARGS={"ssl_cert_reqs": written}),
            LOCATION=f"rediss://127.0.0.1:{encrypted.port}/0",
        )
        assert cache.set("k", "v")
        assert cache.get("k") == "v"
