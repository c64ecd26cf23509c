"""The operations on sorted sets, as blocking methods."""

from __future__ import annotations

from django_redis_core.interfaces import OPERATIONS

from .._methods import blocking
from .protocols import ClientProtocol

__all__ = ["ClientProtocol", "SortedSetMixin"]


class SortedSetMixin:
    """``zadd`` and its like, of a client of this package."""


for _name in OPERATIONS:
    if _name.startswith("z"):
        setattr(SortedSetMixin, _name, blocking(_name))
