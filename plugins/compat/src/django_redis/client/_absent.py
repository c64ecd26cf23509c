"""Attributes that django-redis' clients have for themselves and these have not."""

from __future__ import annotations

from typing import Any, NoReturn


class Absent:
    """Raises an AttributeError that says what to write, on the class too and by ``super()``."""

    def __init__(self, instead: str) -> None:
        self._instead = instead
        self._name = ""

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    def __get__(self, client: Any, owner: type[Any]) -> NoReturn:
        raise AttributeError(
            f"{owner.__name__!r} of django-redis-core-compat has no attribute {self._name!r}. "
            f"Write {self._instead}.",
            name=self._name,
            obj=client,
        )
