"""From a site's serializer or compressor class to a plugin of django-redis-core."""

from __future__ import annotations

import pickle
import sys
from functools import cache
from typing import Any

from django_redis_core.exceptions import CompressorError
from django_redis_core.interfaces import Compressor, Serializer

from ._options import given, options_for, path_of


@cache
def serializer_plugin(cls: Any) -> type[Serializer]:
    """The plugin for a class, the same one each time."""

    class Adapted(Serializer):
        name = path_of(cls)
        errors = (pickle.PickleError, *getattr(cls, "errors", ()))
        options = options_for(cls.option_names)

        def __init__(self, **options: Any) -> None:
            self._own = cls(given(options)[0])

        def dumps(self, value: Any) -> bytes:
            data: bytes = self._own.dumps(value)
            return data

        def loads(self, data: bytes) -> Any:
            return self._own.loads(data)

    return Adapted


@cache
def compressor_plugin(cls: Any) -> type[Compressor]:
    """The plugin for a class, the same one each time.

    Such a class decides by itself what is worth compressing, and whether data are a frame of its
    own: what its ``decompress`` refuses with ``CompressorError`` was stored plain. So it says that
    it recognises everything, unless it has a ``recognises`` of its own.
    """

    class Adapted(Compressor):
        name = path_of(cls)
        errors = tuple(getattr(cls, "errors", ()))
        options = options_for(cls.option_names)

        def __init__(self, *, max_length: int, **options: Any) -> None:
            own = cls(given(options)[0])
            # The codec asks a compressor for what is longer than min_length, and for what would
            # read as a frame. Where everything would, the first would only ask twice.
            always = hasattr(own, "recognises")
            super().__init__(min_length=0 if always else sys.maxsize - 1, max_length=max_length)
            self._own = own
            self._knows = getattr(own, "recognises", None)

        def recognises(self, data: bytes) -> bool:
            return self._knows is None or bool(self._knows(data))

        def compress(self, data: bytes) -> bytes:
            frame: bytes = self._own.compress(data)
            return frame

        def decompress(self, data: bytes) -> bytes:
            try:
                plain: bytes = self._own.decompress(data)
            except CompressorError:
                if self._knows is not None:
                    raise
                return data
            if len(plain) > self.max_length:
                raise CompressorError(f"A value unpacks to more than {self.max_length} bytes")
            return plain

    return Adapted
