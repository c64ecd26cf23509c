"""JSON's own: the bytes of django-redis, and what it changes."""

import datetime
import decimal
import enum
import json

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.functional import SimpleLazyObject, lazystr
from django.utils.safestring import mark_safe

from django_redis_core_json.serializer import JSONSerializer

VALUES = [
    None,
    "ünïcode 🎈",
    {"a": [1, 2.5, None], "ü": {}},
    (1, 2),
    {1: "x", None: "y"},
    decimal.Decimal("10.50"),
    datetime.datetime(2026, 7, 9, 12, 30, 5, 123456, tzinfo=datetime.UTC),
    lazystr("later"),
    [float("inf")],
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_it_writes_and_reads_the_bytes_of_django_redis(value):
    written = json.dumps(value, cls=DjangoJSONEncoder).encode()
    assert JSONSerializer().dumps(value) == written
    assert JSONSerializer().loads(written) == json.loads(written)


def test_a_safe_str_comes_back_as_a_str():
    back = JSONSerializer().loads(JSONSerializer().dumps(mark_safe("<b>")))
    assert type(back) is str


class Colour(enum.IntEnum):
    RED = 1


class Meters(int):
    pass


class Number(models.IntegerChoices):
    FIVE = 5


class Name(models.TextChoices):
    LONG = "long", "Long"


@pytest.mark.parametrize("value", [Colour.RED, Number.FIVE, Name.LONG], ids=repr)
def test_a_member_of_an_enumeration_is_its_value_unless_strict(value):
    for written, plain in ((value, value.value), ([value], [value.value])):
        assert JSONSerializer().dumps(written) == JSONSerializer().dumps(plain)
    with pytest.raises(TypeError, match=r"plain (int|str)"):
        JSONSerializer(json_strict=True).dumps(value)


def test_an_int_subclass_is_refused_because_it_would_come_back_as_an_int():
    with pytest.raises(TypeError, match="plain int"):
        JSONSerializer().dumps(Meters(5))


def test_lazy_objects_are_what_they_stand_for_at_any_depth():
    lazy = SimpleLazyObject(lambda: [5, SimpleLazyObject(lambda: 6), lazystr("text")])
    assert JSONSerializer().dumps([lazy]) == b'[[5, 6, "text"]]'


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf1.5", '{"a"'.encode("utf-16"), b"\xff\xfe"])
def test_another_encoding_is_an_error(data):
    with pytest.raises(ValueError):
        JSONSerializer().loads(data)
