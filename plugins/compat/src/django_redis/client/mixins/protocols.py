"""What a mixin may ask of a client, for type checkers."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["ClientProtocol"]


class ClientProtocol(Protocol):
    """A client, as far as mixins know it."""

    def get_client(self, write: bool = True, tried: Any = None) -> Any:
        """A redis-py client."""
        ...

    def make_key(self, key: Any, version: Any = None, prefix: str | None = None) -> Any:
        """The key as stored."""
        ...

    def encode(self, value: Any) -> Any:
        """What is stored for ``value``."""
        ...

    def decode(self, value: Any) -> Any:
        """The value that is stored as ``value``."""
        ...
