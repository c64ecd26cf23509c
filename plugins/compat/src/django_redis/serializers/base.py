"""The interface of django-redis' serializers."""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = ["BaseSerializer"]


class BaseSerializer:
    """value ↔ bytes. A subclass is named by its dotted path in ``SERIALIZER``.

    ``options`` are the OPTIONS of the cache, as written; ``option_names`` are keys of them that
    the subclass reads itself, because unknown ones are refused. ``errors`` are classes of
    exceptions by which it says that bytes or a value are not of the format, beside ValueError,
    TypeError and their like. One object serves all threads.
    """

    option_names: ClassVar[tuple[str, ...]] = ()
    errors: ClassVar[tuple[type[Exception], ...]] = ()

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options

    @classmethod
    def as_plugin(cls, kind: str) -> type[Any]:
        """The serializer plugin that this class is for django-redis-core."""
        from .._codec_plugins import serializer_plugin

        own: Any = cls  # mypy finds no class hashable
        return serializer_plugin(own) if kind == "serializer" else cls

    def dumps(self, value: Any) -> bytes:
        """The bytes of ``value``."""
        raise NotImplementedError

    def loads(self, value: bytes) -> Any:
        """The value that ``dumps`` was given."""
        raise NotImplementedError
