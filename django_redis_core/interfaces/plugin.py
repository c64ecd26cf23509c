"""What plugins of every kind have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .._options.deprecation import Deprecation
from .._options.option import Option

#: The version of the plugin interface that this core speaks. It changes only when a plugin that
#: was right would no longer be.
API_VERSION = 1
#: Older versions that it still speaks, each with the end of that.
OLDER_API_VERSIONS: Mapping[int, Deprecation] = {}


class Plugin:
    """The root of the base classes of all kinds.

    ``name`` is what sites write in ``CACHES`` and equals the name of the entry point.

    ``api_version`` is the plugin interface that the class was written for; a class that does not
    say is taken to be written for version 1.

    ``options`` are names that the plugin adds to ``OPTIONS`` of a cache. Each becomes a keyword
    argument of the constructor, like the keys of ``{"NAME": ..., "OPTIONS": {...}}``.

    A plugin that is ``deprecated`` works and warns.

    A constructor of a plugin's own calls ``super().__init__``.
    """

    name: ClassVar[str]
    api_version: ClassVar[int] = 1
    options: ClassVar[tuple[Option, ...]] = ()
    deprecated: ClassVar[Deprecation | None] = None

    #: What the constructor of the kind's base class sets, and nothing works without.
    set_by_base: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def defect(cls) -> str:
        """What is wrong with the class that Python does not notice, as the end of a sentence."""
        if not all(isinstance(option, Option) for option in cls.options):
            return (
                "has `options` that are not each an Option of django_redis_core.interfaces, such "
                'as Option("NAME_WAIT", "wait", seconds, 0.5, doc="…")'
            )
        errors: Any = getattr(cls, "errors", ())  # of the stages that a value passes
        if not isinstance(errors, tuple) or not all(map(_is_an_error, errors)):
            return (
                "has `errors` that are not a tuple of classes of exceptions such as "
                "(cbor2.CBORDecodeError,); Exception itself is none, for a task's time limit is one"
            )
        return ""

    def unfinished(self) -> str:
        """Words on a constructor that has left out that of its base class."""
        for name in self.set_by_base:
            if not hasattr(self, name):
                return (
                    f"the constructor of {type(self).__module__}.{type(self).__qualname__} must "
                    f"call super().__init__, which sets `{name}`"
                )
        return ""


def _is_an_error(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Exception) and kind is not Exception
