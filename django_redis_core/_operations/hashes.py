"""Hashes: fields and their values under one key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._codec.codec import MISSING
from ..commands import (
    HDEL,
    HEXISTS,
    HGET,
    HGETALL,
    HINCRBY,
    HKEYS,
    HLEN,
    HMGET,
    HSET,
    HVALS,
    Argument,
    Operation,
)
from ..exceptions import NotANumberError, ReplyError
from .arguments import whole
from .declare import always, argument, operation
from .elements import Elements, each, field_name, field_text, is_mapping, one_each
from .lookups import by_default


class Hashes(Elements):
    """Fields are stored as they are (text; ints and floats by their digits; bytes), values as
    the cache stores values, so an int can be counted by ``hincrby``. A field that is not UTF-8 is
    returned with surrogate escapes, and found by them."""

    @operation(fallback=always(int))
    def hset(
        self,
        key: Any,
        field: Any = None,
        value: Any = MISSING,
        mapping: Mapping[Any, Any] | None = None,
        version: Any = None,
    ) -> Operation[int]:
        """Sets ``field`` to ``value``, all of ``mapping``, or both; returns how many fields are
        new. An empty mapping changes nothing and sends nothing."""
        full = self.naming.make(key, version)
        pairs: list[Argument] = []
        if field is not None:
            if value is MISSING:
                raise TypeError("hset of a field needs a value: hset(key, field, value).")
            pairs += (field_name(field), self.encode(full, value))
        elif mapping is None or value is not MISSING:
            raise TypeError("hset needs a field and a value, or a mapping of fields to values.")
        if mapping is not None:
            is_mapping(mapping)
            for name, item in mapping.items():
                pairs += (field_name(name), self.encode(full, item))
        return int((yield HSET(full, *pairs))) if pairs else 0

    @operation(fallback=argument("default"), lookup=by_default())
    def hget(
        self, key: Any, field: Any, version: Any = None, *, default: Any = None
    ) -> Operation[Any]:
        """The value of a field, or ``default``."""
        full = self.naming.make(key, version)
        return self.one(full, (yield HGET(full, field_name(field))), default)

    @operation(fallback=always(dict))
    def hgetall(self, key: Any, version: Any = None) -> Operation[dict[str, Any]]:
        """All fields and their values; a value that cannot be read is left out."""
        full = self.naming.make(key, version)
        found = {}
        for field, data in self.codec.counted((yield HGETALL(full)).items()):
            value = self.decode(full, data)
            if value is not MISSING:
                found[field_text(field)] = value
        return found

    @operation(fallback=one_each("fields", None))
    def hmget(self, key: Any, fields: Iterable[Any], version: Any = None) -> Operation[list[Any]]:
        """The values of ``fields`` in their order, None for what is not there. No fields: []."""
        if isinstance(fields, str | bytes):
            raise TypeError("hmget takes a list of fields; hget takes one field.")
        full = self.naming.make(key, version)
        names = [field_name(field) for field in fields]
        if not names:
            return []
        found = each(names, (yield HMGET(full, *names)))
        return [self.one(full, data) for data in self.codec.counted(found)]

    @operation(fallback=always(list))
    def hvals(self, key: Any, version: Any = None) -> Operation[list[Any]]:
        """The values of all fields; one that cannot be read is left out."""
        full = self.naming.make(key, version)
        return self.several(full, (yield HVALS(full)))

    @operation(fallback=always(list))
    def hkeys(self, key: Any, version: Any = None) -> Operation[list[str]]:
        """The names of all fields."""
        return [field_text(field) for field in (yield HKEYS(self.naming.make(key, version)))]

    @operation(fallback=always(int))
    def hlen(self, key: Any, version: Any = None) -> Operation[int]:
        """How many fields there are."""
        return int((yield HLEN(self.naming.make(key, version))))

    @operation(fallback=always(bool))
    def hexists(self, key: Any, field: Any, version: Any = None) -> Operation[bool]:
        """Whether the field is there."""
        return bool((yield HEXISTS(self.naming.make(key, version), field_name(field))))

    @operation(fallback=always(int))
    def hdel(self, key: Any, field: Any, version: Any = None) -> Operation[int]:
        """Removes a field; returns how many were there, 1 or 0."""
        return int((yield HDEL(self.naming.make(key, version), field_name(field))))

    @operation(fallback=None)
    def hincrby(self, key: Any, field: Any, amount: int = 1, version: Any = None) -> Operation[int]:
        """Adds ``amount`` to the int in a field, which starts at 0, and returns the sum.

        Raises ``NotANumberError`` when the field holds something else, ``ReplyError`` when the
        sum leaves 64 bits. Like ``incr`` it is raised, not ignored, when the server is in trouble.
        """
        amount = whole("hincrby", "amount", amount)
        try:
            return int((yield HINCRBY(self.naming.make(key, version), field_name(field), amount)))
        except ReplyError as error:
            if "hash value is not an integer" in str(error):
                raise NotANumberError(
                    f"The field {field!r} of {key!r} does not hold an int of 64 bits."
                ) from None
            raise
