"""Subtle mistakes in serializers and sealers, each of which the contract of its kind tells."""

from __future__ import annotations

import hashlib
import hmac
import pickle
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings

from django_redis_core.exceptions import SealError
from django_redis_core.interfaces import Sealer, Serializer
from django_redis_core.testing import SealerContract, SerializerContract
from django_redis_core.testing.contracts.sealer import LONG_KEYS
from django_redis_core.testing.contracts.values import CONTAINERS, Point


def fails(base: Any, plugin: Any, test: str, *arguments: Any, **stated: Any) -> str:
    """What the contract's ``test`` says of ``plugin``; it must not pass."""
    found = {"name": "planted", "plugin_class": classmethod(lambda cls: plugin), **stated}
    contract = type("TestPlanted", (base,), found)()
    with pytest.raises((AssertionError, pytest.fail.Exception)) as caught:
        getattr(contract, test)(*arguments)
    return str(caught.value)


class Planted(Serializer):
    """Pickle, with a hand at the value before it is written."""

    name = "planted"

    def dumps(self, value):
        return pickle.dumps(self.changed(value))

    def loads(self, data):
        return pickle.loads(data)

    def changed(self, value):
        return value


def walked(value: Any, change: Callable[[Any], Any]) -> Any:
    """``value`` with ``change`` made to all that is in it, keys too."""
    if type(value) is dict:
        value = {walked(key, change): walked(item, change) for key, item in value.items()}
    elif type(value) is Point:
        value = Point(*[walked(item, change) for item in value])
    elif type(value) in (list, tuple, set, frozenset):
        value = type(value)([walked(item, change) for item in value])
    return change(value)


#: What somebody may make of a container, by its type.
INSTEAD: dict[Any, Callable[[Any], Any]] = {
    list: tuple,
    dict: lambda value: {str(key): item for key, item in reversed(value.items())} | {"more": 1},
    tuple: list,
    Point: tuple,
    set: frozenset,
    frozenset: tuple,
}
TYPES = dict(zip(CONTAINERS, INSTEAD, strict=True))


def lossy(outer: str, inner: str) -> type[Serializer]:
    """Loses the type of ``inner`` where it stands right in ``outer``, and nowhere else."""

    class Lossy(Planted):
        def changed(self, value):
            return walked(value, self.change)

        def change(self, value):
            if type(value) is not TYPES[outer]:
                return value
            if outer == "dict":
                return {key: self.lost(item) for key, item in value.items()}
            items = [self.lost(item) for item in value]
            return Point(*items) if outer == "namedtuple" else type(value)(items)

        def lost(self, item):
            return INSTEAD[TYPES[inner]](item) if type(item) is TYPES[inner] else item

    return Lossy


PAIRS = [
    (outer, inner)
    for outer in CONTAINERS
    for inner in CONTAINERS
    if "set" not in outer or inner in ("tuple", "frozenset", "namedtuple")
]


@pytest.mark.parametrize(("outer", "inner"), PAIRS, ids=map("-".join, PAIRS))
def test_a_type_that_is_lost_one_level_down(outer: str, inner: str) -> None:
    said = fails(SerializerContract, lossy(outer, inner), "test_what_is_one_level_down", outer)
    assert f" in a {outer} is " in said


class RefusedAboveOnly(Planted):
    """Refuses a set, and makes a list of one further down."""

    def changed(self, value):
        if type(value) is set:
            raise TypeError("no sets")
        return walked(value, lambda item: sorted(item, key=str) if type(item) is set else item)


@pytest.mark.parametrize("outer", ["list", "dict", "tuple", "namedtuple"])
def test_what_is_refused_alone_and_stored_in_another(outer: str) -> None:
    stated = frozenset(SerializerContract.keeps) - {"set"}
    said = fails(
        SerializerContract, RefusedAboveOnly, "test_what_is_one_level_down", outer, keeps=stated
    )
    assert f"set in a {outer} is stored, and set alone is refused: " in said


class KeptAboveOnly(Planted):
    def changed(self, value):
        if type(value) is list and any(type(item) is bytes for item in value):
            raise TypeError("no bytes")
        return value


def test_what_is_kept_alone_and_refused_in_another() -> None:
    said = fails(SerializerContract, KeptAboveOnly, "test_what_is_one_level_down", "list")
    assert "bytes in a list is refused, and bytes alone is not" in said


class Sorting(Planted):
    def changed(self, value):
        def change(item):
            return dict(sorted(item.items(), key=str)) if type(item) is dict else item

        return walked(value, change)


class SortingInside(Sorting):
    def changed(self, value):
        return (
            [super(SortingInside, self).changed(item) for item in value]
            if type(value) is list
            else value
        )


@pytest.mark.parametrize("plugin", [Sorting, SortingInside])
def test_the_order_of_dicts(plugin: Any) -> None:
    said = fails(SerializerContract, plugin, "test_dicts_keep_their_order")
    assert "the order is lost: " in said


def of_texts(change: Callable[[str], str]) -> type[Serializer]:
    class OfTexts(Planted):
        def changed(self, value):
            return walked(value, lambda item: change(item) if type(item) is str else item)

    return OfTexts


TIDIED: dict[str, Callable[[str], str]] = {
    "stripped": str.strip,
    "its end": str.rstrip,
    "its beginning": str.lstrip,
    "of spaces": lambda text: text.strip(" "),
    "of NULs": lambda text: text.rstrip("\0"),
    "of lines": lambda text: text.rstrip("\n"),
    "universal newlines": lambda text: text.replace("\r\n", "\n"),
    "of a byte order mark": lambda text: text.removeprefix("\ufeff"),
    "NFC": lambda text: unicodedata.normalize("NFC", text),
    "NFD": lambda text: unicodedata.normalize("NFD", text),
    "NFKC": lambda text: unicodedata.normalize("NFKC", text),
    "folded": str.casefold,
    "escapes": lambda text: text.replace("\\n", "\n"),
}


@pytest.mark.parametrize("change", TIDIED.values(), ids=TIDIED)
def test_text_that_is_tidied_up(change: Callable[[str], str]) -> None:
    said = fails(SerializerContract, of_texts(change), "test_text_comes_back_letter_by_letter")
    assert "text is changed: " in said


class Remembering(Planted):
    def __init__(self):
        self.read: dict[bytes, Any] = {}

    def loads(self, data):
        return self.read.setdefault(data, super().loads(data))


class Interning(Planted):
    """An empty list is always the same one."""

    empty: list[Any] = []

    def loads(self, data):
        return walked(super().loads(data), lambda item: self.empty if item == [] else item)


class HandingBack(Planted):
    def __init__(self):
        self.written: dict[bytes, Any] = {}

    def dumps(self, value):
        data = super().dumps(value)
        self.written[data] = value
        return data

    def loads(self, data):
        return self.written[data] if data in self.written else super().loads(data)


@pytest.mark.parametrize("plugin", [Remembering, Interning, HandingBack])
def test_one_object_for_two_readers(plugin: Any) -> None:
    said = fails(SerializerContract, plugin, "test_each_reader_gets_a_value_of_its_own")
    assert "is handed out twice: loads must make a new one each time" in said


class Mac(Sealer):
    """Right, but for what ``message`` makes of key and data."""

    name = "planted"
    deterministic = True

    def seal(self, key, data):
        return b"m" + self.mac(key, data) + data

    def unseal(self, key, data):
        plain = data[33:]
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
            if data[:33] == b"m" + self.mac(key, plain, secret):
                return plain
        raise SealError("not ours")

    def mac(self, key, data, secret=None):
        key, secret = key.encode("utf-8", "surrogatepass"), secret or settings.SECRET_KEY
        return hmac.digest(secret.encode(), self.message(key, data), hashlib.sha256)

    def message(self, key, data):
        return b"%d:%s%s" % (len(key), key, data)


def binding(message: Callable[[bytes, bytes], bytes]) -> type[Sealer]:
    return type("Binding", (Mac,), {"message": lambda self, key, data: message(key, data)})


def length(key: bytes, data: bytes) -> bytes:
    return b"%d:%s%s" % (len(key), key, data)


IN_PART: dict[str, Callable[[bytes, bytes], bytes]] = {
    "its first 255 bytes": lambda key, data: length(key[:255], data),
    "its last 255 bytes": lambda key, data: length(key[-255:], data),
    "all but its middle": lambda key, data: length(key[:149] + key[151:], data),
    "every second byte": lambda key, data: length(key[::2], data),
    "small letters": lambda key, data: length(key.lower(), data),
    "without spaces": lambda key, data: length(key.strip(), data),
    "ASCII": lambda key, data: length(key.decode().encode("ascii", "ignore"), data),
    "the sum of its bytes": lambda key, data: length(b"%d" % sum(key), data),
}


@pytest.mark.parametrize("message", IN_PART.values(), ids=IN_PART)
def test_a_key_that_is_bound_in_part(message: Callable[[bytes, bytes], bytes]) -> None:
    said = fails(
        SealerContract, binding(message), "test_every_part_of_a_long_key_counts", LONG_KEYS[1]
    )
    assert "the key is bound only in part: " in said


JOINED: dict[str, Callable[[bytes, bytes], bytes]] = {
    "": lambda key, data: key + data,
    "\0": lambda key, data: key + b"\0" + data,
    ":": lambda key, data: key + b":" + data,
    "|": lambda key, data: key + b"|" + data,
    "\n": lambda key, data: data + b"\n" + key,
    ".": lambda key, data: data + b"." + key,
}


@pytest.mark.parametrize("separator", JOINED, ids=repr)
def test_key_and_data_that_are_joined_without_a_length(separator: str) -> None:
    plugin = binding(JOINED[separator])
    fails(SealerContract, plugin, "test_key_and_data_cannot_be_cut_otherwise", separator)


class Hidden(Mac):
    """Encrypts, and authenticates key and ciphertext without a length between them."""

    def seal(self, key, data):
        return super().seal(key, self.turned(data))

    def unseal(self, key, data):
        return self.turned(super().unseal(key, data))

    def turned(self, data):
        stream = hashlib.shake_256(settings.SECRET_KEY.encode()).digest(len(data))
        return bytes(one ^ other for one, other in zip(data, stream, strict=True))

    def message(self, key, data):
        return key + data


def test_a_hidden_border_between_key_and_data() -> None:
    fails(SealerContract, Hidden, "test_no_byte_moves_between_key_and_sealed")


def test_what_is_right_passes() -> None:
    found = {"name": "planted", "plugin_class": classmethod(lambda cls: Mac)}
    contract = type("TestRight", (SealerContract,), found)()
    for separator in JOINED:
        contract.test_key_and_data_cannot_be_cut_otherwise(separator)
    contract.test_every_part_of_a_long_key_counts(LONG_KEYS[0])
    contract.test_no_byte_moves_between_key_and_sealed()
