"""What django-redis' clients are put together from."""

from __future__ import annotations

from .protocols import ClientProtocol
from .sorted_sets import SortedSetMixin

__all__ = ["ClientProtocol", "SortedSetMixin"]
