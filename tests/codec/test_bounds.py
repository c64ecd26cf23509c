"""``MAX_DECOMPRESSED_TOTAL``: what one call unpacks is bounded, whatever operation it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_redis_core._codec.bounds import Bound, watching
from django_redis_core._codec.codec import Codec
from django_redis_core._plugins.registry import registry
from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import CallTooLarge
from django_redis_core.testing.fixtures import MakeCache

KILOBYTE = 1024
#: What each of the values below unpacks to, a little more than that.
SIZE = 100 * KILOBYTE
COUNT = 12

Call = Callable[[RedisCache], Any]

CALLS: dict[str, Call] = {
    "get_many": lambda cache: cache.get_many([f"k{n}" for n in range(COUNT)]),
    "lrange": lambda cache: cache.lrange("list", 0, -1),
    "lpop": lambda cache: cache.lpop("list", COUNT),
    "hgetall": lambda cache: cache.hgetall("hash"),
    "hvals": lambda cache: cache.hvals("hash"),
    "hmget": lambda cache: cache.hmget("hash", [str(n) for n in range(COUNT)]),
    "smembers": lambda cache: cache.smembers("set"),
    "srandmember": lambda cache: cache.srandmember("set", COUNT),
    "spop": lambda cache: cache.spop("set", COUNT),
    "sunion": lambda cache: cache.sunion("set", "set"),
    "sscan": lambda cache: cache.sscan("set", count=1000),
    "zrange": lambda cache: cache.zrange("scores", 0, -1),
    "zrange with scores": lambda cache: cache.zrange("scores", 0, -1, withscores=True),
    "zrangebyscore": lambda cache: cache.zrangebyscore("scores", "-inf", "+inf"),
    "zpopmin": lambda cache: cache.zpopmin("scores", COUNT),
}


def value(number: int) -> str:
    return str(number) * (SIZE // len(str(number)))


def filled(cache: RedisCache) -> RedisCache:
    values = [value(10 + number) for number in range(COUNT)]
    cache.set_many({f"k{number}": one for number, one in enumerate(values)}, None)
    cache.rpush("list", *values)
    cache.hset("hash", mapping={str(number): one for number, one in enumerate(values)})
    cache.sadd("set", *values)
    cache.zadd("scores", {one: number for number, one in enumerate(values)})
    return cache


STACKS: dict[str, dict[str, Any]] = {
    "zlib": {"COMPRESSOR": "zlib"},
    "two serializers, signed": {
        "COMPRESSOR": ["zstd", "lz4"],
        "SERIALIZER": ["json", "pickle"],
        "SEALER": "signed",
    },
    "herd": {"COMPRESSOR": "zlib", "CLIENT": "herd"},
    "near": {"COMPRESSOR": "zlib", "CLIENT": "near"},
}


@pytest.fixture(params=STACKS)
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"MAX_DECOMPRESSED_SIZE": 2 * SIZE, **STACKS[request.param]}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_unpacks_to_more_is_refused(
    make_cache: MakeCache, options: dict[str, Any], name: str
) -> None:
    cache = filled(make_cache({**options, "MAX_DECOMPRESSED_TOTAL": SIZE * COUNT // 2}))
    with pytest.raises(CallTooLarge, match=r"CACHES\['.*MAX_DECOMPRESSED_TOTAL"):
        CALLS[name](cache)
    assert cache.get("k1") == value(11), "each is a value like any other"
    assert cache.get_many(["k1", "k2"]) == {"k1": value(11), "k2": value(12)}


@pytest.mark.parametrize("name", CALLS)
def test_within_the_bound_it_answers(
    make_cache: MakeCache, options: dict[str, Any], name: str
) -> None:
    cache = filled(make_cache({**options, "MAX_DECOMPRESSED_TOTAL": SIZE * COUNT * 2}))
    assert len(CALLS[name](cache)) == COUNT


def test_by_default_it_is_four_values_of_the_greatest_size(make_cache: MakeCache) -> None:
    cache = filled(make_cache({"COMPRESSOR": "zlib", "MAX_DECOMPRESSED_SIZE": 2 * SIZE}))
    assert len(cache.lrange("list", 0, 6)) == 7
    with pytest.raises(CallTooLarge, match=f"more than {8 * SIZE} bytes"):
        cache.lrange("list", 0, 9)


def test_it_never_keeps_a_value_from_being_read(make_cache: MakeCache) -> None:
    options = {"MAX_DECOMPRESSED_TOTAL": 10, "MAX_DECOMPRESSED_SIZE": 2 * SIZE}
    cache = filled(make_cache({"COMPRESSOR": "zlib", **options}))
    assert cache.get_many(["k1"]) == {"k1": value(11)}


def test_copies_of_near_are_counted_when_they_are_read(make_cache: MakeCache) -> None:
    cache = make_cache({"COMPRESSOR": "zlib", "CLIENT": "near", "SERIALIZER": "json"})
    keys = [f"k{number}" for number in range(COUNT)]
    cache.set_many({key: [value(10)] for key in keys}, None)
    small = Bound(SIZE * COUNT // 2, "near")
    assert len(cache.get_many(keys)) == COUNT
    cache._engine.client.codec.bound = small
    with pytest.raises(CallTooLarge):
        cache.get_many(keys)


async def test_on_asyncio_too(make_cache: MakeCache) -> None:
    cache = filled(make_cache({"COMPRESSOR": "zlib", "MAX_DECOMPRESSED_SIZE": 2 * SIZE}))
    with pytest.raises(CallTooLarge):
        await cache.aget_many([f"k{number}" for number in range(COUNT)])


def test_pages_are_bounded_each(make_cache: MakeCache) -> None:
    cache = make_cache({"COMPRESSOR": "zlib", "MAX_DECOMPRESSED_SIZE": 15 * SIZE})
    for number in range(200):
        cache.sadd("many", value(100 + number))
    assert len(list(cache.sscan_iter("many", count=3))) >= 200


def test_a_pipeline_is_one_call(make_cache: MakeCache) -> None:
    cache = filled(make_cache({"COMPRESSOR": "zlib", "MAX_DECOMPRESSED_SIZE": 2 * SIZE}))
    pipe = cache.pipeline()
    for number in range(COUNT):
        pipe.get(f"k{number}")
    with pytest.raises(CallTooLarge):
        pipe.execute(raise_on_error=False)


def codec(*compressors: str) -> Codec:
    def plugin(kind: str, name: str) -> Any:
        return registry.plugin(kind, name, "test")()

    return Codec(
        [plugin("serializer", "pickle")],
        [plugin("compressor", name) for name in compressors],
        report=lambda *report: None,
        bound=Bound(10 * SIZE, "test"),
    )


def test_without_a_compressor_nothing_is_counted() -> None:
    items = [b"1"]
    assert codec().counted(items) is items
    assert codec("zlib").counted(items) is not items


def test_a_thread_is_not_charged_for_another() -> None:
    one = codec("zlib")
    data = one.encode("k", value(1))
    inside, done = threading.Event(), threading.Event()

    def other() -> None:
        inside.wait(10)
        for _ in range(30):
            one.decode("k", data)
        done.set()

    thread = threading.Thread(target=other)
    thread.start()

    def slowly() -> Any:
        for _ in range(8):
            yield data
            inside.set()
            assert done.wait(10)

    assert one.decode_many(["k"] * 8, slowly()) == [value(1)] * 8
    thread.join()
    assert watching == []


@pytest.mark.parametrize("written", [0, -1, "64", 1.5])
def test_other_than_a_number_of_bytes_is_refused(make_cache: MakeCache, written: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="MAX_DECOMPRESSED_TOTAL must be"):
        make_cache({"MAX_DECOMPRESSED_TOTAL": written})
