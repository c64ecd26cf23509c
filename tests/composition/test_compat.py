"""Classes of sites that build on those of ``django_redis`` for which a plugin does the work."""

import pytest
from django.test import override_settings

from django_redis.cache import RedisCache
from django_redis.client import HerdClient, ShardClient
from django_redis.compressors.gzip import GzipCompressor
from django_redis.compressors.lz4 import Lz4Compressor
from django_redis.compressors.lzma import LzmaCompressor
from django_redis.compressors.zlib import ZlibCompressor
from django_redis.compressors.zstd import ZStdCompressor
from django_redis.serializers.msgpack import MSGPackSerializer
from django_redis_core.testing.topologies import shards


class Hard(ZlibCompressor):
    min_length = 50
    preset = 9


class Gzip(GzipCompressor):
    pass


class Lz4(Lz4Compressor):
    pass


class Lzma(LzmaCompressor):
    preset = 1


class ZStd(ZStdCompressor):
    pass


class Packed(MSGPackSerializer):
    def dumps(self, value):
        return b"packed" + super().dumps(value)

    def loads(self, value):
        return super().loads(value.removeprefix(b"packed"))


class CountingHerd(HerdClient):
    def get_many(self, keys, version=None, client=None):
        self.asked = len(list(keys))
        return super().get_many(keys, version=version, client=client)


class CountingShard(ShardClient):
    def set(self, key, value, **kwargs):
        self.server = self.get_server(self.make_key(key))
        return super().set(key, value, **kwargs)


def path(cls):
    return f"{cls.__module__}.{cls.__qualname__}"


def test_a_subclass_of_a_compressor_keeps_its_attributes(make_cache):
    cache = make_cache({"COMPRESSOR": path(Hard)})
    raw = cache.raw_client()
    cache.set("short", "x" * 30)
    cache.set("long", "x" * 300)
    assert raw.get(cache.make_key("short")).startswith(b"\x80")
    assert raw.get(cache.make_key("long")).startswith(b"\x78\xda")
    assert cache.get_many(["short", "long"]) == {"short": "x" * 30, "long": "x" * 300}


@pytest.mark.parametrize("cls", [Hard, Gzip, Lz4, Lzma, ZStd])
def test_a_subclass_of_a_compressor_stands_in_a_list(make_cache, cls):
    values = {"text": "x" * 500, "short": 1.5, "bytes": bytes(range(256)) * 4}
    other = "zstd" if cls is not ZStd else "zlib"
    old = make_cache({"COMPRESSOR": other}, KEY_PREFIX="listed")
    old.set_many(values)
    new = make_cache({"COMPRESSOR": [path(cls), other]}, KEY_PREFIX="listed")
    assert new.get_many(values) == values
    new.set_many(values)
    assert new.get_many(values) == values
    back = make_cache({"COMPRESSOR": [other, path(cls)]}, KEY_PREFIX="listed")
    assert back.get_many(values) == values


def test_a_subclass_of_a_serializer(make_cache):
    cache = make_cache({"SERIALIZER": path(Packed)})
    cache.set("key", {"a": [1]})
    assert cache.raw_client().get(cache.make_key("key")).startswith(b"packed\x81")
    assert cache.get("key") == {"a": [1]}


def test_a_subclass_of_the_herd_client(make_cache):
    cache = make_cache({"CLIENT_CLASS": path(CountingHerd), "HERD_TIMEOUT": 30})
    cache.set("key", "value", 60)
    assert cache.get_many(["key", "other"]) == {"key": "value"}
    assert cache.client.blocking.asked == 2
    assert 80_000 < cache.raw_client().pttl(cache.make_key("key")) <= 90_000
    assert 50 < cache.ttl("key") <= 60


@pytest.fixture(scope="module")
def two_servers():
    with shards(2) as servers:
        yield [server.url for server in servers]


async def test_a_subclass_of_the_shard_client(make_cache, two_servers):
    cache = make_cache({"CLIENT_CLASS": path(CountingShard)}, LOCATION=two_servers)
    keys = [str(number) for number in range(20)]
    for key in keys:
        await cache.aset(key, 1)
        assert cache.client.blocking.server.exists(cache.make_key(key)) == 1
    assert len(cache.get_many(keys)) == 20
    assert cache.set_many(dict.fromkeys(keys, 2)) == []
    assert sorted(set(cache.get_many(keys).values())) == [2]


@pytest.mark.parametrize(("client", "kind"), [("herd", HerdClient), ("shard", ShardClient)])
def test_the_client_of_a_backend_is_of_the_kind_in_use(client, kind, two_servers):
    entry = {"OPTIONS": {"CLIENT": client}, "KEY_PREFIX": "kind"}
    with override_settings(CACHES={"default": {"BACKEND": "x", **entry}}):
        cache = RedisCache(two_servers if client == "shard" else two_servers[0], entry)
        assert type(cache.client) is kind
        assert cache.client.set("key", 1, 60) is True
        assert cache.client.get_many(["key"]) == {"key": 1}


def test_a_sharded_client_gives_the_server_of_a_key(redis_server):
    urls = [f"{redis_server.url[:-1]}{database}" for database in (1, 2)]
    site = RedisCache(urls, {"OPTIONS": {"CLIENT_CLASS": "django_redis.client.ShardClient"}})
    assert isinstance(site.client, ShardClient)
    databases = set()
    for number in range(20):
        site.set(f"key{number}", number)
        full = site.client.make_key(f"key{number}")
        raw = site.client.get_server(full)
        assert raw.get(full) == b"%d" % number
        databases.add(raw.get_connection_kwargs()["db"])
    assert databases == {1, 2}
    with pytest.raises(NotImplementedError, match="get_server"):
        site.client.get_client()
