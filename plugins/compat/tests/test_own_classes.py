"""Classes that sites have written for django-redis, named in CACHES by their dotted paths."""

import json
import pickle
import threading

import pytest
from django.core.exceptions import ImproperlyConfigured
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from django_redis.client import DefaultClient
from django_redis.compressors.base import BaseCompressor
from django_redis.exceptions import CompressorError, ConnectionInterrupted
from django_redis.pool import ConnectionFactory
from django_redis.serializers.base import BaseSerializer
from django_redis.serializers.json import JSONSerializer
from django_redis_core.interfaces import DEFAULT_TIMEOUT


class Spreading(DefaultClient):
    """Changes ``set`` as sites do, with django-redis' arguments in its order."""

    option_names = ("SPREAD",)

    def set(
        self,
        key,
        value,
        timeout=DEFAULT_TIMEOUT,
        version=None,
        client=None,
        nx=False,
        xx=False,
    ):
        self.thread = threading.get_ident()
        if timeout is DEFAULT_TIMEOUT:
            timeout = self._backend.default_timeout
        timeout += self._options.get("SPREAD", 0)
        return super().set(key, value, timeout, version, client, nx, xx)


class Shouting(DefaultClient):
    def make_key(self, key, version=None, prefix=None):
        return super().make_key(key.upper(), version, prefix)


class Wrapping(DefaultClient):
    def encode(self, value):
        return b"<" + super().encode({"value": value}) + b">"

    def decode(self, value):
        return super().decode(value[1:-1])["value"]


class Handing(DefaultClient):
    """Hands on what ``encode`` takes, of whichever release."""

    def encode(self, value, **options):
        return super().encode(value, **options)


class Naming(DefaultClient):
    def encode(self, value, *, allow_int=True):
        return super().encode(value, allow_int=allow_int)


class Looking(DefaultClient):
    def get(self, key, default=None, version=None, client=None):
        found = super().get(key, default=default, version=version, client=client)
        return found if found is default else f"seen {found}"

    def keys(self, search, version=None, client=None):
        return sorted(super().keys(search, version=version, client=client))

    def iter_keys(self, search, itersize=None, client=None, version=None):
        for key in super().iter_keys(search, itersize, client, version):
            yield f"found {key}"


class Elsewhere(DefaultClient):
    """Its raw clients count what goes through them."""

    def get_client(self, write=True, tried=None):
        self.used = [*getattr(self, "used", []), write]
        return super().get_client(write, tried)


class Compact(BaseSerializer):
    option_names = ("SORT",)

    def __init__(self, options):
        super().__init__(options)
        self.sort = options.get("SORT", False)

    def dumps(self, value):
        return json.dumps(value, separators=(",", ":"), sort_keys=self.sort).encode()

    def loads(self, value):
        return json.loads(value)


class Tagging(JSONSerializer):
    class encoder_class(json.JSONEncoder):
        def default(self, o):
            return f"<{type(o).__name__}>"


class Reversing(BaseCompressor):
    """Has no magic number: it finds out by trying, as compressors of django-redis do."""

    def compress(self, value):
        # A pickle with a frame, of whichever protocol is this Python's.
        return b"REV" + value[::-1] if value[:1] + value[2:3] == b"\x80\x95" else value

    def decompress(self, value):
        if not value.startswith(b"REV"):
            raise CompressorError("not mine")
        return value[3:][::-1]


class Named(ConnectionFactory):
    """Gives each connection a name, as a subclass may."""

    def make_connection_params(self, url):
        return {**super().make_connection_params(url), "client_name": "mine"}


def path(cls):
    return f"{cls.__module__}.{cls.__qualname__}"


@pytest.fixture
def named(make_cache):
    """A cache by OPTIONS, in which classes are written as their dotted paths."""

    def make(**options):
        return make_cache(
            {
                name: path(value) if isinstance(value, type) else value
                for name, value in options.items()
            }
        )

    return make


def test_an_own_set_holds_for_every_operation_that_sets(named):
    cache = named(CLIENT_CLASS=Spreading, SPREAD=1000)
    assert cache.set("a", 1, 10) is True
    assert cache.add("b", 1, 10) is True
    assert cache.add("b", 2, 10) is False
    assert cache.set_many({"c": 1, "d": 2}, 10) == []
    assert cache.get_or_set("e", lambda: 5, 10) == 5
    assert cache.get_many("abcde") == {"a": 1, "b": 1, "c": 1, "d": 2, "e": 5}
    assert {cache.ttl(key) for key in "abcde"} <= {1009, 1010}
    assert cache.set("a", 2, xx=True) is True
    assert cache.set("f", 2, nx=True) is True
    assert cache.incr("f") == 3


@pytest.mark.parametrize("client", [Handing, Naming])
def test_a_number_in_a_sorted_set_is_serialized_by_an_own_encode_too(named, client):
    """As django-redis 7 does, so that it is one member for workers of both packages."""
    cache = named(CLIENT_CLASS=client)
    assert cache.zadd("sorted", {5: 1.0}) == 1
    assert cache.raw_client().zscore(cache.make_key("sorted"), pickle.dumps(5)) == 1.0
    assert cache.zrange("sorted", 0, -1) == [5]
    cache.set("number", 5)
    assert cache.raw_client().get(cache.make_key("number")) == b"5"


async def test_on_asyncio_an_own_method_runs_in_a_thread(named):
    cache = named(CLIENT_CLASS=Spreading, SPREAD=1000)
    assert await cache.aset("a", 1, 10) is True
    assert cache.client.blocking.thread != threading.get_ident()
    assert await cache.attl("a") > 1000
    assert await cache.aadd("a", 2) is False
    assert await cache.aget_or_set("b", default, 10) == "awaited"


async def default():
    return "awaited"


async def test_an_asyncio_client_of_the_callers_own_is_refused(named, redis_server):
    cache = named(CLIENT_CLASS=Spreading)
    async with AsyncRedis.from_url(redis_server.url) as client:
        with pytest.raises(TypeError, match="client of your own"):
            await cache.aset("a", 1, client=client)
        assert await cache.aget("a", client=client) is None


def test_a_pipeline_calls_an_own_method(named):
    cache = named(CLIENT_CLASS=Spreading, SPREAD=1000)
    with cache.pipeline() as queue:
        stored, missing = queue.set("a", 1, 10), queue.get("b")
    assert stored.value is True
    assert missing.value is None
    assert cache.ttl("a") > 1000


def test_a_client_of_the_callers_own_reaches_an_own_method(named, redis_server):
    cache = named(CLIENT_CLASS=Spreading)
    with Redis.from_url(redis_server.url) as client:
        queue = client.pipeline()
        cache.set("a", 1, client=queue)
        assert cache.get("a") is None
        queue.execute()
    assert cache.get("a") == 1


def test_an_own_make_key_makes_the_keys_of_every_operation(named):
    cache = named(CLIENT_CLASS=Shouting)
    cache.set("a", 1)
    assert cache.get_many(["A", "a"]) == {"A": 1, "a": 1}
    assert cache.incr_version("a") == 2
    assert cache.get("A", version=2) == 1
    assert cache.keys("*", version=2) == ["A"]
    assert cache.delete("a", version=2) is True


async def test_own_encode_and_decode_stand_in_the_way_of_values(named):
    cache = named(CLIENT_CLASS=Wrapping, PICKLE_VERSION=5)
    cache.set("a", [1])
    await cache.aset("b", 2)
    assert (
        cache.client.blocking.get_client().get(cache.make_key("a"))
        == b"<" + pickle.dumps({"value": [1]}, 5) + b">"
    )
    assert await cache.aget_many(["a", "b"]) == {"a": [1], "b": 2}
    cache.sadd("s", "x")
    assert cache.smembers("s") == {"x"}
    cache.client.blocking.get_client().set(cache.make_key("a"), b"<broken")
    assert cache.get("a", "miss") == "miss"


def test_own_reads_and_streams(named):
    cache = named(CLIENT_CLASS=Looking)
    cache.set("b", 1)
    cache.set("a", 1)
    assert cache.get("a") == "seen 1"
    assert cache.get("c", "none") == "none"
    assert cache.get_or_set("c", 5) == "seen 5"
    assert cache.keys("*") == ["found a", "found b", "found c"]
    assert sorted(cache.iter_keys("*")) == ["found a", "found b", "found c"]


def test_an_own_get_client_serves_every_command(named):
    cache = named(CLIENT_CLASS=Elsewhere)
    cache.set("a", 1)
    assert cache.get("a") == 1
    assert cache.get_many(["a"]) == {"a": 1}
    assert cache.client.blocking.used == [True, False, False]
    assert cache.delete_pattern("*") == 1


def test_own_serializers(named):
    cache = named(SERIALIZER=Compact, SORT=True)
    cache.set("a", {"y": 1, "x": 2})
    assert cache.raw_client().get(cache.make_key("a")) == b'{"x":2,"y":1}'
    assert cache.get("a") == {"x": 2, "y": 1}
    cache = named(SERIALIZER=Tagging)
    cache.set("a", {1: object()})
    assert cache.get("a") == {"1": "<object>"}


def test_a_key_of_options_that_no_class_reads_is_still_refused(named):
    with pytest.raises(ImproperlyConfigured, match="unknown key 'SORT'"):
        named(SORT=True)


def test_an_own_compressor_finds_out_by_trying(named):
    cache = named(COMPRESSOR=Reversing)
    cache.set("a", "text")
    cache.set("b", 5.5)
    assert cache.raw_client().get(cache.make_key("a")).startswith(b"REV")
    assert cache.get_many(["a", "b"]) == {"a": "text", "b": 5.5}


def test_what_an_own_compressor_unpacks_has_a_limit(named):
    cache = named(COMPRESSOR=Reversing, MAX_DECOMPRESSED_SIZE=50)
    cache.set("a", "x" * 100)
    assert cache.get("a") is None


async def test_an_own_connection_factory(named):
    cache = named(CONNECTION_FACTORY=Named)
    cache.set("a", 1)
    assert cache.raw_client().client_getname() == "mine"
    assert await cache.aget("a") == 1
    names = [client["name"] for client in cache.raw_client().client_list()]
    assert names.count("mine") >= 2


def test_trouble_of_an_own_client_is_trouble(make_cache):
    options = {"CLIENT_CLASS": Spreading, "IGNORE_EXCEPTIONS": True}
    cache = make_cache(options, LOCATION="redis://127.0.0.1:1/0")
    assert cache.set("a", 1, 10) is False
    assert cache.set_many({"a": 1}, 10) == ["a"]
    with pytest.raises(ConnectionInterrupted):
        cache.add("a", 1, 10)
