"""The key of a call: the function and its arguments, the same in every process and release.

``cached:shop.views.front_page:`` and the first 32 hexadecimal digits of the SHA-256 of the
arguments, which are bound to the function's parameters first, with what was left out by default.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from django_redis_core.interfaces import unwrapped

#: What has the same text wherever it is equal, and another one where it is not.
_TEXTUAL = (Decimal, UUID, datetime, date, time, timedelta)


class CallKeys:
    """The keys of a function's calls. ``key`` is a function of the same arguments that returns one,
    a str for a function without parameters, or None for the rule above."""

    def __init__(self, function: Callable[..., Any], key: Any = None) -> None:
        self.name = f"{function.__module__}.{function.__qualname__}"
        self._signature = inspect.signature(function)
        if isinstance(key, str) and self._signature.parameters:
            raise TypeError(
                f"key= of @cached on {self.name} is {key!r}, which would be the same for all "
                "arguments: write a function of them, such as key=lambda pk: f'book:{pk}'."
            )
        if key is not None and not isinstance(key, str) and not callable(key):
            raise TypeError(
                f"key= of @cached on {self.name} must be a function of its arguments, or a str "
                f"where it has none, not {key!r}."
            )
        self._key = key

    def of(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """The key of a call. TypeError for arguments that the function does not take, or that have
        no text which is the same everywhere."""
        if isinstance(self._key, str):
            return self._key
        if self._key is not None:
            return self._key(*args, **kwargs)
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        digest = hashlib.sha256()
        for name, value in bound.arguments.items():
            for part in self._parts(name, value):
                encoded = part.encode("utf-8", "surrogatepass")
                digest.update(b"%d:" % len(encoded))  # so that no two lists of parts look alike
                digest.update(encoded)
        return f"cached:{self.name}:{digest.hexdigest()[:32]}"

    def _parts(self, name: str, value: Any) -> Iterator[str]:
        value = unwrapped(value)  # such as request.user
        kind = type(value)
        yield kind.__name__
        if value is None or kind in (bool, int, float):
            yield repr(value)
        elif kind is str:
            yield value
        elif kind is bytes:
            yield value.hex()
        elif kind in _TEXTUAL:
            yield str(value)
        elif kind in (tuple, list):
            yield str(len(value))
            for one in value:
                yield from self._parts(name, one)
        elif kind in (set, frozenset):
            yield str(len(value))
            for parts in sorted(list(self._parts(name, one)) for one in value):
                yield from parts
        elif kind is dict:
            yield str(len(value))
            items = [[*self._parts(name, one), *self._parts(name, value[one])] for one in value]
            for parts in sorted(items):
                yield from parts
        elif isinstance(value, Enum):
            yield f"{kind.__module__}.{kind.__qualname__}.{value.name}"
        else:
            yield from self._of_model(name, value)

    def _of_model(self, name: str, value: Any) -> Iterator[str]:
        """A row of the database: its model and primary key, by which Django has rows be equal."""
        meta = getattr(type(value), "_meta", None)
        if meta is None or not hasattr(value, "pk"):
            raise TypeError(
                f"{self.name}() is cached by its arguments, and {name} is of type "
                f"{type(value).__qualname__}, which has no text that is the same in all processes: "
                "say by key= of @cached what the key is."
            )
        if value.pk is None:
            raise TypeError(
                f"{self.name}() is cached by its arguments, and {name} is an object of "
                f"{meta.label} that is not saved, so it has no primary key: save it first, or say "
                "by key= of @cached what the key is."
            )
        yield meta.concrete_model._meta.label
        yield from self._parts(name, value.pk)
