"""JSON, as django-redis writes it."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder

from django_redis_core.interfaces import Option, Serializer, boolean, unwrapped


class _Encoder(DjangoJSONEncoder):
    """Django's, which knows lazy text and no other lazy object."""

    def default(self, o: Any) -> Any:
        meant = unwrapped(o)
        return super().default(o) if meant is o else meant


# `json.dumps(value, cls=DjangoJSONEncoder)` and `json.loads`, without making an encoder and
# guessing the encoding each time.
_encode: Final = _Encoder().encode
_decode: Final = json.JSONDecoder().decode

#: What JSON text can begin with: an object, an array, a string, true, false, null, NaN,
#: Infinity, a number.
_FIRST: Final = tuple(bytes([byte]) for byte in b'{["tfnNI-0123456789')


class JSONSerializer(Serializer):
    """JSON with the additions of Django's ``DjangoJSONEncoder``.

    As with django-redis, a tuple comes back as a list, a key of a dict as a str, and a Decimal,
    date, time, timedelta, UUID or lazy text as a str, and a member of an ``IntEnum`` or ``StrEnum``
    (Django's ``IntegerChoices`` and ``TextChoices`` too) as its value. What the encoder does not
    know (bytes, sets, models and so on) is refused, and so is an object of another int subclass,
    where it is the value itself: it would come back as a plain int. ``json_strict`` refuses members
    of enumerations there too.
    """

    name = "json"
    options = (
        Option(
            "JSON_STRICT",
            "json_strict",
            boolean,
            False,
            doc="Refuse a member of an enumeration as the value itself, which would come back as "
            "a plain int or str.",
        ),
    )

    def __init__(self, *, json_strict: bool = False) -> None:
        self.strict = json_strict

    def recognises(self, data: bytes) -> bool:
        return data.startswith(_FIRST)

    def harmless(self) -> Serializer:
        return self

    def dumps(self, value: Any) -> bytes:
        if isinstance(value, int) and value.__class__ not in (int, bool):
            if self.strict or not isinstance(value, Enum):
                raise TypeError("JSON would give it back as a plain int")
        elif self.strict and isinstance(value, Enum):
            raise TypeError("JSON would give it back as a plain str")
        text: str = _encode(value)
        return text.encode()

    def loads(self, data: bytes) -> Any:
        return _decode(data.decode())
