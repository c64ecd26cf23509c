"""What somebody who can write to the server cannot do, on a real one."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from django_redis_core import signals
from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import SealError, SerializationError
from django_redis_core.testing.fixtures import MakeCache

VALUES: list[Any] = [None, True, 1.5, "text", b"\xff", ["a", {"b": None}], "long " * 500]


class Bomb:
    """Creates a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def cache(make_cache: MakeCache) -> RedisCache:
    return make_cache({"SEALER": "signed"}, KEY_PREFIX="signed")


@pytest.fixture
def raw(cache: RedisCache) -> Any:
    """A redis-py client: whoever can write to the server."""
    return cache.raw_client()


@pytest.fixture
def refused() -> Iterator[list[type[Exception]]]:
    """The errors of what could not be read, in order."""
    seen: list[type[Exception]] = []

    def receive(exception: Exception, **details: Any) -> None:
        seen.append(type(exception))

    signals.value_unreadable.connect(receive)
    yield seen
    signals.value_unreadable.disconnect(receive)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:12])
def test_values_come_back(cache: RedisCache, value: Any) -> None:
    cache.set("k", value)
    assert cache.get("k", "missed") == value
    assert cache.get_many(["k"]) == {"k": value}


async def test_values_come_back_on_asyncio(cache: RedisCache) -> None:
    await cache.aset_many({"a": "one", "b": ["two"]})
    assert await cache.aget_many(["a", "b"]) == {"a": "one", "b": ["two"]}


def test_a_pickle_of_somebody_else_is_never_loaded(
    cache: RedisCache, raw: Any, tmp_path: Path, refused: list[type[Exception]]
) -> None:
    made = tmp_path / "made"
    bomb = pickle.dumps(Bomb(made))
    cache.set_many({"k": "mine", "other": "mine-too"})
    good = raw.get(cache.make_key("k"))
    head = good[: len(good) - len(pickle.dumps("mine"))]
    for forged in (bomb, head + bomb, good + bomb, good[:3] + bytes(len(head) - 3) + bomb):
        raw.set(cache.make_key("k"), forged)
        assert cache.get("k", "missed") == "missed"
        assert cache.get_many(["k", "other"]) == {"other": "mine-too"}
        assert cache.get_or_set("new", lambda: cache.get("k", "missed")) == "missed"
        raw.sadd(cache.make_key("set"), forged)
        raw.rpush(cache.make_key("list"), forged)
        raw.hset(cache.make_key("hash"), "f", forged)
        assert cache.smembers("set") == set()
        assert cache.lrange("list", 0, -1) == []
        assert cache.hgetall("hash") == {}
        cache.delete("new")
    assert not made.exists()
    assert set(refused) == {SealError}
    pickle.loads(bomb)
    assert made.exists(), "it does something where it is loaded"


def test_every_flipped_bit_and_every_truncation_on_the_server_is_a_miss(
    cache: RedisCache, raw: Any, refused: list[type[Exception]]
) -> None:
    full = cache.make_key("k")
    cache.set("k", "x")
    good = raw.get(full)
    damaged = [good[:length] for length in range(1, len(good))]
    damaged += [
        good[:place] + bytes([good[place] ^ 1 << bit]) + good[place + 1 :]
        for place in range(len(good))
        for bit in range(8)
    ]
    with cache.pipeline() as queue:
        for number, data in enumerate(damaged):
            raw.set(cache.make_key(f"k{number}"), data)  # each also under another key
        misses = [queue.get(f"k{number}", "missed") for number in range(len(damaged))]
    assert {miss.value for miss in misses} == {"missed"}
    for data in damaged:
        raw.set(full, data)
        assert cache.get("k", "missed") == "missed"
    raw.set(full, good)
    assert cache.get("k") == "x"
    assert refused == [SealError] * (2 * len(damaged))


def test_a_value_copied_to_another_key_is_a_miss(
    cache: RedisCache, raw: Any, refused: list[type[Exception]]
) -> None:
    cache.set("user:1", {"admin": True})
    raw.copy(cache.make_key("user:1"), cache.make_key("user:2"))
    raw.copy(cache.make_key("user:1"), cache.make_key("user:1", version=2))
    assert cache.get("user:2", "missed") == "missed"
    assert cache.get("user:1", "missed", version=2) == "missed"
    assert refused == [SealError] * 2
    raw.rename(cache.make_key("user:2"), cache.make_key("user:1"))
    assert cache.get("user:1") == {"admin": True}


def test_an_element_copied_to_another_key_is_left_out(cache: RedisCache, raw: Any) -> None:
    cache.rpush("mine", "a")
    cache.hset("mine-too", "f", "a")
    raw.rpush(cache.make_key("theirs"), *raw.lrange(cache.make_key("mine"), 0, -1))
    raw.hset(cache.make_key("theirs-too"), "f", raw.hget(cache.make_key("mine-too"), "f"))
    assert cache.lrange("theirs", 0, -1) == []
    assert cache.hgetall("theirs-too") == {}


def test_ints_stay_outside(cache: RedisCache, raw: Any) -> None:
    cache.set("n", 5)
    assert raw.get(cache.make_key("n")) == b"5"
    assert cache.incr("n") == 6
    cache.set("float", 1.5)
    assert cache.incr("float", 2) == 3.5
    assert cache.get("float") == 3.5


def test_a_lock_is_not_unreadable(cache: RedisCache, refused: list[type[Exception]]) -> None:
    with cache.lock("job", timeout=10):
        assert cache.get("job", "missed") == "missed"
    assert refused == []


def test_the_secret_is_rotated_without_a_flush(make_cache: MakeCache) -> None:
    def cache() -> RedisCache:
        return make_cache({"SEALER": "signed"}, KEY_PREFIX="signed-rotation")

    with override_settings(SECRET_KEY="old"):
        cache().set_many({"a": "old", "b": "old"})
        before = cache()
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["old"]):
        assert cache().get_many(["a", "b"]) == {"a": "old", "b": "old"}
        cache().set("b", "new")
    with override_settings(SECRET_KEY="new"):
        assert cache().get_many(["a", "b"]) == {"b": "new"}
    assert before.get_many(["a", "b"]) == {"a": "old"}


def test_a_version_is_changed_with_its_expiry(cache: RedisCache) -> None:
    cache.set_many({"text": "value", "int": 5}, 100)
    assert cache.incr_version("text") == cache.incr_version("int") == 2
    assert cache.get_many(["text", "int"], version=2) == {"text": "value", "int": 5}
    assert 90_000 < (cache.pttl("text", version=2) or 0) <= 100_000
    cache.hset("h", "f", "x")
    with pytest.raises(SerializationError, match=r"incr_version.*'signed'"):
        cache.incr_version("h")
    assert cache.hgetall("h") == {"f": "x"}


def test_a_forged_value_has_no_version_to_change(cache: RedisCache, raw: Any) -> None:
    raw.set(cache.make_key("k"), b"forged")
    with pytest.raises(ValueError, match="'k' not found"):
        cache.incr_version("k")
    assert raw.exists(cache.make_key("k", version=2)) == 0


def test_members_are_found_and_moved(cache: RedisCache) -> None:
    cache.sadd("a", "x", 1)
    assert cache.sismember("a", "x") is True
    assert cache.smove("a", "b", "x") is True
    assert cache.smembers("b") == {"x"}
    assert cache.sunion("a", "b") == {1, "x"}
    cache.zadd("z", {"x": 1.5, "y": 2})
    assert cache.zscore("z", "x") == 1.5
    with pytest.raises(SerializationError, match="sunionstore cannot work with the sealer"):
        cache.sunionstore("c", "a", "b")


def test_unsigned_values_are_accepted_for_a_time(
    make_cache: MakeCache, refused: list[type[Exception]]
) -> None:
    def cache(**options: Any) -> RedisCache:
        return make_cache(options, KEY_PREFIX="signed-move")

    def signing(until: datetime) -> dict[str, Any]:
        return {"NAME": "signed", "OPTIONS": {"accept_unsigned_until": until}}

    now = datetime.now(UTC)
    cache().set_many({"k": ["unsigned"], "moved": "unsigned", "n": 5})
    moving = cache(SEALER=signing(now + timedelta(hours=1)))
    assert moving.get_many(["k", "moved", "n"]) == {"k": ["unsigned"], "moved": "unsigned", "n": 5}
    moving.set("k", ["signed"])
    assert moving.incr_version("moved") == 2
    moved = cache(SEALER=signing(now - timedelta(hours=1)))
    moving.set("left", "signed")
    cache().set("left", "unsigned")
    assert refused == []
    assert moved.get_many(["k", "left", "n"]) == {"k": ["signed"], "n": 5}
    assert moved.get("moved", version=2) == "unsigned"
    assert refused == [SealError]
