"""JSON, as django-redis writes it."""

from __future__ import annotations

import json
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder

from django_redis_core.interfaces import Serializer

# `json.dumps(value, cls=DjangoJSONEncoder)` and `json.loads`, without making an encoder and
# guessing the encoding each time.
_encode: Final = DjangoJSONEncoder().encode
_decode: Final = json.JSONDecoder().decode

#: What JSON text can begin with: an object, an array, a string, true, false, null, NaN,
#: Infinity, a number.
_FIRST: Final = tuple(bytes([byte]) for byte in b'{["tfnNI-0123456789')


class JSONSerializer(Serializer):
    """JSON with the additions of Django's ``DjangoJSONEncoder``.

    As with django-redis, a tuple comes back as a list, a key of a dict as a str, and a Decimal,
    date, time, timedelta, UUID or lazy text as a str. What the encoder does not know (bytes, sets,
    models and so on) is refused, and so is an int subclass, such as a member of an ``IntEnum``,
    where it is the value itself: it would come back as a plain int.
    """

    name = "json"

    def recognises(self, data: bytes) -> bool:
        return data.startswith(_FIRST)

    def harmless(self) -> Serializer:
        return self

    def dumps(self, value: Any) -> bytes:
        if isinstance(value, int) and value.__class__ not in (int, bool):
            raise TypeError("JSON would give it back as a plain int")
        text: str = _encode(value)
        return text.encode()

    def loads(self, data: bytes) -> Any:
        return _decode(data.decode())
