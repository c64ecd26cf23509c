"""The envelope of an entry with tags: which it bears, and each one's generation as it was stored.

``C1 74 67``, two bytes with the length of what follows, and for every tag one byte with the length
of its name, the name in UTF-8, and the generation, as the server has it under the tag's key:
``C1 74 47`` and eight random bytes. Behind it stands what the codec made, which is all that there
is of an entry without tags.

``0xC1`` begins no pickle, no UTF-8 text (so no JSON and no digits) and no msgpack value, so that a
reader who does not know tags finds an entry that it cannot read, and never a wrong value.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

MAGIC = b"\xc1tg"
#: What a generation begins with, so that it is told from entries by whoever finds its key.
GENERATION_MAGIC = b"\xc1tG"
#: The bytes of a generation: these, and eight random ones.
GENERATION = 11
#: The most tags of an entry, and the most bytes of a tag's name.
MOST, LONGEST = 64, 200

_HEAD = struct.Struct(">3sH")
START = _HEAD.size


def pack(generations: Mapping[str, bytes]) -> bytes:
    """The envelope for these tags."""
    parts: list[bytes] = []
    for name, generation in generations.items():
        text = name.encode()
        parts += (b"%c" % len(text), text, generation)
    body = b"".join(parts)
    return _HEAD.pack(MAGIC, len(body)) + body


#: Of an entry without tags whose own bytes begin as an envelope does.
EMPTY = pack({})


def is_generation(data: bytes) -> bool:
    return len(data) == GENERATION and data.startswith(GENERATION_MAGIC)


def end(data: bytes) -> int:
    """Where the value begins in ``data``, which begins as an envelope. ValueError: it is none."""
    if len(data) < START or not data.startswith(MAGIC):
        raise ValueError("an envelope of tags that is cut off")
    end = START + int(_HEAD.unpack_from(data)[1])
    if len(data) < end:
        raise ValueError("an envelope of tags that is cut off")
    return end


def unpack(data: bytes, end: int) -> dict[str, bytes]:
    """The generations in an envelope that ends at ``end``. ValueError: it is damaged."""
    generations: dict[str, bytes] = {}
    at = START
    while at < end:
        name = at + 1
        generation = name + data[at]
        at = generation + GENERATION
        generations[str(data[name:generation], "utf-8")] = data[generation:at]
    if at != end:
        raise ValueError("an envelope of tags that is damaged")
    return generations


class Labelled:
    """A value on its way to the codec, and the envelope that is to stand in front of it."""

    __slots__ = ("head", "value")

    def __init__(self, value: Any, head: bytes) -> None:
        self.value = value
        self.head = head

    def __reduce__(self) -> Any:
        raise TypeError(
            "an entry in a format that is another client's whole, as HERD_FORMAT 'django-redis' "
            "writes it, has no room for tags"
        )


class Encoded:
    """What the codec has made of a value already."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class Tagged:
    """A value on its way from the codec, which is to be seen only while its tags have these
    generations. ``payload`` is what the codec made of it."""

    __slots__ = ("generations", "head", "payload", "value")

    def __init__(
        self, value: Any, generations: dict[str, bytes], head: bytes, payload: bytes
    ) -> None:
        self.value = value
        self.generations = generations
        self.head = head
        self.payload = payload
