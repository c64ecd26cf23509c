"""django-redis' pickles: read always, written on demand, without that package.

The bytes below were written by ``HerdClient`` of django-redis 7.0.0.
"""

from __future__ import annotations

import io
import pickle
import struct
import sys
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import SerializationError
from django_redis_core.interfaces import Serializer
from django_redis_core.signals import value_unreadable

from .codecs import Deflate, Seal, TextSerializer

WRITTEN_AT = 1_700_000_000
VALUE = {"a": [1, "x"]}

#: ``set("k", {"a": [1, "x"]}, timeout)`` by ``PICKLE_VERSION``, good through WRITTEN_AT.
THEIRS = [
    (
        b"(ccopy_reg\n_reconstructor\np0\n(cdjango_redis.client.herd\nMarker\np1\nc__builtin__\n"
        b"object\np2\nNtp3\nRp4\n(dp5\nVa\np6\n(lp7\nI1\naVx\np8\nasI1700000000\ntp9\n."
    ),
    (
        b"(ccopy_reg\n_reconstructor\nq\x00(cdjango_redis.client.herd\nMarker\nq\x01c__builtin__\n"
        b"object\nq\x02Ntq\x03Rq\x04}q\x05X\x01\x00\x00\x00aq\x06]q\x07(K\x01X\x01\x00\x00\x00xq\x08es"
        b"J\x00\xf1Setq\t."
    ),
    (
        b"\x80\x02cdjango_redis.client.herd\nMarker\nq\x00)\x81q\x01}q\x02X\x01\x00\x00\x00aq\x03]q\x04"
        b"(K\x01X\x01\x00\x00\x00xq\x05esJ\x00\xf1Se\x87q\x06."
    ),
    (
        b"\x80\x03cdjango_redis.client.herd\nMarker\nq\x00)\x81q\x01}q\x02X\x01\x00\x00\x00aq\x03]q\x04"
        b"(K\x01X\x01\x00\x00\x00xq\x05esJ\x00\xf1Se\x87q\x06."
    ),
    (
        b"\x80\x04\x95B\x00\x00\x00\x00\x00\x00\x00\x8c\x18django_redis.client.herd\x94\x8c\x06Marker"
        b"\x94\x93\x94)\x81\x94}\x94\x8c\x01a\x94]\x94(K\x01\x8c\x01x\x94esJ\x00\xf1Se\x87\x94."
    ),
    (
        b"\x80\x05\x95B\x00\x00\x00\x00\x00\x00\x00\x8c\x18django_redis.client.herd\x94\x8c\x06Marker"
        b"\x94\x93\x94)\x81\x94}\x94\x8c\x01a\x94]\x94(K\x01\x8c\x01x\x94esJ\x00\xf1Se\x87\x94."
    ),
]

#: ``set("n", 5, timeout)``, and the same with a timeout of half seconds.
NUMBER = (
    b"\x80\x05\x953\x00\x00\x00\x00\x00\x00\x00\x8c\x18django_redis.client.herd\x94\x8c\x06Marker"
    b"\x94\x93\x94)\x81\x94K\x05J\x00\xf1Se\x87\x94."
)
HALF = (
    b"\x80\x05\x957\x00\x00\x00\x00\x00\x00\x00\x8c\x18django_redis.client.herd\x94\x8c\x06Marker"
    b"\x94\x93\x94)\x81\x94K\x05GA\xd9T\xfc@ \x00\x00\x87\x94."
)


def good_through(when: int, data: bytes) -> bytes:
    """What django-redis would have written at another time."""
    for old, new in (
        (b"J" + struct.pack("<i", WRITTEN_AT), b"J" + struct.pack("<i", when)),
        (b"I%d\n" % WRITTEN_AT, b"I%d\n" % when),
    ):
        data = data.replace(old, new)
    return data


class Marker:
    """What the other package has under that name."""


class TheirUnpickler(pickle._Unpickler):  # type: ignore[name-defined, misc]
    """Python's own unpickler, written in Python, which is the stricter one about frames."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("django_redis.client.herd", "Marker"):
            return Marker
        return super().find_class(module, name)


def as_they_read(data: bytes) -> tuple[Any, Any, Any]:
    marker, value, until = TheirUnpickler(io.BytesIO(data)).load()
    assert isinstance(marker, Marker)
    return marker, value, until


#: Plugins through which values go in either package (but for the sealer).
PARTS: list[dict[str, Any]] = [
    {},
    {"COMPRESSOR": {"NAME": Deflate, "OPTIONS": {"min_length": 1}}},
    {"SEALER": Seal},
    {"COMPRESSOR": Deflate, "SEALER": Seal},
    {"SERIALIZER": [TextSerializer, "pickle"]},
]


@pytest.fixture(autouse=True)
def without_that_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing any of it fails, also where it, or what stands for it, is installed."""
    for module in ("django_redis", "django_redis.client", "django_redis.client.herd"):
        monkeypatch.setitem(sys.modules, module, None)


@pytest.fixture
def native(make_cache: Callable[..., RedisCache]) -> Callable[..., RedisCache]:
    """A cache that writes its own format, and has entries of the other."""

    def make(**options: Any) -> RedisCache:
        return make_cache({"CLIENT": "herd", **options}, KEY_PREFIX=f"herd-{uuid4().hex[:8]}")

    return make


def put(cache: RedisCache, key: str, data: bytes, seconds: int) -> None:
    """Stores what django-redis would have stored, ``seconds`` before it expires."""
    client: Any = cache._engine.client
    full = cache.make_key(key)
    codec = client.codec
    data = good_through(int(time.time()) + seconds, data)
    for compressor in codec.compressors:
        data = compressor.compress(data)
    if codec.sealer is not None:
        data = codec.sealer.seal(full, data)
    cache.raw_client().set(full, data, px=(seconds + 60) * 1000)


@pytest.mark.parametrize("options", PARTS, ids=["-", "compressor", "sealer", "both", "list"])
@pytest.mark.parametrize("protocol", range(6))
def test_their_entries_are_read(
    native: Callable[..., RedisCache], protocol: int, options: dict[str, Any]
) -> None:
    cache = native(**options)
    put(cache, "fresh", THEIRS[protocol], 30)
    put(cache, "expired", THEIRS[protocol], -2)
    assert cache.get("fresh") == VALUE
    assert cache.get_many(["fresh"]) == {"fresh": VALUE}
    assert 20_000 < cache.pttl("fresh") <= 31_000
    assert [cache.get("expired", "miss") for _ in range(3)] == ["miss", VALUE, VALUE]
    assert (cache.has_key("fresh"), cache.has_key("expired")) == (True, False)


def test_their_expiry_may_be_a_float(native: Callable[..., RedisCache]) -> None:
    cache = native()
    put(cache, "k", HALF, 30)
    assert [cache.get("k", "miss") for _ in range(2)] == ["miss", 5]


def test_operations_move_their_entries_to_the_own_format(
    native: Callable[..., RedisCache],
) -> None:
    cache = native()
    for key in "touch", "persist", "xx":
        put(cache, key, THEIRS[5], 30)
    put(cache, "number", NUMBER, 30)
    for key in "nx", "start", "gone":
        put(cache, key, NUMBER, -2)
    assert cache.touch("touch", 10) is True
    assert 5_000 < cache.pttl("touch") <= 10_000
    assert cache.persist("persist") is True
    assert cache.ttl("persist") is None
    assert cache.get_many(["touch", "persist"]) == {"touch": VALUE, "persist": VALUE}
    assert cache.set("xx", 1, 10, xx=True) is True
    assert cache.add("xx", 1, 10) is False
    assert [cache.incr("number"), cache.incr("number", 2)] == [6, 8]
    assert 20_000 < cache.pttl("number") <= 31_000
    assert cache.add("nx", 1, 10) is True
    assert cache.incr("start", 2, ignore_key_check=True) == 2
    for refused in (cache.incr, cache.incr_version):
        with pytest.raises(ValueError, match="not found"):
            refused("gone")
    assert cache.touch("gone", 10) is False
    assert cache.set("gone", 1, 10, xx=True) is False
    assert cache.touch("touch", 0) is True
    assert cache.get("touch") is None


def test_damaged_tuples_are_misses(native: Callable[..., RedisCache]) -> None:
    cache = native()
    for length in range(len(THEIRS[5])):
        cache.raw_client().set(cache.make_key("k"), THEIRS[5][:length] or b"\x80", px=10_000)
        assert cache.get("k") is None


def test_other_classes_are_found_as_pickle_finds_them(native: Callable[..., RedisCache]) -> None:
    cache = native()
    other = THEIRS[2].replace(b"Marker", b"Client")
    cache.raw_client().set(cache.make_key("k"), other, px=10_000)
    assert cache.get("k") is None  # there is no such module


class Refusing(Exception):
    pass


class ListedSerializer(Serializer):
    """A site's own pickle serializer, which lets few classes through."""

    name = "pickle"
    errors = (Refusing,)

    def dumps(self, value: Any) -> bytes:
        return pickle.dumps(value)

    def find_class(self, module: str, name: str) -> Any:
        raise Refusing(module)

    def loads(self, data: bytes) -> Any:
        raise AssertionError("not reached by a tuple")


class ClosedSerializer(ListedSerializer):
    """One that does not say how it finds classes."""

    find_class = None  # type: ignore[assignment]

    def loads(self, data: bytes) -> Any:
        raise Refusing


def test_a_serializer_that_refuses_classes_is_not_gone_around(
    native: Callable[..., RedisCache],
) -> None:
    cache = native(SERIALIZER=ListedSerializer)
    put(cache, "k", THEIRS[5], 30)
    assert cache.get("k") == VALUE
    harmful = THEIRS[2].replace(b"(K\x01", b"(cos\nsystem\n")
    assert harmful != THEIRS[2]
    closed = native(SERIALIZER=ClosedSerializer)
    put(cache, "k", harmful, 30)
    put(closed, "k", THEIRS[5], 30)
    errors = []

    def note(exception: Exception, **_: Any) -> None:
        errors.append(type(exception))

    value_unreadable.connect(note)
    try:
        assert (cache.get("k"), closed.get("k")) == (None, None)
    finally:
        value_unreadable.disconnect(note)
    assert errors == [Refusing, Refusing]


@pytest.mark.parametrize("value", [VALUE, None, 5, True, 1.5, "ä" * 100_000, [["s"]] * 4, (), {1}])
@pytest.mark.parametrize("protocol", range(6))
def test_they_read_what_is_written_for_them(
    make_cache: Callable[..., RedisCache], protocol: int, value: Any
) -> None:
    cache = make_cache(
        {"CLIENT": "herd", "HERD_FORMAT": "django-redis", "PICKLE_VERSION": protocol}
    )
    before = int(time.time())
    cache.set("k", value, 30)
    data = cache.raw_client().get(cache.make_key("k"))
    _, read, until = as_they_read(data)
    assert read == value
    assert type(read) is type(value)
    assert type(until) is int
    assert before + 30 <= until <= time.time() + 30
    assert cache.get("k", "miss") == value


def test_what_never_expires_is_written_without_a_tuple(
    make_cache: Callable[..., RedisCache],
) -> None:
    cache = make_cache({"CLIENT": "herd", "HERD_FORMAT": "django-redis"})
    raw = cache.raw_client()
    cache.set_many({"k": VALUE, "n": 5}, None)
    assert pickle.loads(raw.get(cache.make_key("k"))) == VALUE
    assert raw.get(cache.make_key("n")) == b"5"
    cache.set("k", VALUE, 30)
    assert cache.persist("k") is True
    assert pickle.loads(raw.get(cache.make_key("k"))) == VALUE


def test_a_refused_value_is_named_by_its_own_type(make_cache: Callable[..., RedisCache]) -> None:
    cache = make_cache({"CLIENT": "herd", "HERD_FORMAT": "django-redis"})
    with pytest.raises(SerializationError, match="of type list"):
        cache.set("k", [lambda: None], 10)
