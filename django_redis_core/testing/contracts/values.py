"""Values to store, by what a format must be able to do for them, and whether they came back."""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import struct
import uuid
from collections import namedtuple
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st


class Level(enum.IntEnum):
    """Ints of a type of their own. The one byte that MessagePack has for HIGH is the digit 5."""

    LOW = 5
    HIGH = 53


Point = namedtuple("Point", "x y")

#: What every format keeps, with its type.
BASIC: list[Any] = [
    None,
    True,
    False,
    "",
    "text",
    "12",
    "-5",
    "ünïcode ✓ 🎈 \x00 \u2028",
    "x" * 70_000,
    0.0,
    -0.0,
    1.0,
    -12.5,
    5e-324,
    1.7976931348623157e308,
    2.0**53,
    1e22,
    [],
    {},
    [[]],
    [None, True, 1, 1.0, "1", [1, [2, [3]]], {"a": {"b": [{}]}}],
    {"": "", "a": [], "ü": None, "1": 1},
    [0, -1, 2**31, -(2**63), 2**63 - 1],
    list(range(2000)),
]

#: Text that somebody tidies up: its ends, its normal form, its case.
TEXTS: list[str] = [
    " leading",
    "trailing ",
    " ",
    "\ttab\t",
    "\r\nlines\r\n",
    "\n",
    "line\rline",
    "\x00nul",
    "nul\x00",
    "\x00",
    "\x1funit\x1f",
    "\ufeffmark",
    "mark\ufeff",
    "\xa0no-break\xa0",
    "\u2028separated\u2028",
    "\u200bnothing wide\u200b",
    "caf\xe9",  # one code point, and
    "cafe\u0301",  # the same letter as two
    "\u212bngstr\xf6m",
    "\uac00",
    "\u1100\u1161",
    "\ufb01ne",  # a ligature, which NFKC takes apart
    "\uff11\uff12",
    "Stra\xdfe",
    "STRASSE",
    "\\n",
    '"quoted"',
    "&amp;<b>",
    "%s {0}",
]

#: Keys in an order that is nobody's but their own.
ORDERED: dict[str, Any] = {
    key: number for number, key in enumerate("z b é y a 10 9 1 Z _ m".split())
} | {"last": {"z": 1, "a": {"y": 1, "b": 2}}}

#: A sample of each thing that a format keeps, changes or refuses.
SAMPLES: dict[str, Any] = {
    "bytes": b"\x00\xff12",
    "tuple": (1, ("x", None)),
    "namedtuple": Point(1, 2.5),
    "set": {1, 2, "x"},
    "frozenset": frozenset({1, "x"}),
    "datetime": datetime.datetime(2026, 7, 9, 12, 30, 5, 123456, tzinfo=datetime.UTC),
    "date": datetime.date(2026, 7, 9),
    "timedelta": datetime.timedelta(days=1, microseconds=1),
    "Decimal": decimal.Decimal("10.50"),
    "UUID": uuid.UUID("12345678-1234-5678-1234-567812345678"),
    "complex": 1 + 2j,
    "nan": math.nan,
    "infinity": [math.inf, -math.inf],
    "int of 100 digits": [10**99],
    "int key": {1: "x"},
    "None key": {None: "x"},
    "tuple key": {(1, ("x",)): "y"},
    "int subclass inside": [Level.HIGH],
}

basic = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5)
    ),
    max_leaves=15,
)

_utc = st.just(datetime.UTC)
_hashable = st.none() | st.integers(-(2**63), 2**63 - 1) | st.text()

_long = st.integers(min_value=2**64) | st.integers(max_value=-(2**63) - 1)

#: More values of the same sort as a sample, for what a format keeps.
MORE: dict[str, st.SearchStrategy[Any]] = {
    "bytes": st.binary(),
    "tuple": st.tuples(basic, basic),
    "set": st.sets(_hashable),
    "frozenset": st.frozensets(_hashable),
    "datetime": st.datetimes() | st.datetimes(timezones=_utc),
    "date": st.dates(),
    "timedelta": st.timedeltas(),
    "Decimal": st.decimals(allow_nan=False),
    "UUID": st.uuids(),
    "complex": st.complex_numbers(allow_nan=False),
    "nan": st.sampled_from([math.nan, -math.nan]),
    "infinity": st.lists(st.sampled_from([math.inf, -math.inf]), min_size=1, max_size=3),
    "int of 100 digits": st.lists(_long, min_size=1, max_size=3),
    "int key": st.dictionaries(st.integers(-(2**63), 2**63 - 1), basic, min_size=1, max_size=3),
    "tuple key": st.dictionaries(st.tuples(_hashable, _hashable), basic, min_size=1, max_size=3),
    "int subclass inside": st.lists(st.sampled_from(Level), min_size=1, max_size=3),
}

#: Containers of what stands one level down, by the name of their sample; lists and dicts have none.
CONTAINERS: dict[str, Callable[[Any], Any]] = {
    "list": lambda value: [value],
    "dict": lambda value: {"k": value},
    "tuple": lambda value: (value,),
    "namedtuple": lambda value: Point(value, value),
    "set": lambda value: {value},
    "frozenset": lambda value: frozenset([value]),
}


def mutable(value: Any) -> Iterator[Any]:
    """All that a reader of ``value`` could change."""
    if isinstance(value, dict | list | set | bytearray):
        yield value
    if isinstance(value, dict):
        for item in (*value.keys(), *value.values()):
            yield from mutable(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from mutable(item)


def same(one: Any, other: Any) -> bool:
    """Whether the two are equal, with their types, at any depth; -0.0 is not 0.0, nan is nan, and
    the keys of dicts stand in one order."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        if math.isnan(one):  # which of the many nans is nobody's business
            return math.isnan(other)
        return struct.pack("d", one) == struct.pack("d", other)
    if isinstance(one, dict):
        return len(one) == len(other) and all(map(same, one.items(), other.items()))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, set | frozenset):
        # Each by each: 1 and True are one to a set, and nan is no other nan.
        return len(one) == len(other) and all(any(same(a, b) for b in other) for a in one)
    return bool(one == other)
