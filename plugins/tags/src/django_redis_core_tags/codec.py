"""The cache's codec, which also puts envelopes in front of values and takes them off.

It stands below all clients, so that an envelope is inside of what they add: another client judges
an entry by its own first bytes, here and in its scripts, whether the entry has tags or not. What
comes out is a ``Tagged``, which the operations of ``TagsClient`` turn into a value or into nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django_redis_core.interfaces import MISSING, Codec

from .envelope import EMPTY, MAGIC, Encoded, Labelled, Tagged, end, is_generation, unpack

#: How envelopes begin, and generations.
_OURS = MAGIC[:2]

_DAMAGED = (ValueError, IndexError)


class TaggedCodec(Codec):
    """``codec``, for values with tags."""

    def __init__(self, codec: Codec) -> None:
        vars(self).update(vars(codec))
        self._plain = codec
        self.encode = _encoder(codec.encode)
        self.encode_element = _encoder(codec.encode_element)
        self.encode_member = _encoder(codec.encode_member)
        self.encode_scored = _encoder(codec.encode_scored)
        self.decode = self._decoder()
        self.decode_many = self._decode_many

    def with_serializers(self, *args: Any, **kwargs: Any) -> Codec:
        return TaggedCodec(self._plain.with_serializers(*args, **kwargs))

    def recoded(self, key: str, data: bytes) -> bytes:
        if is_generation(data):
            return data  # of a tag, whose key lies among those of entries
        if not data.startswith(MAGIC):
            return escaped(self._plain.recoded(key, data))
        start = end(data)
        return data[:start] + self._plain.recoded(key, data[start:])

    def _decoder(self) -> Callable[[str, bytes], Any]:
        plain, report = self._plain.decode, self.report

        def decode(key: str, data: bytes) -> Any:
            if not data.startswith(_OURS):
                return plain(key, data)
            if is_generation(data):
                return MISSING
            try:
                start = end(data)
                generations = unpack(data, start)
            except _DAMAGED as error:
                report(key, data, error)
                return MISSING
            payload = data[start:]
            value = plain(key, payload)
            if value is MISSING or not generations:
                return value
            return Tagged(value, generations, data[:start], payload)

        return decode

    def _decode_many(self, keys: Sequence[str], replies: Iterable[Any]) -> list[Any]:
        given = list(replies)
        tagged: list[tuple[int, bytes, dict[str, bytes]]] = []
        known: dict[bytes, dict[str, bytes]] = {}  # entries that were stored together
        for place, data in enumerate(given):
            if data.__class__ is not bytes or not data.startswith(_OURS):
                continue
            if is_generation(data):
                given[place] = None
                continue
            try:
                start = end(data)
                head = data[:start]
                generations = known.get(head)
                if generations is None:
                    generations = known[head] = unpack(head, start)
            except _DAMAGED as error:
                self.report(keys[place], data, error)
                given[place] = None
                continue
            given[place] = data[start:]
            if generations:
                tagged.append((place, head, generations))
        values = self._plain.decode_many(keys, given)
        for place, head, generations in tagged:
            value = values[place]
            if value is not MISSING:
                values[place] = Tagged(value, generations, head, given[place])
        return values


def escaped(data: bytes) -> bytes:
    """What a serializer of a site's own made, which must not be read as an envelope."""
    return EMPTY + data if data.startswith(_OURS) else data


def _encoder(plain: Callable[[str, Any], bytes]) -> Callable[[str, Any], bytes]:
    def encode(key: str, value: Any) -> bytes:
        if value.__class__ in (Labelled, Tagged):  # the latter is stored anew under another key
            return value.head + plain(key, value.value)
        if value.__class__ is Encoded:
            return value.data
        data = plain(key, value)
        return EMPTY + data if data.startswith(_OURS) else data

    return encode


class RelabellingCodec(Codec):
    """``codec``, by which an entry is moved into the envelope ``head``, and else stays as it is."""

    def __init__(self, codec: Codec, head: bytes) -> None:
        vars(self).update(vars(codec))
        self._head = head

    def recoded(self, key: str, data: bytes) -> bytes:
        return self._head + data[end(data) if data.startswith(MAGIC) else 0 :]
