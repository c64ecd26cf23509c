"""JSON."""

from __future__ import annotations

import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from .base import BaseSerializer

__all__ = ["JSONSerializer"]


class JSONSerializer(BaseSerializer):
    """JSON by ``encoder_class``, which a subclass may set to an encoder of its own."""

    encoder_class: type[json.JSONEncoder] = DjangoJSONEncoder

    def dumps(self, value: Any) -> bytes:
        return json.dumps(value, cls=self.encoder_class).encode()

    def loads(self, value: bytes) -> Any:
        return json.loads(value.decode())
