"""The native format: beside every serializer, compressor and sealer, and never in their way."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from django_redis_core._codec.codec import reads_as_int
from django_redis_core.cache import RedisCache
from django_redis_core.signals import value_unreadable
from django_redis_core.testing.servers import Server

from .codecs import ConfusingSerializer, Deflate, Seal, TextSerializer

Make = Callable[..., RedisCache]

CODECS: dict[str, dict[str, Any]] = {
    "pickle": {},
    "text": {"SERIALIZER": TextSerializer},
    "compressed": {"SERIALIZER": TextSerializer, "COMPRESSOR": Deflate},
    "sealed": {"SERIALIZER": TextSerializer, "SEALER": Seal},
    "all": {"SERIALIZER": TextSerializer, "COMPRESSOR": Deflate, "SEALER": Seal},
    "confusing": {"SERIALIZER": ConfusingSerializer},
}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("timeout", [30, None])
@pytest.mark.parametrize("value", ["x", "long " * 100, 5, -7, 10**30])
def test_every_codec(make_cache: Make, codec: str, timeout: int | None, value: Any) -> None:
    cache = make_cache({"CLIENT": "herd", **CODECS[codec]})
    cache.set("k", value, timeout)
    assert cache.get("k") == value
    assert cache.get_many(["k"]) == {"k": value}
    assert cache.has_key("k") is True
    assert (cache.ttl("k") is None) is (timeout is None)
    assert cache.touch("k", 10) is True
    assert cache.getdel("k") == value


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_after_its_time(make_cache: Make, codec: str) -> None:
    cache = make_cache({"CLIENT": "herd", **CODECS[codec]})
    value = "old " * 20
    cache.set("k", value, 0.01)
    cache.set("n", 5, 0.01)
    time.sleep(0.02)
    assert cache.get_many(["k", "n"]) == {}
    assert cache.get_many(["k", "n"]) == {"k": value, "n": 5}
    assert cache.get_or_set("k", lambda: "never") == value


def test_what_is_stored(make_cache: Make) -> None:
    cache = make_cache({"CLIENT": "herd", "SERIALIZER": TextSerializer})
    raw = cache.raw_client()
    cache.set("k", "value", 30)
    data = raw.get(cache.make_key("k"))
    assert (data[:3], data[11:]) == (b"\xc1hv", b"tvalue")
    cache.set("n", 5, 30)
    data = raw.get(cache.make_key("n"))
    assert data[11:] == b"5"
    assert not reads_as_int(data)


def test_a_truncated_entry_is_a_miss(make_cache: Make) -> None:
    cache = make_cache({"CLIENT": "herd"})
    raw, full = cache.raw_client(), cache.make_key("k")
    cache.set("k", ["value"], 30)
    data = raw.get(full)
    for length in range(1, len(data)):
        raw.set(full, data[:length], px=10_000)
        assert cache.get("k") is None
        assert cache.get_many(["k"]) == {}
        assert cache.get_or_set("k", "new", 30) == "new"
        assert cache.get("k") == "new"


def test_what_cannot_be_read_is_told_once_and_may_be_deleted(make_cache: Make) -> None:
    cache = make_cache({"CLIENT": "herd", "DELETE_UNREADABLE": True})
    raw, full = cache.raw_client(), cache.make_key("k")
    cache.set("k", ["value"], 30)
    told = []

    def note(key: str, **_: Any) -> None:
        told.append(key)

    value_unreadable.connect(note)
    try:
        for data in (raw.get(full)[:-3], b"no pickle, and not the token of a lock"):
            raw.set(full, data, px=10_000)
            assert cache.get("k") is None
            assert raw.exists(full) == 0
    finally:
        value_unreadable.disconnect(note)
    assert told == [full, full]


def test_a_fresh_entry_costs_one_command(make_cache: Make, redis_server: Server) -> None:
    cache = make_cache({"CLIENT": "herd"})
    cache.set("k", "value", 30)
    cache.set("n", 5, 30)

    def commands(call: Callable[[], Any]) -> int:
        before = redis_server.info("stats")["total_commands_processed"]
        call()
        return int(redis_server.info("stats")["total_commands_processed"]) - int(before) - 1

    nothing = commands(lambda: None)
    for call in (lambda: cache.get("k"), lambda: cache.get("n"), lambda: cache.get_many(["k"])):
        assert commands(call) - nothing == 1


def test_an_election_that_fails_leaves_the_old_value(make_cache: Make) -> None:
    """A primary in trouble: reads go on with what there is."""
    cache = make_cache({"CLIENT": "herd"})
    raw = cache.raw_client()
    cache.set("k", "old", 0.01)
    time.sleep(0.02)
    raw.config_set("min-replicas-to-write", 1)  # it refuses to write
    try:
        assert cache.get("k") == "old"
        assert cache.get_many(["k"]) == {"k": "old"}
    finally:
        raw.config_set("min-replicas-to-write", 0)
    assert cache.get("k") is None


def test_another_envelope_may_be_read_by_another_alias(make_cache: Make) -> None:
    """Both formats are read whichever is written."""
    native = make_cache({"CLIENT": "herd"}, KEY_PREFIX="herd-shared")
    other = make_cache({"CLIENT": "herd", "HERD_FORMAT": "django-redis"}, KEY_PREFIX="herd-shared")
    native.set("a", [1], 30)
    other.set("b", [2], 30)
    for cache in (native, other):
        assert cache.get_many(["a", "b"]) == {"a": [1], "b": [2]}
        assert 20 <= cache.ttl("a") <= 30
        assert 20 <= cache.ttl("b") <= 30
        assert cache.touch("a", 30) is True
        assert cache.touch("b", 30) is True
        assert cache.incr("n", timeout=30) == 1 or cache.get("n") == 2
