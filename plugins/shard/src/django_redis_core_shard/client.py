"""The shard client: LOCATION names shards, and each key lives on one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ImproperlyConfigured

from django_redis_core.interfaces import Client, Option

from .topology import RingTopology

if TYPE_CHECKING:
    from django_redis_core.connections import Topology
    from django_redis_core.interfaces import ClientContext


def names(value: Any) -> tuple[str, ...] | None:
    """The check of ``SHARD_NAMES``."""
    if value is None:
        return None
    if (
        not isinstance(value, list | tuple)
        or not value
        or not all(isinstance(name, str) and name for name in value)
        or len(set(value)) < len(value)
    ):
        raise ValueError('a list of different names, one for each LOCATION, such as ["a", "b"]')
    return tuple(value)


class ShardClient(Client):
    """Spreads keys over servers that know nothing of each other.

    What an operation means stays as it is: only where its commands go is decided here.
    """

    name = "shard"
    options: ClassVar[tuple[Option, ...]] = (
        Option(
            "SHARD_NAMES",
            "shard_names",
            names,
            doc="A name for each LOCATION, in the same order: the shard's place on the ring, which "
            "then stays when its address or password changes. Default: the LOCATIONs as written, "
            "as in django-redis.",
        ),
    )

    def __init__(
        self, context: ClientContext, *, shard_names: Sequence[str] | None = None, **options: Any
    ) -> None:
        super().__init__(context, **options)
        self.shard_names = shard_names

    def build_topology(
        self, locations: Sequence[str], factory: Callable[[Sequence[str]], Topology]
    ) -> Topology:
        where = f"CACHES[{self.alias!r}]"
        if self.shard_names is None:
            url, count = Counter(locations).most_common(1)[0]
            if count > 1:
                raise ImproperlyConfigured(
                    f"{where}: LOCATION names {url.rpartition('@')[2]!r} {count} times, and a "
                    "shard has one place on the ring: write each once, or give SHARD_NAMES."
                )
        elif len(self.shard_names) != len(locations):
            raise ImproperlyConfigured(
                f"{where}: SHARD_NAMES has {len(self.shard_names)} names, and LOCATION "
                f"{len(locations)} servers: give each a name, in the same order."
            )
        build = super().build_topology
        shards = [build([location], factory) for location in locations]
        if len(shards) == 1:
            return shards[0]  # every key is there, and no hash need be made
        return RingTopology(self.shard_names or locations, shards)
