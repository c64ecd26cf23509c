"""What an operation of a pipeline will return."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Result(Generic[T]):
    """What one operation of a pipeline will return, or raised."""

    __slots__ = ("_error", "_value", "done")

    def __init__(self) -> None:
        self.done = False
        self._value: Any = None
        self._error: Exception | None = None

    @property
    def value(self) -> T:
        """The operation's return value; raises what the operation raised."""
        if not self.done:
            raise RuntimeError("The pipeline has not been executed yet.")
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[no-any-return]

    def settle(self, value: Any, error: Exception | None = None) -> None:
        self._value, self._error, self.done = value, error, True
