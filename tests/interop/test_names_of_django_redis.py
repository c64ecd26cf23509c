"""Every name of django-redis 7.0.0 is there, or says what to write.

The table beside this file has its modules, their own names, the attributes of its classes, and
with "()" those of an object of the class; without what ``typing`` and ``abc`` leave there.
"""

from importlib import import_module
from pathlib import Path

import pytest
from django.core.cache import caches
from django.test import override_settings
from redis import Redis

from django_redis.cache import CONNECTION_INTERRUPTED, RedisCache
from django_redis.client import DefaultClient, ShardClient
from django_redis.client.default import _main_exceptions, glob_escape
from django_redis.client.herd import _is_expired
from django_redis.client.mixins import SortedSetMixin
from django_redis.client.sharded import UNSET, UnsetType
from django_redis.exceptions import ConnectionInterrupted
from django_redis.hash_ring import HashRing
from django_redis.pool import ConnectionFactory
from django_redis_core.testing.servers import Server

NAMES = Path(__file__).with_name("names_of_django_redis_7.txt").read_text("utf-8").split()

#: What has no meaning here. The rest of the table is there.
GONE = {
    "client.default.DefaultClient()._clients": "client.get_client(), or client.connect(index)",
    "client.herd.HerdClient._pack": "client.set(), which packs by HERD_FORMAT",
    "client.herd.HerdClient._unpack": "client.get(), which reads both formats",
}


@pytest.fixture
def site(redis_server):
    entry = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": redis_server.url}
    with override_settings(CACHES={"default": {**entry, "KEY_PREFIX": "compat-all"}}):
        yield caches["default"]
        caches["default"].clear()


def found(path, site):
    """The object at ``path`` of the table."""
    made = {
        "cache.RedisCache()": lambda: site,
        "client.default.DefaultClient()": lambda: site.client,
        "pool.ConnectionFactory()": lambda: ConnectionFactory({}),
        "hash_ring.HashRing()": lambda: HashRing(["a"]),
    }
    of_class, _, attribute = path.rpartition(".")
    if of_class in made:
        return getattr(made[of_class](), attribute)
    if of_class.endswith("()"):
        module, _, name = of_class[:-2].rpartition(".")
        return getattr(getattr(import_module(f"django_redis.{module}"), name)({}), attribute)
    parts = path.split(".")
    for size in range(len(parts), -1, -1):
        try:
            value = import_module(".".join(["django_redis", *parts[:size]]))
        except ModuleNotFoundError:
            continue
        for name in parts[size:]:
            value = getattr(value, name)
        return value
    raise AssertionError(path)


def test_every_name_is_there_or_says_what_to_write(site):
    assert len(NAMES) > 350
    lacking = {}
    for name in NAMES:
        try:
            found(name, site)
        except AttributeError as error:
            lacking[name] = str(error).partition(" Write ")[2].rstrip(".")
    assert lacking == GONE


def test_the_same_by_super(site):
    class Own(DefaultClient):
        def clients(self):
            return super()._clients

    with pytest.raises(AttributeError, match=r"Write client\.get_client"):
        Own(site._server, site._params, site).clients()


def test_the_backend_has_what_it_was_made_with(site):
    assert site._server.startswith("redis://")
    assert site._params["KEY_PREFIX"] == "compat-all"
    assert site._client_cls is DefaultClient
    assert isinstance(site._client, DefaultClient)
    assert site._default_scan_itersize == 1000
    assert RedisCache[DefaultClient] is RedisCache
    assert DefaultClient[Redis] is DefaultClient


def test_get_by_its_private_name(site):
    site.set("k", 1)
    assert site._get("k", None, None, None) == 1
    ignoring = RedisCache("redis://127.0.0.1:1/0", {"OPTIONS": {"IGNORE_EXCEPTIONS": True}})
    assert ignoring._get("k", None, None, None) is CONNECTION_INTERRUPTED
    with pytest.raises(ConnectionInterrupted):
        RedisCache("redis://127.0.0.1:1/0", {})._get("k", None, None, None)


def test_clients_by_the_place_of_their_server(site):
    client = site.client
    assert client.get_next_client_index() == client.get_next_client_index(write=False) == 0
    raw, index = client.get_client_with_index(write=True)
    assert index == 0
    assert raw.ping() is True
    assert client.connect().ping() is True
    client.disconnect()
    client.disconnect(client=raw)
    client.do_close_clients()
    assert raw.ping() is True
    assert client._incr("n", 5, ignore_key_check=True) == 5
    assert client._decode_iterable_result([b"1", b"2", b"2"]) == {1, 2}
    assert client._decode_iterable_result([b"1", b"1"], covert_to_set=False) == [1, 1]
    assert client._decode_iterable_result(None) is None
    assert client._has_compression_enabled() is False
    assert client._compressor.compress(b"x") == b"x"


def test_reads_go_to_another_server():
    urls = ["redis://127.0.0.1:1/0", "redis://127.0.0.1:2/0", "redis://127.0.0.1:3/0"]
    client = RedisCache(",".join(urls), {}).client
    assert client.get_next_client_index(write=True) == 0
    assert {client.get_next_client_index(write=False) for _ in range(50)} == {1, 2}
    assert client.get_next_client_index(write=True, tried=[0, 1]) == 2
    ports = [client.connect(place).connection_pool.connection_kwargs["port"] for place in (0, 1, 2)]
    assert ports == [1, 2, 3]


def test_shards_by_their_names(redis_server):
    with Server() as other:
        urls = [redis_server.url, other.url]
        client = RedisCache(urls, {"OPTIONS": {"CLIENT": "shard"}}).client
        assert isinstance(client, ShardClient)
        raw = client.connect()
        assert list(raw) == urls
        for number in range(20):
            key = client.make_key(f"compat-shard-{number}")
            client.set(key, number, 5)
            name = client.get_server_name(key)
            assert name == HashRing(urls).get_node(key)
            assert raw[name].get(key) == b"%d" % number
        client.disconnect()
    assert client._findhash.match("a{b}c")[1] == "b"
    assert isinstance(UNSET, UnsetType)


def test_the_small_functions(site):
    assert glob_escape("a*b?[c") == "a[*]b[?][[]c"
    assert _is_expired(60, 60) is True
    assert _is_expired(-60, 60) is False
    assert isinstance(site.client, SortedSetMixin)
    away = RedisCache("redis://127.0.0.1:1/0", {})
    with pytest.raises(_main_exceptions):
        away.get("k")
