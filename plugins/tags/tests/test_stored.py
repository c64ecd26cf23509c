"""What is stored of entries with tags and without, and what reading and writing it costs."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.interfaces import Serializer
from django_redis_core.testing.calls import watched
from django_redis_core_tags import envelope, generations

Make = Callable[..., RedisCache]


def round_trips(cache: Any, call: Callable[[], Any]) -> int:
    call()
    with watched(cache) as sent:
        call()
    return len(sent.requests)


def test_without_tags_the_bytes_are_those_of_the_default_client(
    cache: Any, make_cache: Make
) -> None:
    default: Any = make_cache({}, KEY_PREFIX=cache.key_prefix)
    for value in ("text", 5, [1, 2], b"\xc1tg", None):
        cache.set("k", value)
        stored = cache.raw_client().get(cache.make_key("k"))
        default.set("k", value)
        assert default.raw_client().get(cache.make_key("k")) == stored
        assert cache.get("k") == value


class Confusing(Serializer):
    """Its values begin as an envelope does."""

    name = "confusing"

    def dumps(self, value: Any) -> bytes:
        return envelope.MAGIC + str(value).encode()

    def loads(self, data: bytes) -> Any:
        return data[len(envelope.MAGIC) :].decode()


def test_a_serializer_may_begin_as_an_envelope_does(make_cache: Make) -> None:
    cache: Any = make_cache({"CLIENT": "tags", "SERIALIZER": Confusing})
    cache.set("plain", "text")
    cache.set("tagged", "text", tags=["x"])
    cache.rpush("list", "element")
    assert cache.get_many(["plain", "tagged"]) == {"plain": "text", "tagged": "text"}
    assert cache.lrange("list", 0, -1) == ["element"]
    assert cache.lrem("list", 0, "element") == 1
    cache.invalidate_tags("x")
    assert cache.get_many(["plain", "tagged"]) == {"plain": "text"}


def test_generations_are_asked_of_primaries(cache: Any) -> None:
    cache.set("k", "text", tags=["x"])
    cache.set("j", "text", tags=["x", "y"])
    with watched(cache) as sent:
        cache.get("k")
        cache.get("j")
        cache.get_many(["k", "j"])
        cache.set("k", "text", tags=["x"])
    requests = [
        one
        for request in sent.requests
        for one in (request if isinstance(request, list) else [request])
    ]
    asked = [
        one
        for one in requests
        if any("generation" in str(arg) for arg in (getattr(one, "keys", None) or one.args))
    ]
    assert len(asked) >= 4
    assert all(one.kind.write for one in asked), "as what goes to a primary is marked"


@pytest.mark.parametrize(
    "damaged",
    [
        envelope.MAGIC,
        envelope.MAGIC + b"\x00",
        b"\xc1tX" + pickle.dumps("v"),
        envelope.MAGIC + b"\x00\x0d\x01a\xc1tG12345678"[:8],
        envelope.MAGIC + b"\x00\x0d\x05a\xc1tG1234567" + pickle.dumps("v"),
        envelope.MAGIC + b"\x00\x0d\x01\xff\xc1tG12345678" + pickle.dumps("v"),
        envelope.pack({"x": b"\xc1tG12345678"}) + b"no pickle",
    ],
)
def test_what_is_damaged_is_a_miss(cache: Any, raw: Any, damaged: bytes) -> None:
    raw.set(cache.make_key("k"), damaged)
    assert cache.get("k") is None
    assert cache.get_many(["k"]) == {}
    assert cache.get_or_set("k", "new") == "new"


def test_a_generation_is_no_entry_and_no_unreadable_one(
    cache: Any, unreadable: list[type[Exception]]
) -> None:
    cache.set("k", "v", tags=["x"])
    assert sorted(cache.keys("*")) == ["k", "tag:x:generation"]
    assert cache.get_many(cache.keys("*")) == {"k": "v"}
    assert cache.get("tag:x:generation") is None
    assert unreadable == []
    full = cache.make_key("tag:x:generation")
    data = cache.raw_client().get(full)
    assert cache._engine.client.recoded(full, data) == data, "recode leaves it as it is"
    cache.clear()


def test_reading_costs_a_round_trip_more_for_what_has_tags(cache: Any) -> None:
    cache.set("plain", 1)
    cache.set("tagged", 1, tags=["x", "y"])
    cache.set_many({f"k{number}": number for number in range(20)}, tags=["x", "z"])
    assert round_trips(cache, lambda: cache.get("plain")) == 1
    assert round_trips(cache, lambda: cache.get("tagged")) == 2
    assert round_trips(cache, lambda: cache.get_many([f"k{number}" for number in range(20)])) == 2
    assert round_trips(cache, lambda: cache.set("plain", 1)) == 1
    assert round_trips(cache, lambda: cache.set("tagged", 1, tags=["x", "y"])) == 2
    assert round_trips(cache, lambda: cache.has_key("plain")) == 1
    assert round_trips(cache, lambda: cache.touch("plain")) == 1
    assert round_trips(cache, lambda: cache.incr("plain")) == 1
    assert round_trips(cache, lambda: cache.invalidate_tags("x", "y", "z")) == 1


def test_the_server_remembers_a_tag_for_as_long_as_its_entries(make_cache: Make) -> None:
    def cache_of(timeout: int) -> Any:
        return make_cache({"CLIENT": "tags", "TAGS_TIMEOUT": timeout}, KEY_PREFIX="lives")

    cache = cache_of(60)
    raw: Any = cache.raw_client()
    home = cache.make_key("tag:x:generation")
    cache.set("k", 1, 10, tags=["x"])
    assert 50 <= raw.ttl(home) <= 60
    cache_of(100).set("k", 1, 10, tags=["x"])
    assert raw.ttl(home) <= 60, "it is renewed only when half of its time is over"
    cache_of(150).set("k", 1, 10, tags=["x"])
    assert 140 <= raw.ttl(home) <= 150
    cache.set("long", 1, 1000, tags=["x"])
    assert 900 <= raw.ttl(home) <= 2000
    snapshot = cache.snapshot_tags("y")
    cache.set("longer", 1, 5000, tags=snapshot)
    assert raw.ttl(cache.make_key("tag:y:generation")) >= 4900
    cache.set("for-ever", 1, None, tags=["x"])
    assert raw.ttl(home) == -1
    everything = {"k": 1, "long": 1, "longer": 1, "for-ever": 1}
    assert cache.get_many(everything) == everything


def test_what_a_process_remembers_of_a_tag_ends_with_its_generation(
    cache: Any, raw: Any, make_cache: Make
) -> None:
    other: Any = make_cache({"CLIENT": "tags", "TAGS_TIMEOUT": 20}, KEY_PREFIX=cache.key_prefix)
    home = cache.make_key("tag:x:generation")
    for _ in range(2):
        cache.set("k", 1, None, tags=["x"])
        assert round_trips(cache, lambda: cache.set("k", 1, None, tags=["x"])) == 2
        assert raw.ttl(home) == -1
        other.invalidate_tags("x")
        other.set("j", 1, 5, tags=["x"])
        assert raw.ttl(home) <= 20
    cache.set("k", 1, None, tags=["x"])
    assert raw.ttl(home) == -1, "the new one was not known to live so long"
    assert cache.get_many(["j", "k"]) == {"j": 1, "k": 1}


def test_the_memory_of_tags_has_a_bound(cache: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generations, "REMEMBERED", 10)
    for number in range(50):
        for _ in range(2):
            cache.set("k", number, tags=[f"tag-{number}"])
            assert cache.get("k") == number
    assert len(cache._engine.client._tag_lives) <= 10
