"""The interface of django-redis' compressors, and those of them that plugins serve."""

from __future__ import annotations

from typing import Any, ClassVar

from django_redis_core._plugins.registry import registry

from .._options import path_of

__all__ = ["BaseCompressor"]


class BaseCompressor:
    """bytes ↔ fewer bytes. A subclass is named by its dotted path in ``COMPRESSOR``.

    ``options`` are the OPTIONS of the cache, as written; ``option_names`` are keys of them that
    the subclass reads itself, because unknown ones are refused. ``decompress`` raises
    ``CompressorError`` for what is no frame of this compressor, which then counts as stored plain.
    A subclass that has ``recognises(value)`` too can stand before others in a list of
    compressors. One object serves all threads.
    """

    option_names: ClassVar[tuple[str, ...]] = ()

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options

    @classmethod
    def as_plugin(cls, kind: str) -> type[Any]:
        """The compressor plugin that this class is for django-redis-core."""
        from .._codec_plugins import compressor_plugin

        own: Any = cls  # mypy finds no class hashable
        return compressor_plugin(own) if kind == "compressor" else cls

    def compress(self, value: bytes) -> bytes:
        """``value`` as a frame, or as it is where that is not worth it."""
        raise NotImplementedError

    def decompress(self, value: bytes) -> bytes:
        """The bytes that ``compress`` was given."""
        raise NotImplementedError


class PluginCompressor(BaseCompressor):
    """A compressor whose work a plugin does. ``min_length`` (bytes): up to this length a value
    stays as it is; ``preset`` is how hard the plugin tries, by its option ``preset_option``."""

    plugin: ClassVar[str]
    preset_option: ClassVar[str] = "level"
    min_length: int = 15
    preset: int | None = None

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        given = {} if self.preset is None else {self.preset_option: self.preset}
        limit = options.get("MAX_DECOMPRESSED_SIZE")
        if limit is not None:
            given["max_length"] = limit
        self._plugin = registry.plugin("compressor", self.plugin, path_of(type(self)))(**given)

    def recognises(self, value: bytes) -> bool:
        """Whether ``value`` begins like a frame of this compressor."""
        return bool(self._plugin.recognises(value))

    def compress(self, value: bytes) -> bytes:
        if len(value) <= self.min_length and not self.recognises(value):
            return value
        frame: bytes = self._plugin.compress(value)
        return frame

    def decompress(self, value: bytes) -> bytes:
        plain: bytes = self._plugin.decompress(value)
        return plain
