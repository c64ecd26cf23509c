"""value ↔ bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from .plugin import Plugin


class NotHarmless(ValueError):
    """What ``Serializer.harmless`` gave raises by ``loads`` for an entry that it does not read, and
    that ``loads`` of the serializer itself may read: it would take more."""


class Serializer(Plugin, ABC):
    """Turns values into bytes and back.

    A complete plugin, in the module that the entry point ``plain = "django_redis_core_plain"``
    names::

        from django_redis_core import hookimpl

        @hookimpl
        def register_serializer():
            from .serializer import PlainSerializer     # what it imports is not, until named
            return PlainSerializer

    and in ``serializer.py``::

        import json
        from django_redis_core.interfaces import Serializer

        MARK = b"plain:1:"              # no ASCII integer begins so, and no other format

        class PlainSerializer(Serializer):
            name = "plain"

            def recognises(self, data):
                return data.startswith(MARK)

            def dumps(self, value):
                if isinstance(value, int) and type(value) not in (int, bool):
                    raise TypeError("it would come back as a plain int")
                return MARK + json.dumps(value).encode()

            def loads(self, data):
                if not self.recognises(data):
                    raise ValueError("not an entry of this format")
                return json.loads(data[len(MARK):])

    One instance serves all threads of a process. Ints (``type(value) is int``) get here only as
    members of sorted sets: else the codec stores them as decimal digits, so that INCR works on
    them. An int of a class of its own comes back as one, or is refused.

    The bytes must never read as an ASCII integer, and ``loads`` must raise on bytes that another
    format wrote: that is how ``SERIALIZER`` as a list finds out which format an entry has.
    """

    #: The classes of exceptions by which the library says that bytes or a value are not of the
    #: format, where they derive from none of these: ValueError, TypeError, LookupError,
    #: AttributeError, ImportError, EOFError, ArithmeticError, struct.error. Whatever else ``dumps``
    #: or ``loads`` raises comes out of the cache as itself: a time limit may strike there too.
    errors: ClassVar[tuple[type[Exception], ...]] = ()

    def recognises(self, data: bytes) -> bool:
        """Whether ``data`` may be of this format; False spares ``loads`` from failing.

        Asked only where ``SERIALIZER`` is a list.
        """
        return True

    @abstractmethod
    def dumps(self, value: Any) -> bytes:
        """The bytes of ``value``. Raises one of ``errors`` when the format cannot give it back;
        the caller sees ``SerializationError`` with key and type, and nothing is written."""

    @abstractmethod
    def loads(self, data: bytes) -> Any:
        """The value that ``dumps`` was given. Raises one of ``errors`` for bytes that it did not
        write; the entry then counts as a miss."""

    def harmless(self) -> Serializer | None:
        """What reads the same format, and for forged bytes can do no more than give a wrong value:
        this object itself where ``loads`` is so. Its ``loads`` raises ``NotHarmless`` where only
        that of the serializer would do. None: nothing does, for what ``loads`` reads may run code.
        It is asked where somebody looks at what others may have written, as with
        ``manage.py redis_cache get``."""
        return None
