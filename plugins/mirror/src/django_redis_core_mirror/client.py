"""A cache that is moved to from another one while the site runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

from django.core.exceptions import ImproperlyConfigured

from django_redis_core.interfaces import ALL_OTHERS, OPERATIONS

from .moving import Moving
from .options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_redis_core.commands import Operation

T = TypeVar("T")


class MirrorClient(Moving):
    """What is asked goes to the new cache, the old one, or both, by a phase that all processes
    read. See ``Phase`` and the page "Moving a live site"."""

    name = "mirror"
    options = OPTIONS
    outside_of: ClassVar = {
        ALL_OTHERS: "it decides which cache is asked, and what they add is asked of both"
    }
    conflicts: ClassVar = {
        "near": "a copy in memory would outlive the moment when a key changes its server",
        "tags": "an invalidation is one server's, and half of the entries would not hear of it",
    }

    def around(self, name: str, operation: Operation[T]) -> Operation[T]:
        if name not in OPERATIONS:
            operation.close()
            raise ImproperlyConfigured(
                f"CACHES[{self.alias!r}]: the client 'mirror' does not know {name}(), which "
                "another client adds, and so not which of the two caches is to be asked: leave "
                "that client out while the site moves."
            )
        return super().around(name, operation)

    def numbers(self) -> Mapping[str, float]:
        counts = {f"mirror_{name}": float(count) for name, count in self.mirror_counts.items()}
        phase = {} if self._known is None else {"mirror_phase": float(self._known.phase)}
        return {**super().numbers(), **phase, **counts}
