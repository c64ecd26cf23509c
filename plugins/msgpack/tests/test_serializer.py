"""MessagePack's own: the bytes of django-redis, dict keys, and subclasses."""

import collections
import concurrent.futures
import datetime
import enum
import time
import tracemalloc

import msgpack
import pytest
from django.db import models
from django.utils.functional import SimpleLazyObject, lazystr
from django.utils.safestring import mark_safe
from hypothesis import given
from hypothesis import strategies as st

from django_redis_core_msgpack.serializer import MsgpackSerializer

VALUES = [
    None,
    "ünïcode 🎈",
    b"\x00\xff",
    {"a": [1, 2.5, None], "ü": {}},
    (1, (2, "x")),
    {1: "x", None: "y", b"k": 2.5},
    {(1, ("x",)): "y"},
    [2**64 - 1, -(2**63)],
    mark_safe("<b>"),
    collections.OrderedDict(a=collections.Counter()),
    bytearray(b"x"),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_it_writes_the_bytes_of_django_redis(value):
    assert MsgpackSerializer().dumps(value) == msgpack.packb(value)


keys = st.recursive(
    st.integers(0, 9) | st.text(max_size=3) | st.binary(max_size=3) | st.none(),
    lambda inner: st.lists(inner, max_size=2).map(tuple),
)


@given(st.dictionaries(keys, st.dictionaries(keys, st.booleans(), max_size=2), max_size=3))
def test_every_key_that_is_written_is_read(value):
    assert MsgpackSerializer().loads(MsgpackSerializer().dumps(value)) == value


class Meters(float):
    def __float__(self):
        raise AssertionError("the float itself is wanted")


class Tag(bytes):
    pass


@pytest.mark.parametrize(
    ("value", "type_"), [(mark_safe("<b>"), str), (Meters(2.5), float), (Tag(b"x"), bytes)]
)
def test_an_object_of_a_subclass_comes_back_as_its_base_type(value, type_):
    back = MsgpackSerializer().loads(MsgpackSerializer().dumps([value]))
    assert type(back[0]) is type_
    assert back[0] == type_.__getitem__(value, slice(None)) if type_ is not float else 2.5


class Colour(enum.IntEnum):
    RED = 1


class Number(models.IntegerChoices):
    FIVE = 5


class Name(models.TextChoices):
    LONG = "long", "Long"


class Whole(int):
    pass


@pytest.mark.parametrize("value", [Colour.RED, Number.FIVE, Name.LONG], ids=repr)
def test_a_member_of_an_enumeration_is_its_value_at_any_depth_unless_strict(value):
    plain = value.value
    cases = [(value, plain), ([value], [plain]), ({value: 1}, {plain: 1}), ({"a": (value,)},) * 2]
    for written, expected in cases:
        back = MsgpackSerializer().loads(MsgpackSerializer().dumps(written))
        assert back == MsgpackSerializer().loads(MsgpackSerializer().dumps(expected))
        assert type(value).__name__ not in repr(back)
        with pytest.raises(TypeError, match=f"no type for {type(value).__name__}"):
            MsgpackSerializer(msgpack_strict=True).dumps(written)


@pytest.mark.parametrize("make", [lambda one: one, lambda one: [one], lambda one: {one: 1}])
def test_another_int_subclass_is_refused_at_any_depth(make):
    with pytest.raises(TypeError, match="no type for Whole"):
        MsgpackSerializer().dumps(make(Whole(1)))


def test_lazy_objects_are_what_they_stand_for_at_any_depth():
    lazy = SimpleLazyObject(lambda: [5, SimpleLazyObject(lambda: 6), lazystr("text")])
    back = MsgpackSerializer().loads(MsgpackSerializer().dumps([lazy, lazystr("text")]))
    assert back == [[5, 6, "text"], "text"]


@pytest.mark.parametrize(
    "value", [{1, 2}, datetime.date(2026, 7, 9), 1j, object(), 2**64, [2**64], "\ud800"]
)
def test_what_the_format_does_not_have_is_refused(value):
    with pytest.raises((TypeError, OverflowError, ValueError)):
        MsgpackSerializer().dumps(value)


def test_a_stated_length_takes_no_memory():
    with pytest.raises(ValueError):
        MsgpackSerializer().loads(b"\xdd\xff\xff\xff\xff\x01")


def test_what_failed_in_the_middle_leaves_nothing_behind():
    serializer = MsgpackSerializer()
    assert serializer.dumps("before") == msgpack.packb("before")
    for _ in range(3):
        with pytest.raises(TypeError):
            serializer.dumps(["half", {1, 2}])
        assert serializer.dumps("after") == msgpack.packb("after")


def test_a_value_that_is_made_by_packing_another_one():
    serializer = MsgpackSerializer()
    inner = SimpleLazyObject(lambda: len(serializer.dumps("other")))
    assert serializer.dumps(["a", inner, "b"]) == msgpack.packb(["a", 6, "b"])


def test_threads_pack_side_by_side():
    serializer = MsgpackSerializer()

    def packed(number):
        value = [SimpleLazyObject(lambda: time.sleep(0.001) or number)] * 3
        return serializer.dumps([number, value]) == msgpack.packb([number, [number] * 3])

    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        assert all(threads.map(packed, range(200)))


def test_a_long_value_is_not_remembered():
    serializer = MsgpackSerializer()
    serializer.dumps("short")
    tracemalloc.start()
    try:
        for _ in range(3):
            serializer.dumps(b"x" * (32 << 20))
        assert tracemalloc.get_traced_memory()[0] < 8 << 20
    finally:
        tracemalloc.stop()
