"""Python's pickle."""

from __future__ import annotations

import pickle
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from .base import BaseSerializer

__all__ = ["PickleSerializer"]


class PickleSerializer(BaseSerializer):
    """Any Python object. ``PICKLE_VERSION`` in OPTIONS is the protocol, -1 the highest."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.setup_pickle_version(options)

    def setup_pickle_version(self, options: dict[str, Any]) -> None:
        """Reads ``PICKLE_VERSION``. Raises ImproperlyConfigured."""
        version = options.get("PICKLE_VERSION", pickle.DEFAULT_PROTOCOL)
        try:
            self._pickle_version = int(version)
        except (TypeError, ValueError):
            raise ImproperlyConfigured(f"PICKLE_VERSION must be an int, not {version!r}") from None
        if self._pickle_version > pickle.HIGHEST_PROTOCOL:
            raise ImproperlyConfigured(
                f"PICKLE_VERSION must be at most {pickle.HIGHEST_PROTOCOL}, the highest protocol "
                f"of this Python, not {version!r}"
            )

    def dumps(self, value: Any) -> bytes:
        return pickle.dumps(value, self._pickle_version)

    def loads(self, value: bytes) -> Any:
        return pickle.loads(value)
