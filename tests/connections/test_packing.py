"""A command is sent in one form, whichever way it was put together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_redis_core._codec.keys import CacheKey
from django_redis_core.connections.packing import pack, pack_all, python_pack

KEYS: list[Any] = ["k", "k" * 250, "k" * 600, "é", "日本" * 200, "", CacheKey("k"), b"k", b"\xff"]
SHA = "0123456789" * 4


@pytest.mark.parametrize("key", KEYS, ids=repr)
@pytest.mark.parametrize("value", [b"", b"\xff\r\n", b"x" * 511, b"x" * 512, b"x" * 70_000, "é", 5])
def test_the_forms_are_those_of_the_protocol(key: Any, value: Any) -> None:
    commands: list[tuple[Any, ...]] = [
        (b"GET", key),
        (b"UNLINK", key),
        (b"TYPE", key),
        (b"INCRBY", key, b"-12"),
        (b"PEXPIRE", key, value),
        (b"SET", key, value),
        (b"SET", key, value, b"PX", b"300000"),
        (b"SET", key, value, b"PX", 300000),
        (b"SET", key, value, b"EX", b"300"),
        (b"SET", key, b"v", b"NX", value),
        (b"EVALSHA", SHA, b"1", key, value),
        (b"EVALSHA", SHA, b"2", key, value),
        (b"LPUSH", key, value, value, 1.5),
        (b"MGET", *["key"] * 9, key),
        (b"MGET", *[f"key{number}" for number in range(700)]),
        (b"MSETEX", b"5", *["key", b"value"] * 4, key, value, b"PX", b"300000"),
        (b"MSETEX", b"5", *["key", b"value"] * 4, key, value),
        (b"MSETEX", b"5", *["é", b"\xff" * 600] * 5, b"PX", b"300000"),
    ]
    for command in commands:
        assert pack(command) == python_pack(command), command[0]


def test_half_a_character_is_refused() -> None:
    for command in [(b"GET", "\ud800"), (b"MGET", *["\ud800"] * 9), (b"SET", "\ud800", b"v")]:
        with pytest.raises(UnicodeEncodeError):
            pack(command)


_SOME = st.sampled_from(KEYS)
_NAMES = st.sampled_from([b"GET", b"MGET", b"UNLINK", b"HGETALL"])


@given(name=_NAMES, keys=st.lists(_SOME, max_size=6))
def test_several_of_one_name_are_each_of_these_forms(name: bytes, keys: list[Any]) -> None:
    commands = [(name, key) for key in keys]
    assert pack_all(commands) == b"".join(map(python_pack, commands))


@given(
    st.lists(
        st.one_of(
            st.tuples(_NAMES, _SOME),
            st.tuples(st.just(b"SET"), _SOME, _SOME),
            st.tuples(st.just(b"PING")),
        ),
        max_size=6,
    )
)
def test_so_are_several_of_several_names(commands: list[tuple[Any, ...]]) -> None:
    assert pack_all(commands) == b"".join(map(python_pack, commands))
