"""``cache.client``: what site code calls that was written for django-redis."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import pytest
import redis

from django_redis_core.cache import RedisCache
from django_redis_core.commands import GET
from django_redis_core.interfaces import OPERATIONS, Client, Sealer
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.servers import Server

from .tags_client import TagsClient


@pytest.fixture
def cache(make_cache: MakeCache) -> RedisCache:
    return make_cache(KEY_PREFIX="site")


def test_its_methods_run_and_return_values(cache: RedisCache) -> None:
    client = cache.client
    assert client.set("flag", 0, 60) is True
    assert cache.get("flag") == 0
    assert client.get("flag") == 0
    assert client.get("no", "default") == "default"
    assert client.has_key("no") is False
    assert "flag" in client
    assert "no" not in client
    assert client.ttl("flag") == 60
    assert client.incr("flag") == 1
    assert sorted(client.iter_keys("*")) == client.keys("*") == ["flag"]
    assert client.hset("h", "f", [1]) == 1
    with client.lock("lock", timeout=5) as lock:
        assert lock.locked()
    assert client.delete_pattern("*") == 2
    assert client.close() is None
    assert client.set("still", 1) is True
    assert cache.client is client


@pytest.mark.parametrize("name", OPERATIONS)
def test_it_has_every_operation_and_none_is_a_generator_function(
    cache: RedisCache, name: str
) -> None:
    method = getattr(cache.client, name)
    assert name in dir(cache.client)
    assert not inspect.isgeneratorfunction(method)
    assert method.__doc__ == getattr(Client, name).__doc__


def test_it_gives_redis_py_clients_and_keys(cache: RedisCache, redis_server: Server) -> None:
    client = cache.client
    raw = client.get_client(write=True)
    assert isinstance(raw, redis.Redis)
    assert isinstance(client.get_client(), redis.Redis)
    key = client.make_key("a:b", version=3)
    assert key == "site:3:a:b"
    assert client.make_key(key) == key
    assert client.make_key("a", prefix="other") == "other:1:a"
    assert client.reverse_key(client.make_key("name")) == "name"
    assert client.make_pattern("x*", prefix="p*") == r"p\*:1:x*"
    raw.set(client.make_key("k"), client.encode({"a": 1}))
    assert cache.get("k") == {"a": 1}
    assert client.decode(raw.get(client.make_key("k"))) == {"a": 1}
    assert client.decode(client.encode(7)) == client.decode(7) == 7
    with pytest.raises(pickle.UnpicklingError):
        client.decode(b"no pickle")
    with redis_server.client(db=5) as own:
        assert client.set("k", 5, client=own) is True
        assert client.get("k", client=own) == 5
        own.flushdb()
    assert client.get("k") == {"a": 1}


class Bound(Sealer):
    name = "bound"

    def seal(self, key: str, data: bytes) -> bytes:
        return key.encode() + b"|" + data

    def unseal(self, key: str, data: bytes) -> bytes:
        head, _, rest = data.partition(b"|")
        if head != key.encode():
            raise ValueError(f"not of {key}")
        return rest


def test_with_a_sealer_the_key_is_needed(make_cache: MakeCache) -> None:
    cache = make_cache({"SEALER": Bound})
    key = cache.client.make_key("k")
    with pytest.raises(ValueError, match=r"'bound' binds each value to its key.*key="):
        cache.client.encode([1])
    cache.raw_client().set(key, cache.client.encode([1], key=key))
    assert cache.get("k") == [1]
    assert cache.client.decode(cache.raw_client().get(key), key=key) == [1]


class Reporting(Client):
    """With methods beside its operations, good ones and one that should have been one."""

    name = "reporting"
    label = "a label"

    def report(self, text: str) -> str:
        """What is told."""
        return f"{self.alias} {text}"

    def step(self, key: Any) -> Any:
        return (yield GET(key))

    def handed(self, key: Any) -> Any:
        return self.step(key)


def test_public_methods_of_plugins_go_on_working(make_cache: MakeCache) -> None:
    client = make_cache({"CLIENT": [TagsClient, Reporting]}).client
    assert client.report("hi") == "? hi"
    assert client.report.__doc__ == "What is told."
    assert client.label == "a label"
    assert {"report", "label", "invalidate_tags"} <= set(dir(client))
    assert client.set("page", 1, tags=["t"]) is True
    assert client.invalidate_tags("t") == 1
    assert client.get("page") is None


def test_no_call_of_it_returns_a_generator(make_cache: MakeCache) -> None:
    client = make_cache({"CLIENT": Reporting}).client
    with pytest.raises(AttributeError, match=r"step\(\) of the client 'reporting' is a step"):
        client.step  # noqa: B018
    with pytest.raises(TypeError, match=r"handed\(\).*declare it with @operation"):
        client.handed("k")
    assert "step" not in dir(client)
    for name in dir(client):
        assert not inspect.isgeneratorfunction(getattr(client, name)), name
    for name in ("wrap", "unwrap", "examine", "around", "naming", "codec", "delete_matching"):
        assert not hasattr(client, name)


#: Of django-redis 7.0.0 and Django's backend, with a word of what is said instead.
ELSEWHERE = {
    "_cache": "raw_client",
    "_class": "raw_client",
    "_client": "cache.client",
    "_client_cls": "cache.client",
    "_default_scan_itersize": "itersize",
    "_expire_info": "ttl",
    "_get": "cache.get",
    "_ignore_exceptions": "IGNORE_EXCEPTIONS",
    "_log_ignored_exceptions": "LOG_IGNORED_EXCEPTIONS",
    "_options": "settings.CACHES",
    "_params": "settings.CACHES",
    "_server": "settings.CACHES",
    "_servers": "settings.CACHES",
    "get_client": "raw_client",
    "get_master_client": "raw_client",
    "logger": "getLogger",
}
OF_CLIENTS = {
    "_backend": "caches",
    "_clients": "get_client",
    "_compressor": "encode",
    "_decode_iterable_result": "decode",
    "_has_compression_enabled": "settings.CACHES",
    "_incr": "incr",
    "_options": "settings.CACHES",
    "_params": "settings.CACHES",
    "_replica_read_only": "settings.CACHES",
    "_serializer": "encode",
    "_server": "settings.CACHES",
    "connect": "raw_client",
    "connection_factory": "raw_client",
    "disconnect": "connections",
    "do_close_clients": "connections",
    "get_client_with_index": "raw_client",
    "get_next_client_index": "get_client",
    "get_server": "key=",
    "get_server_name": "key=",
    "aget": "await cache.aget",
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_only_other_backends_have_says_what_to_write(cache: RedisCache, name: str) -> None:
    with pytest.raises(AttributeError, match=f"{name!r}. Write .*{ELSEWHERE[name]}"):
        getattr(cache, name)
    assert not hasattr(cache, name)


@pytest.mark.parametrize("name", OF_CLIENTS)
def test_what_only_other_clients_have_says_what_to_write(cache: RedisCache, name: str) -> None:
    with pytest.raises(AttributeError, match=f"{name!r}. Write .*{OF_CLIENTS[name]}"):
        getattr(cache.client, name)


def test_a_slip_of_the_pen_is_told(cache: RedisCache) -> None:
    with pytest.raises(AttributeError, match="Did you mean 'get_many'"):
        cache.get_mny  # noqa: B018
    with pytest.raises(AttributeError, match="Did you mean 'make_pattern'"):
        cache.client.make_patern  # noqa: B018
