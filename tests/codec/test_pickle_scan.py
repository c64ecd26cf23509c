"""``PICKLE_ALLOW``: what a forged pickle could do with the names of the list, or without any."""

from __future__ import annotations

import collections
import copyreg
import decimal
import io
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_redis_core._plugins.defaults.pickle import PickleSerializer
from django_redis_core.exceptions import SerializationError
from django_redis_core.testing.contracts.values import SAMPLES
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.servers import Server


class State:
    """As Django's ModelState: its instances have what was set on the class."""

    shared = "honest"


def function() -> str:
    return "honest"


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def named(name: str) -> bytes:
    return text(__name__) + text(name) + b"\x93"


ALLOWED = [f"{__name__}.{name}" for name in ("State", "function", "Slot")]
#: BUILD with the attributes of ``__slots__``, and with those of ``__dict__``.
SLOTS = b"N}" + text("shared") + text("forged") + b"s\x86b"
ATTRIBUTES = b"}" + text("shared") + text("forged") + b"sb"
#: Enough tuples for the quicker of the two ways to look not to be taken.
MANY = b"(" + b")\x85" * 1200 + b"l0"


def reading(*allow: str) -> PickleSerializer:
    return PickleSerializer(allow=allow)


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    yield
    changed = State.shared, vars(function)
    State.shared = "honest"
    vars(function).clear()
    assert changed == ("honest", {})


@pytest.mark.parametrize("before", [b"", MANY], ids=["few tuples", "many"])
@pytest.mark.parametrize(
    "instructions",
    [
        pytest.param(named("State") + SLOTS, id="a class"),
        pytest.param(named("function") + ATTRIBUTES, id="a function"),
        pytest.param(named("State") + b"\x940h\x00" + SLOTS, id="from the memo"),
        pytest.param(named("State") + b"q\x050h\x05" + SLOTS, id="from a place in the memo"),
        pytest.param(named("State") + b"p7\n0g7\n" + SLOTS, id="from a place in text"),
        pytest.param(named("State") + b"2" + SLOTS, id="a second one"),
        pytest.param(b"c" + f"{__name__}\nState\n".encode() + SLOTS, id="by an older name"),
        pytest.param(b"(" + named("State") + b"1" + named("State") + SLOTS, id="after a mark"),
    ],
)
def test_attributes_of_a_class_or_function_are_not_set(before: bytes, instructions: bytes) -> None:
    forged = b"\x80\x04" + before + instructions + b"."
    with pytest.raises(pickle.UnpicklingError, match="attributes of a class or function"):
        reading(*ALLOWED).loads(forged)


class Slot:
    __slots__ = ("a",)

    a: list[int]


def test_attributes_of_an_instance_are() -> None:
    slot, state = Slot(), State()
    slot.a = [1]
    state.shared = "mine"
    back = reading(*ALLOWED).loads(reading(*ALLOWED).dumps([slot, state, State, [State, slot]]))
    assert back[0].a == [1]
    assert back[1].shared == "mine"
    assert back[2] is back[3][0] is State
    assert back[3][1] is back[0]


@pytest.fixture
def registered() -> Iterator[bytes]:
    """The instruction for an extension code of ``os.getcwd``, found before and kept."""
    copyreg.add_extension("os", "getcwd", 240)
    assert pickle.loads(b"\x80\x02\x82\xf0.") is os.getcwd
    yield b"\x82\xf0"
    copyreg.remove_extension("os", "getcwd", 240)
    copyreg.clear_extension_cache()


@pytest.mark.parametrize("code", [b"\x82\xf0", b"\x83\xf0\x00", b"\x84\xf0\x00\x00\x00"])
def test_an_extension_code_is_no_way_around_the_list(registered: bytes, code: bytes) -> None:
    with pytest.raises(pickle.UnpicklingError, match="extension codes"):
        reading(*ALLOWED).loads(b"\x80\x02" + code + b")R.")


LEVELS = 400_000
#: Values of a megabyte whose hash ends the process.
DEEP = {
    "one after the other": b")" + b"\x85" * LEVELS,
    "with others between": b")" + b"K\x010\x85" * (LEVELS // 4),
    "through the memo": b")" + b"\x85\x940h\x00\x85" + b"q\x010h\x01\x85" * (LEVELS // 5),
    "with a mark": b"(" * LEVELS + b"t" * LEVELS,
    "pairs": b"N" * LEVELS + b"N" + b"\x86" * LEVELS,
}


@pytest.mark.parametrize("sort", DEEP)
def test_depth_is_refused_before_anything_is_built(sort: str) -> None:
    with pytest.raises(pickle.UnpicklingError, match="deeper than 1000"):
        reading().loads(b"\x80\x04}" + DEEP[sort] + b"Ns.")


def test_it_is_worth_to_refuse() -> None:
    """In a process of its own, which ends. Python 3.14 looks at its stack itself."""
    program = f"import pickle; pickle.loads(b'\\x80\\x04}})' + b'\\x85' * {LEVELS} + b'Ns.')"
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert ended.returncode < 0 or b"RecursionError: Stack overflow" in ended.stderr


def nested(levels: int) -> Any:
    value: Any = ()
    for _ in range(levels):
        value = (value, 1)
    return value


def test_a_forged_entry_that_is_too_deep_is_a_miss(
    make_cache: MakeCache, redis_server: Server
) -> None:
    cache = make_cache({"PICKLE_ALLOW": []})
    cache.set("k", nested(100))
    assert cache.get("k") == nested(100)
    with redis_server.client() as client:
        client.set(cache.make_key("forged"), b"\x80\x04}" + DEEP["pairs"] + b"Ns.")
    assert cache.get("forged", "missed") == "missed"


def test_a_place_in_the_memo_takes_no_memory_that_the_pickle_has_not() -> None:
    """Of seven bytes Python's unpickler makes 16 GB."""
    for place in (b"r\xff\xff\xff\x3f", b"p999999999\n", b"p-1\n"):
        with pytest.raises(pickle.UnpicklingError, match="more memory"):
            reading().loads(b"\x80\x04N" + place + b".")
    with pytest.raises(pickle.UnpicklingError, match="damaged"):
        reading().loads(b"\x80\x05\x96" + b"\xff" * 7 + b"\x3fx.")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("many", [[], [(n, str(n)) for n in range(1500)]], ids=["few", "many"])
def test_what_python_writes_is_read(protocol: int, many: list[Any]) -> None:
    """By both ways to look, in every protocol."""
    values = [
        *SAMPLES.values(),
        many,
        "x" * 300,
        "y" * 70_000,
        b"z" * 300,
        2**5000,
        frozenset({1, (2, 3)}),
        collections.OrderedDict(a=1),
        {"k": [{"a": (1, 2, 3, 4)}, decimal.Decimal("1.5")]},
    ]
    values = [value for value in values if _keeps(value, protocol)]
    data = pickle.dumps(values, protocol)
    allow = sorted(_names(data))
    assert repr(reading(*allow).loads(data)) == repr(values)


def _keeps(value: Any, protocol: int) -> bool:
    try:
        return bool(repr(pickle.loads(pickle.dumps(value, protocol))) == repr(value))
    except (TypeError, ValueError, pickle.PickleError):
        return False


def _names(data: bytes) -> set[str]:
    found = set()

    class Noting(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            found.add(f"{module}.{name}".replace("__builtin__", "builtins"))
            return super().find_class(module, name)

    Noting(io.BytesIO(data)).load()
    return {name.replace("copy_reg.", "copyreg.") for name in found}


@given(st.binary(max_size=60))
def test_other_bytes_are_refused_or_read_as_pickle_reads_them(data: bytes) -> None:
    agree(data)


@pytest.mark.parametrize("seed", range(30))
def test_damage_is_refused_or_read_as_pickle_reads_it(seed: int) -> None:
    chance = random.Random(seed)
    whole = pickle.dumps([1, "a", (2, [3.5, {"k": (4, 5, 6, 7)}]), b"x" * 50], chance.randrange(6))
    for _ in range(200):
        data = bytearray(whole)
        data[chance.randrange(len(data))] = chance.randrange(256)
        agree(bytes(data))


def agree(data: bytes) -> None:
    try:
        read = reading().loads(data)
    except (pickle.UnpicklingError, ValueError, TypeError, LookupError, EOFError, OverflowError):
        return
    except (AttributeError, ImportError, MemoryError):
        return
    assert repr(read) == repr(pickle.loads(data))


def test_storing_refuses_what_could_not_be_read(make_cache: MakeCache) -> None:
    cache = make_cache({"PICKLE_ALLOW": []})
    # Python 3.11's pickler comes to its own end before.
    words = "deeper than 1000" if sys.version_info >= (3, 12) else "recursion depth"
    with pytest.raises(SerializationError, match=words):
        cache.set("k", nested(1001))
