"""The reader of what a server says on a tracking connection."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core_near.push import Push, Reader, Refusal

SAID = (
    b"+OK\r\n"
    b">2\r\n$10\r\ninvalidate\r\n*2\r\n$1\r\na\r\n$3\r\nb\r\n\r\n"
    b"+PONG\r\n"
    b">2\r\n$10\r\ninvalidate\r\n_\r\n"
    b">3\r\n+other\r\n%1\r\n:1\r\n$-1\r\n*0\r\n"
)
MEANT: list[Any] = [
    b"OK",
    [b"invalidate", [b"a", b"b\r\n"]],
    b"PONG",
    [b"invalidate", None],
    [b"other", [b"1", None], []],
]


@given(st.lists(st.integers(0, len(SAID))))
def test_bytes_may_come_in_any_pieces(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(SAID)]
    reader = Reader()
    read = [value for start, end in pairwise(places) for value in reader.feed(SAID[start:end])]
    assert read == MEANT
    assert [isinstance(value, Push) for value in read] == [False, True, False, True, True]


def test_errors_are_told_from_replies() -> None:
    simple, long = Reader().feed(b"-NOPERM no\r\n!5\r\nERR x\r\n")
    assert isinstance(simple, Refusal)
    assert isinstance(long, Refusal)
    assert (simple.message, long.message) == ("NOPERM no", "ERR x")


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=200))
def test_a_message_of_many_keys_is_read_once(keys: list[bytes]) -> None:
    said = b">2\r\n$10\r\ninvalidate\r\n*%d\r\n" % len(keys)
    said += b"".join(b"$%d\r\n%b\r\n" % (len(key), key) for key in keys)
    reader = Reader()
    read = [value for at in range(0, len(said), 7) for value in reader.feed(said[at : at + 7])]
    assert read == [[b"invalidate", keys]]


def test_what_is_no_protocol_is_refused() -> None:
    with pytest.raises(ConnectionInterrupted, match="protocol error"):
        Reader().feed(b"HTTP/1.1 400 Bad Request\r\n")
