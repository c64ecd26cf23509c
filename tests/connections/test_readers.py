"""Whatever bytes come, a reader gives replies, waits for more, or says that it is no protocol."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from django_redis_core.connections import resp
from django_redis_core.exceptions import ConnectionInterrupted, RedisCacheError
from django_redis_core_near.push import Reader as NearReader

LENGTHS = st.one_of(
    st.integers(-9, 9),
    st.sampled_from([-(2**31), -(2**63), 2**29 + 1, 2**31, 2**32, 2**40, 2**63, 10**30]),
)


def _lines(mark: bytes, text: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return text.map(lambda line: mark + line + b"\r\n")


_HEADS = st.builds(
    lambda mark, length: b"%b%d\r\n" % (mark, length),
    st.sampled_from([b"$", b"=", b"!", b"*", b"~", b">", b"%", b"|"]),
    LENGTHS,
)
_PIECES = st.one_of(
    _HEADS,
    _lines(b":", st.integers().map(lambda number: b"%d" % number)),
    _lines(b"+", st.binary(max_size=9)),
    _lines(b"-", st.binary(max_size=9)),
    _lines(b",", st.floats().map(lambda number: repr(number).encode())),
    st.sampled_from([b"_\r\n", b"#t\r\n", b"#f\r\n", b"#x\r\n", b"\r\n", b"a\r\n", b"(12\r\n"]),
    st.binary(max_size=12),
)
BYTES = st.lists(_PIECES, max_size=12).map(b"".join)


def chunks(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def core(make: Callable[[], Any]) -> Callable[[Sequence[bytes]], list[Any]]:
    def read(parts: Sequence[bytes]) -> list[Any]:
        reader, replies = resp.PushReader(make(), resp.Push), []
        for part in parts:
            reader.feed(part)
            while (reply := reader.gets()) is not resp.INCOMPLETE:
                replies.append(reply)
        return replies

    return read


def near(parts: Sequence[bytes]) -> list[Any]:
    reader = NearReader()
    return [message for part in parts for message in reader.feed(part)]


READERS = {"hiredis": core(resp._reader), "python": core(resp.PythonReader), "near": near}


def outcome(read: Callable[[Sequence[bytes]], list[Any]], parts: Sequence[bytes]) -> Any:
    try:
        return re.sub(" at 0x[0-9a-f]+", "", repr(read(parts)))
    except (ConnectionInterrupted, *resp.UNREADABLE) as error:
        return type(error).__name__


@pytest.mark.parametrize("name", READERS)
@given(data=BYTES, cuts=st.lists(st.integers(0, 1000), max_size=3))
@settings(max_examples=300, deadline=None)
@example(data=b"$-7\r\n", cuts=[])
@example(data=b"=-7\r\n:1\r\n", cuts=[3])
@example(data=b"*1\r\n" * 5000 + b":1\r\n", cuts=[])
@example(data=b":" + b"1" * 5000 + b"\r\n", cuts=[])
@example(data=b"%1\r\n*1\r\n+a\r\n+b\r\n", cuts=[])
def test_any_bytes(name: str, data: bytes, cuts: list[int]) -> None:
    """In parts it is the same as in one."""
    if name == "hiredis" and re.search(rb"[*~>%|]\d{6}", data):
        return  # it makes room for as many as are announced, which may be gigabytes
    began = time.monotonic()
    whole = outcome(READERS[name], [data])
    assert outcome(READERS[name], chunks(data, cuts)) == whole
    assert time.monotonic() - began < 30


@given(data=BYTES, cuts=st.lists(st.integers(0, 1000), max_size=3))
@settings(max_examples=300, deadline=None)
def test_the_reader_in_python_raises_nothing_but_what_links_know(
    data: bytes, cuts: list[int]
) -> None:
    reader = resp.PythonReader()
    try:
        for part in chunks(data, cuts):
            reader.feed(part)
            while reader.gets() is not resp.INCOMPLETE:
                pass
    except (ConnectionInterrupted, TypeError, ValueError):
        pass


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        st.binary(max_size=40),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.binary(max_size=5), inner, max_size=3),
    ),
    max_leaves=12,
)


def said(value: Any) -> bytes:
    """``value`` in RESP3."""
    if value is None:
        return b"_\r\n"
    if isinstance(value, bool):
        return b"#t\r\n" if value else b"#f\r\n"
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, float):
        return b",%b\r\n" % repr(value).encode()
    if isinstance(value, bytes):
        return b"$%d\r\n%b\r\n" % (len(value), value)
    if isinstance(value, dict):
        flat = b"".join(said(name) + said(item) for name, item in value.items())
        return b"%%%d\r\n%b" % (len(value), flat)
    return b"*%d\r\n%b" % (len(value), b"".join(map(said, value)))


@pytest.mark.parametrize("make", [resp._reader, resp.PythonReader])
@given(values=st.lists(VALUES, max_size=4), cuts=st.lists(st.integers(0, 1000), max_size=4))
@settings(max_examples=200, deadline=None)
def test_replies_as_they_were_said(make: Any, values: list[Any], cuts: list[int]) -> None:
    """With a push behind each, wherever the bytes were cut."""
    push = b">2\r\n+message\r\n*1\r\n+x\r\n"
    data = b"".join(said(value) + push for value in values)
    kind = resp.Push if make is resp.PythonReader else resp._push
    reader, replies = resp.PushReader(make(), kind), []
    for part in chunks(data, cuts):
        reader.feed(part)
        while (reply := reader.gets()) is not resp.INCOMPLETE:
            replies.append(reply)
    assert replies == values
    assert list(map(type, replies)) == list(map(type, values))
    assert not reader.has_data()


def test_what_only_the_reader_in_python_knows() -> None:
    reader = resp.PythonReader()
    reader.feed(b"|1\r\n+ttl\r\n:1\r\n*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n:2\r\n!5\r\nERR x\r\n")
    assert reader.gets() == [1, 2]
    error = reader.gets()
    assert isinstance(error, RedisCacheError)
    assert str(error) == "ERR x"
    assert reader.gets() is resp.INCOMPLETE
    assert not reader.has_data()
