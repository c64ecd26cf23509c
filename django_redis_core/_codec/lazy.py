"""Django's lazy objects, which say that they are of another class than they are."""

from __future__ import annotations

from typing import Any

from django.utils.functional import LazyObject, empty


def unwrapped(value: Any) -> Any:
    """What a lazy object of Django's (``SimpleLazyObject``) stands for; any other value as it is.

    ``isinstance`` and ``__class__`` of such an object are those of what it stands for, which C code
    finds out to be wrong: it can neither be formatted as a number nor written as JSON.
    """
    if not isinstance(value, LazyObject):
        return value
    if value._wrapped is empty:
        value._setup()
    return value._wrapped
