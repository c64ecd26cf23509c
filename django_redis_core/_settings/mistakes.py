"""Several mistakes of one entry, told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import ImproperlyConfigured


class Mistakes(ImproperlyConfigured):
    """What is wrong with an entry, where that is more than one thing; ``each`` is an error for
    every one of them."""

    def __init__(self, each: Iterable[ImproperlyConfigured]) -> None:
        self.each = tuple(each)
        super().__init__("\n".join(map(str, self.each)))


def each_of(error: ImproperlyConfigured) -> tuple[ImproperlyConfigured, ...]:
    """The mistakes that an error tells of."""
    return error.each if isinstance(error, Mistakes) else (error,)


class Collected:
    """The mistakes that were found while an entry is read to its end."""

    def __init__(self) -> None:
        self.found: list[ImproperlyConfigured] = []

    def tried(self, read: Callable[..., Any], *args: Any, default: Any = None) -> Any:
        """What ``read`` returns; ``default`` where it raises, which is told at the end."""
        try:
            return read(*args)
        except ImproperlyConfigured as error:
            self.found += each_of(error)
            return default

    def tell(self) -> None:
        """Raises what was found: an error as it was, if it is the only one."""
        if len(self.found) == 1:
            raise self.found[0]
        if self.found:
            raise Mistakes(self.found)
