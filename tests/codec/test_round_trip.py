"""Every serializer with every compressor, on a real server: what was set is what is got."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_redis_core.testing.contracts.values import SAMPLES, basic, same

COMPRESSORS = [None, "zlib", "zstd", "gzip", "lz4", "lzma"]

#: What a format keeps beside what every format does.
MORE = {
    "pickle": st.binary() | st.tuples(basic) | st.sets(st.text()) | st.decimals(allow_nan=False),
    "json": st.integers(),
    "msgpack": st.binary() | st.dictionaries(st.tuples(st.text(), st.none()), basic),
}


def values(serializer):
    """Values of all lengths, so that some are compressed and some are not."""
    one = basic | MORE[serializer]
    return st.one_of(
        st.integers(),
        one,
        st.builds(lambda value, times: [value] * times, one, st.integers(0, 60)),
        st.text(min_size=1).map(lambda text: text * 50),
    )


@pytest.fixture(scope="session")
def cache_of(redis_server):
    """The cache of a serializer and compressors; no prefix of its own, and never cleared."""
    from django_redis_core.cache import RedisCache

    def make(serializer, *compressors):
        options = {"SERIALIZER": serializer}
        if compressors:
            options["COMPRESSOR"] = list(compressors)
        return RedisCache(redis_server.url, {"OPTIONS": options, "KEY_PREFIX": "round-trip"})

    return make


@pytest.mark.parametrize("serializer", list(MORE))
@pytest.mark.parametrize("compressor", COMPRESSORS)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_was_set_is_what_is_got(cache_of, serializer, compressor, data):
    cache = cache_of(serializer, *filter(None, [compressor]))
    value = data.draw(values(serializer))
    cache.set("k", value)
    assert same(cache.get("k"), value)
    cache.set_many({"a": value, "b": "other"})
    assert same(cache.get_many(["a", "b"]), {"a": value, "b": "other"})


@pytest.mark.parametrize("what", list(SAMPLES))
def test_pickle_keeps_everything(cache_of, what):
    cache = cache_of("pickle", "zlib")
    cache.set("k", SAMPLES[what])
    assert same(cache.get("k"), SAMPLES[what])


@pytest.mark.parametrize("before", COMPRESSORS[1:])
@pytest.mark.parametrize("now", COMPRESSORS[1:])
def test_a_format_is_changed_without_a_flush(cache_of, before, now):
    value = {"text": "long enough to be compressed " * 20}
    cache_of("json", before).set("k", value)
    moving = cache_of("json", *dict.fromkeys([now, before]))
    assert moving.get("k") == value
    moving.set("k", value)
    assert cache_of("json", now).get("k") == value


def test_compression_is_ended_without_a_flush(cache_of, redis_server):
    value = "long enough to be compressed " * 20
    cache_of("json", "zstd").set("k", value)
    ending = cache_of("json", "identity", "zstd")
    assert ending.get("k") == value
    ending.set("k", value)
    assert cache_of("json").get("k") == value


def test_a_damaged_byte_in_the_server_is_a_miss_and_no_error(cache_of, redis_server):
    cache = cache_of("pickle", "zlib")
    cache.set("k", {"text": "long enough to be compressed " * 20})
    key = cache.make_key("k")
    with redis_server.client() as client:
        stored = client.get(key)
        for place in range(len(stored)):
            client.set(key, stored[:place] + bytes([stored[place] ^ 0xFF]) + stored[place + 1 :])
            assert cache.get("k", "missed") == "missed"
