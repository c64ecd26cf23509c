"""What every sealer promises on a real server: what somebody who can write to it cannot do."""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.test import override_settings

from ..._codec.codec import is_lock_token, reads_as_int
from ..._plugins.defaults.pickle import PickleSerializer
from ...cache import RedisCache
from ...exceptions import SealError, SerializationError
from ...interfaces import Serializer
from ..fixtures import MakeCache
from .damage import flipped, truncated
from .plugin import PluginContract

VALUES: list[Any] = [None, True, 1.5, "text", b"\xff", ["a", {"b": None}], "long " * 500]
OLD, NEW = "the secret key of before " * 3, "the secret key of today " * 3


class Bomb:
    """Creates a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


class Latin(Serializer):
    """Text as it is: who chooses the text chooses the bytes."""

    name = "latin"

    def dumps(self, value: Any) -> bytes:
        return str(value).encode("latin-1")

    def loads(self, data: bytes) -> str:
        return data.decode("latin-1")


class SealedCacheContract(PluginContract):
    """The part of ``SealerContract`` that runs on ``redis_server``. ``cache`` is a cache with the
    sealer, ``raw`` a redis-py client on the same server."""

    kind = "sealer"
    other_options: ClassVar[Mapping[str, Any]] = {}

    def cached(self, make_cache: MakeCache, **options: Any) -> RedisCache:
        """Another cache with the sealer, on the same keys."""
        sealer = {"NAME": self.plugin_class(), "OPTIONS": dict(self.options)}
        return make_cache({"SEALER": sealer, **options}, KEY_PREFIX="sealed")

    @pytest.fixture
    def cache(self, make_cache: MakeCache) -> RedisCache:
        return self.cached(make_cache)

    @pytest.fixture
    def raw(self, cache: RedisCache) -> Any:
        """Whoever can write to the server."""
        return cache.raw_client()

    def test_values_come_back(
        self, cache: RedisCache, cache_loop: asyncio.AbstractEventLoop
    ) -> None:
        values = dict(zip("abcdefg", VALUES, strict=True))
        cache.set_many(values)
        assert {key: cache.get(key, "missed") for key in values} == values
        assert cache_loop.run_until_complete(cache.aget_many(values)) == values
        cache_loop.run_until_complete(cache.aset("k", ["async"]))
        assert cache.get("k") == ["async"]

    def test_a_pickle_of_somebody_else_is_never_loaded(
        self, cache: RedisCache, raw: Any, tmp_path: Path, unreadable: list[type[Exception]]
    ) -> None:
        made = tmp_path / "made"
        bomb = pickle.dumps(Bomb(made))
        cache.set_many({"k": "mine", "other": "mine-too"})
        good = raw.get(cache.make_key("k"))
        # Where the value stays readable, what surrounds it; else all of it.
        head, _, tail = good.partition(PickleSerializer().dumps("mine"))
        forged = {bomb, good + bomb, head + bomb + tail}
        forged |= {cut + bomb for cut in truncated(good)}
        forged |= {cut.ljust(len(head), b"\0") + bomb + tail for cut in truncated(head)}
        for data in forged:
            raw.set(cache.make_key("k"), data)
            assert cache.get("k", "missed") == "missed"
            assert cache.get_many(["k", "other"]) == {"other": "mine-too"}
        raw.rpush(cache.make_key("list"), *forged)
        raw.hset(cache.make_key("hash"), mapping=dict(enumerate(forged)))
        raw.sadd(cache.make_key("set"), *forged)
        raw.zadd(cache.make_key("sorted"), dict.fromkeys(forged, 1))
        assert cache.lrange("list", 0, -1) == []
        assert cache.hgetall("hash") == {}
        assert cache.smembers("set") == set()
        assert cache.zrange("sorted", 0, -1) == []
        assert not made.exists()
        assert set(unreadable) == {SealError}
        pickle.loads(bomb)
        assert made.exists(), "it does something where it is loaded"

    def test_damage_on_the_server_is_a_miss(
        self, cache: RedisCache, raw: Any, unreadable: list[type[Exception]]
    ) -> None:
        cache.set("k", "x")
        full = cache.make_key("k")
        good = raw.get(full)
        # What reads as an int or as the token of a lock is outside the seal, and so is nothing.
        damaged = [
            data
            for data in (*truncated(good), *flipped(good))
            if data and not reads_as_int(data) and not is_lock_token(data)
        ]
        for data in damaged:
            raw.set(full, data)
            assert cache.get("k", "missed") == "missed"
            assert cache.get_many(["k"]) == {}
        raw.set(full, good)
        assert cache.get("k") == "x"
        assert unreadable == [SealError] * (2 * len(damaged))

    def test_a_value_copied_to_another_key_is_a_miss(
        self, cache: RedisCache, raw: Any, unreadable: list[type[Exception]]
    ) -> None:
        cache.set("user:1", {"admin": True})
        raw.copy(cache.make_key("user:1"), cache.make_key("user:2"))
        raw.copy(cache.make_key("user:1"), cache.make_key("user:1", version=2))
        assert cache.get("user:2", "missed") == "missed"
        assert cache.get("user:1", "missed", version=2) == "missed"
        assert unreadable == [SealError] * 2
        raw.rename(cache.make_key("user:2"), cache.make_key("user:1"))
        assert cache.get("user:1") == {"admin": True}

    def test_an_element_copied_to_another_key_is_left_out(
        self, cache: RedisCache, raw: Any
    ) -> None:
        cache.rpush("mine", "a")
        cache.hset("mine-too", "f", "a")
        raw.rpush(cache.make_key("theirs"), *raw.lrange(cache.make_key("mine"), 0, -1))
        raw.hset(cache.make_key("theirs-too"), "f", raw.hget(cache.make_key("mine-too"), "f"))
        assert cache.lrange("theirs", 0, -1) == []
        assert cache.hgetall("theirs-too") == {}
        assert (cache.lrange("mine", 0, -1), cache.hgetall("mine-too")) == (["a"], {"f": "a"})

    def test_what_one_serializer_wrote_is_not_read_by_another(
        self, make_cache: MakeCache, tmp_path: Path, unreadable: list[type[Exception]]
    ) -> None:
        text = pickle.dumps(Bomb(tmp_path / "made")).decode("latin-1")
        self.cached(make_cache, SERIALIZER=Latin).set("k", text)
        assert self.cached(make_cache).get("k", "missed") == "missed"
        assert unreadable == [SealError]
        assert self.cached(make_cache, SERIALIZER=["pickle", Latin]).get("k") == text
        assert not (tmp_path / "made").exists()

    def test_ints_stay_outside_on_the_server(self, cache: RedisCache, raw: Any) -> None:
        cache.set("n", 5)
        assert raw.get(cache.make_key("n")) == b"5"
        assert cache.incr("n") == 6
        cache.set("float", 1.5)
        assert cache.incr("float", 2) == 3.5
        assert cache.get("float") == 3.5

    def test_a_lock_is_not_unreadable(
        self, cache: RedisCache, unreadable: list[type[Exception]]
    ) -> None:
        with cache.lock("job", timeout=10):
            assert cache.get("job", "missed") == "missed"
        assert unreadable == []

    def test_members_are_found_where_equal_bytes_say_so(self, cache: RedisCache) -> None:
        if not self.plugin_class().deterministic:
            for call in (
                partial(cache.sadd, "a", "x"),
                partial(cache.zadd, "a", {"x": 1}),
                partial(cache.lrem, "a", 0, "x"),
            ):
                name = self.plugin_class().name
                with pytest.raises(SerializationError, match=f"'{name}' seals it to other"):
                    call()
            assert cache.has_key("a") is False
            return
        cache.sadd("a", "x", 1)
        assert cache.sismember("a", "x") is True
        assert cache.smove("a", "b", "x") is True
        assert cache.smembers("b") == {"x"}
        assert cache.sunion("a", "b") == {1, "x"}
        cache.zadd("z", {"x": 1.5, "y": 2})
        assert cache.zscore("z", "x") == 1.5
        with pytest.raises(SerializationError, match="sunionstore cannot work with the sealer"):
            cache.sunionstore("c", "a", "b")

    def test_a_version_is_changed_with_its_expiry(self, cache: RedisCache) -> None:
        cache.set_many({"text": "value", "int": 5}, 100)
        assert cache.incr_version("text") == cache.incr_version("int") == 2
        assert cache.get_many(["text", "int"], version=2) == {"text": "value", "int": 5}
        assert 90_000 < (cache.pttl("text", version=2) or 0) <= 100_000
        cache.hset("h", "f", "x")
        name = self.plugin_class().name
        with pytest.raises(SerializationError, match=f"incr_version.*'{name}'"):
            cache.incr_version("h")
        assert cache.hgetall("h") == {"f": "x"}

    def test_a_forged_value_has_no_version_to_change(self, cache: RedisCache, raw: Any) -> None:
        raw.set(cache.make_key("k"), b"forged")
        with pytest.raises(ValueError, match="'k' not found"):
            cache.incr_version("k")
        assert raw.exists(cache.make_key("k", version=2)) == 0

    def test_the_secret_key_is_rotated_without_a_flush(self, make_cache: MakeCache) -> None:
        with override_settings(SECRET_KEY=OLD, SECRET_KEY_FALLBACKS=[]):
            before = self.cached(make_cache)
            before.set_many({"a": "old", "b": "old"})
        with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=["older", OLD]):
            between = self.cached(make_cache)
            assert between.get_many(["a", "b"]) == {"a": "old", "b": "old"}
            between.set("b", "new")
        with override_settings(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=[]):
            after = self.cached(make_cache)
            found = after.get_many(["a", "b"]), before.get_many(["a", "b"])
        if self.other_options:  # its secret is its own, and SECRET_KEY nothing to it
            assert found == ({"a": "old", "b": "new"},) * 2
        else:
            assert found == ({"b": "new"}, {"a": "old"})
