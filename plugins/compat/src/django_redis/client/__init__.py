"""django-redis' clients, for code that imports or subclasses them."""

from __future__ import annotations

from .default import DefaultClient
from .herd import HerdClient
from .sentinel import SentinelClient
from .sharded import ShardClient

__all__ = ["DefaultClient", "HerdClient", "SentinelClient", "ShardClient"]
