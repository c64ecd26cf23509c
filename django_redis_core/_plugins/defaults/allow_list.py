"""Unpickling with a list of the only classes and functions that a pickle may name.

It knows nothing of caches; ``pickle.py`` offers it as an option.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Collection
from importlib import import_module
from typing import Any

from ...interfaces.serializer import NotHarmless

#: How protocols 0 to 2 spell modules that Python 3 renamed.
_RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg"}


class AllowList:
    """Names such as ``"decimal.Decimal"``, each of which a pickle may look up, and no others."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = frozenset(names)

    def find_class(self, module: str, name: str) -> Any:
        """The object of that name; UnpicklingError, before anything is imported, if it is not in
        the list."""
        module = _RENAMED.get(module, module)
        if f"{module}.{name}" not in self.names:
            raise pickle.UnpicklingError(
                f"The pickle needs {module}.{name}, which PICKLE_ALLOW does not name"
            )
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        return found

    def loads(self, data: bytes) -> Any:
        self.examine(data)
        return _Unpickler(data, self).load()

    def examine(self, data: bytes) -> None:
        """UnpicklingError for a pickle that could do harm without the name of another class."""
        from .pickle_scan import scan  # which only those import who have a list

        scan(data)


class NoNames(AllowList):
    """Reads what needs no class, for who wants to see what others may have written."""

    def __init__(self) -> None:
        super().__init__(())

    def find_class(self, module: str, name: str) -> Any:
        raise NotHarmless(f"the pickle needs {module}.{name}, which to look up may run code")


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, allow: AllowList) -> None:
        super().__init__(io.BytesIO(data))
        self._allow = allow

    def find_class(self, module: str, name: str) -> Any:
        return self._allow.find_class(module, name)


def names(value: Any) -> tuple[str, ...]:
    """The check of the option: exact names, because a pattern lets through what nobody thought
    of."""
    if not isinstance(value, list | tuple | set | frozenset) or not all(map(_is_path, value)):
        raise ValueError('a list of exact names, such as ["decimal.Decimal", "shop.models.Book"]')
    return tuple(sorted(value))


def _is_path(name: Any) -> bool:
    return isinstance(name, str) and "." in name and all(map(str.isidentifier, name.split(".")))
