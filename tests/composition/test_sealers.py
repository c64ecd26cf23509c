"""``signed`` and ``encrypted`` with every other part: formats that change, herd, shards."""

from __future__ import annotations

import json
import os
import pickle
import time
from pathlib import Path
from typing import Any

import pytest

from django_redis_core._codec.codec import MISSING, Codec
from django_redis_core._plugins.registry import registry
from django_redis_core.cache import RedisCache
from django_redis_core.interfaces import Serializer
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.servers import Server

SERIALIZERS = ["pickle", "json", "msgpack"]
COMPRESSORS = ["identity", "zlib", "gzip", "lz4", "zstd", "lzma"]
VALUE = {"id": 4711, "tags": ["new", "sale"] * 30, "price": 1.5, "nothing": None}
SMALL = {"id": 1}


@pytest.fixture(params=["signed", "encrypted"])
def sealer(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Text(Serializer):
    """A site's own format, whose bytes are whatever a visitor wrote."""

    name = "text"

    def dumps(self, value: Any) -> bytes:
        return bytes(value)

    def loads(self, data: bytes) -> Any:
        return data


class Bomb:
    """Creates a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


class TestFormats:
    @pytest.fixture
    def cache_of(self, make_cache: MakeCache, sealer: str) -> Any:
        """Caches on the same keys and secret, by their formats."""

        def make(serializer: Any, compressor: Any = "identity") -> RedisCache:
            options = {"SEALER": sealer, "SERIALIZER": serializer, "COMPRESSOR": compressor}
            return make_cache(options, KEY_PREFIX=f"formats-{sealer}")

        return make

    @pytest.mark.parametrize("compressor", COMPRESSORS)
    @pytest.mark.parametrize("serializer", SERIALIZERS)
    def test_every_pair(self, cache_of: Any, serializer: str, compressor: str) -> None:
        cache = cache_of(serializer, compressor)
        data = {"k": VALUE, "small": SMALL, "text": "12", "n": 5}
        assert cache.set_many(data) == []
        assert cache.get_many(list(data)) == data

    def test_formats_are_changed_without_a_flush(self, cache_of: Any) -> None:
        olds = [("pickle", "identity"), ("pickle", "zlib"), ("json", "zlib"), ("json", "zstd")]
        for number, old in enumerate(olds):
            cache_of(*old).set_many({f"{number}": VALUE, f"small{number}": SMALL})
        now = cache_of(["msgpack", "json", "pickle"], ["zstd", "zlib"])
        expected = {f"{number}": VALUE for number in range(4)}
        expected |= {f"small{number}": SMALL for number in range(4)}
        assert now.get_many(list(expected)) == expected
        now.set_many(expected)
        assert cache_of("msgpack", "zstd").get_many(list(expected)) == expected
        ending = cache_of("msgpack", ["identity", "zstd"])
        assert ending.get_many(list(expected)) == expected

    def test_a_value_of_another_pair_cannot_be_swapped_in(self, cache_of: Any) -> None:
        cache_of("json", "zlib").set_many({"k": VALUE, "small": SMALL})
        for other in [("pickle", "zlib"), ("json", "zstd"), ("json", "identity")]:
            assert cache_of(*other).get_many(["k", "small"]) == {}
        assert cache_of("json", "zlib").get_many(["k", "small"]) == {"k": VALUE, "small": SMALL}

    @pytest.mark.parametrize("reading", ["pickle", ["pickle", Text], [Text, "pickle"]], ids=repr)
    def test_text_that_is_a_pickle_too_is_not_unpickled(
        self, cache_of: Any, tmp_path: Path, reading: Any
    ) -> None:
        bomb = pickle.dumps(Bomb(tmp_path / "made"))
        cache_of(Text).set("k", bomb)
        expected = None if reading == "pickle" else bomb
        assert cache_of(reading).get("k") == expected
        assert not list(tmp_path.iterdir())

    def test_a_frame_of_another_compressor_is_a_plain_value(self, cache_of: Any) -> None:
        """Told by the seal, not by its first bytes: where one compressor wrote, no other reads."""
        frame = registry.plugin("compressor", "zlib", "test")().compress(b"inner " * 100)
        cache_of(Text).set("k", frame)
        assert cache_of(Text, ["zstd", "zlib"]).get("k") == frame


class TestRecoding:
    """An entry is brought into the format that is written now."""

    def codec(self, sealer: str, *serializers: str, compressors: Any = ()) -> Codec:
        def report(key: str, data: bytes, error: Exception) -> None:
            raise AssertionError(key) from error

        return Codec(
            [registry.plugin("serializer", name, "test")() for name in serializers],
            [registry.plugin("compressor", name, "test")() for name in compressors],
            registry.plugin("sealer", sealer, "test")(),
            report=report,
        )

    @pytest.mark.parametrize("compressors", [(), ("zstd",), ("zstd", "zlib")], ids=repr)
    @pytest.mark.parametrize("value", [VALUE, SMALL, 5], ids=["long", "short", "int"])
    def test_of_any_readable_pair(self, sealer: str, value: Any, compressors: Any) -> None:
        old = self.codec(sealer, "pickle", compressors=compressors[1:])
        moving = self.codec(sealer, "json", "pickle", compressors=compressors)
        new = self.codec(sealer, "json", compressors=compressors[:1])
        data = moving.recoded("k", old.encode("k", value))
        assert new.decode("k", data) == value

    def test_what_has_it_already_stays_where_that_can_be_told(self) -> None:
        codec = self.codec("signed", "json", "pickle", compressors=["zlib"])
        for value in (VALUE, SMALL, 5):
            data = codec.encode("k", value)
            assert codec.recoded("k", data) is data


class TestHerd:
    @pytest.fixture(params=["native", "django-redis"])
    def cache(self, make_cache: MakeCache, sealer: str, request: Any) -> RedisCache:
        return make_cache(
            {"CLIENT": "herd", "SEALER": sealer, "HERD_FORMAT": request.param, "COMPRESSOR": "zlib"}
        )

    def test_fresh_and_expired(self, cache: RedisCache) -> None:
        native = cache.client.writes_tuples is False
        cache.set_many({"k": VALUE, "n": 5}, 1)
        assert cache.get_many(["k", "n"]) == {"k": VALUE, "n": 5}
        assert cache.incr("n") == 6
        time.sleep(1.1 if native else 2.1)  # that format has whole seconds
        assert [cache.get("k") for _ in range(2)] == [None, VALUE]
        assert cache.get_or_set("n", lambda: 7, 30) == 7
        assert cache.get_many(["k", "n"]) == {"k": VALUE, "n": 7}

    def test_a_version_is_changed_with_its_logical_expiry(self, cache: RedisCache) -> None:
        cache.set_many({"k": VALUE, "n": 5}, 50)
        assert cache.incr_version("k") == cache.incr_version("n") == 2
        assert cache.get_many(["k", "n"], version=2) == {"k": VALUE, "n": 5}
        for key in ("k", "n"):
            assert 48_000 < (cache.pttl(key, version=2) or 0) <= 51_000
        assert cache.get("k") is None

    def test_a_copied_entry_is_a_miss(self, cache: RedisCache) -> None:
        raw = cache.raw_client()
        cache.set("k", VALUE, 50)
        raw.copy(cache.make_key("k"), cache.make_key("other"))
        assert cache.get("other", "missed") == "missed"
        assert cache.get_or_set("other", "new", 50) == "new"

    def test_a_forged_pickle_is_never_loaded(self, cache: RedisCache, tmp_path: Path) -> None:
        cache.set("k", VALUE, 50)
        raw, full = cache.raw_client(), cache.make_key("k")
        bomb = pickle.dumps(Bomb(tmp_path / "made"))
        tuple_of_theirs = b"\x80\x02cdjango_redis.client.herd\nMarker\n)\x81." + bomb
        for forged in (bomb, raw.get(full)[:11] + bomb, tuple_of_theirs):
            raw.set(full, forged, px=10_000)
            assert cache.get("k", "missed") == "missed"
            assert cache.has_key("k") in (True, False)
            assert cache.add("k", "other") in (True, False)
            assert not list(tmp_path.iterdir())


class TestShards:
    @pytest.mark.parametrize("client", ["shard", ["herd", "shard"]], ids=repr)
    def test_a_value_that_changes_its_server_is_sealed_for_its_new_key(
        self, make_cache: MakeCache, four_servers: list[Server], sealer: str, client: Any
    ) -> None:
        location = [server.url for server in four_servers]
        cache = make_cache({"CLIENT": client, "SEALER": sealer}, LOCATION=location)
        data = {f"key{number}": [number] for number in range(20)}
        assert cache.set_many(data, 100) == []
        for key in data:
            assert cache.incr_version(key) == 2
        assert cache.get_many(data) == {}
        assert cache.get_many(data, version=2) == data
        assert all(90 <= (cache.ttl(key, version=2) or 0) <= 100 for key in data)
        cache.set("for-ever", "x", None)
        for version in (1, 2, 3):
            cache.incr_version("for-ever", version=version)
        assert cache.pttl("for-ever", version=4) is None


def test_members_of_sets_are_read_after_a_change_of_format_and_found_by_their_bytes(
    make_cache: MakeCache,
) -> None:
    def cache(*serializers: str) -> RedisCache:
        options = {"SEALER": "signed", "SERIALIZER": list(serializers)}
        return make_cache(options, KEY_PREFIX="members")

    cache("pickle").sadd("s", "old")
    now = cache("json", "pickle")
    now.sadd("s", "new")
    assert now.smembers("s") == {"old", "new"}
    assert (now.sismember("s", "new"), now.sismember("s", "old")) == (True, False)


def test_the_first_error_is_told_where_no_pair_reads() -> None:
    seen: list[Exception] = []
    codec = Codec(
        [registry.plugin("serializer", name, "test")() for name in ("json", "pickle")],
        (),
        registry.plugin("sealer", "signed", "test")(),
        report=lambda key, data, error: seen.append(error),
    )
    assert codec.sealer is not None
    assert codec.decode("k", b"foreign") is MISSING
    # Authentic, and of the pair that says so, but not of that format: no other is tried.
    assert codec.decode("k", codec.sealer.seal("k", b"not JSON")) is MISSING
    assert [type(error).__name__ for error in seen] == ["SealError", "JSONDecodeError"]
    assert isinstance(seen[1], json.JSONDecodeError)
