"""Values of all types, and for each serializer those that it gives back unchanged."""

import datetime
import decimal
import enum
import uuid
from collections import OrderedDict, namedtuple
from dataclasses import dataclass


class Colour(enum.IntEnum):
    RED = 1


class Size(enum.Enum):
    LARGE = "large"


class Flags(enum.IntFlag):
    A = 1
    B = 2


class Metres(float):
    pass


@dataclass
class Book:
    title: str
    pages: int


Point = namedtuple("Point", "x y")

INTS = [0, 1, -1, 7, -10, 2**31, 2**63 - 1, -(2**63), 2**63, 2**64 + 1, -(2**100), 10**1000]
DATA = [
    *INTS,
    True,
    False,
    None,
    0.0,
    -1.5,
    1e300,
    float("inf"),
    "",
    "text",
    "1",
    "-1",
    "ünïcode \u2028 \N{SNOWMAN} \U0001f600",
    "x" * 5000,
    [],
    [1, "two", None, [3.5, {"four": True}]],
    {},
    {"a": 1, "b": [1, 2], "c": {"d": None}},
    {"long": ["the same words again"] * 100},
]
BYTES = [b"", b"1", b"-1", b"\x00\xff" * 50, b"\x78\x9c not zlib", b"\x28\xb5\x2f\xfd not zstd"]
ANY = [
    *DATA,
    *BYTES,
    (1, 2),
    {1: 2, (3,): 4},
    {1, 2},
    frozenset({"a"}),
    1 + 2j,
    Colour.RED,
    Size.LARGE,
    Flags.A,
    Metres(1.5),
    Book("Emma", 500),
    Point(1, 2),
    OrderedDict(a=1),
    decimal.Decimal("1.10"),
    datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC),
    datetime.date(2026, 1, 2),
    datetime.timedelta(days=1, microseconds=1),
    uuid.UUID(int=5),
    range(3),
    bytearray(b"abc"),
]

SERIALIZERS = {
    "pickle.PickleSerializer": ANY,
    "json.JSONSerializer": DATA,
    # msgpack has 64 bits; larger ints are no ints of msgpack where they are values by themselves.
    "msgpack.MSGPackSerializer": [*DATA, *BYTES],
}


def keeps(release, value):
    """Whether django-redis ``release`` (None: this package) stores ``value`` so that it can be
    read: 5.3.0 stores the repr of an ``IntEnum`` and cannot read that."""
    return release != "5.3.0" or not isinstance(value, enum.Enum) or not isinstance(value, int)
