"""What a blocking client of django-redis' interface stands on: a cache of django-redis-core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

from django_redis_core._codec.codec import Codec
from django_redis_core._codec.keys import Keys
from django_redis_core.cache import RedisCache
from django_redis_core.cache.asked import asked, beginning
from django_redis_core.connections import Topology

if TYPE_CHECKING:
    from .client.default import DefaultClient


@dataclass(frozen=True, slots=True)
class Link:
    """``operation(name)`` is the generator function of an operation, ``execute`` answers what it
    asks for."""

    operation: Callable[[str], Callable[..., Any]]
    execute: Callable[[Any], Any]
    topology: Topology
    naming: Keys
    codec: Codec
    default_timeout: float | None

    def backend(self) -> SimpleNamespace:
        """What django-redis' clients read of their backend."""
        return SimpleNamespace(
            default_timeout=self.default_timeout,
            key_prefix=self.naming.prefix,
            version=self.naming.version,
            key_func=self.naming.function,
        )

    def params(self, options: dict[str, Any]) -> dict[str, Any]:
        """An entry of CACHES, as django-redis hands it to a client."""
        return {
            "KEY_PREFIX": self.naming.prefix,
            "VERSION": self.naming.version,
            "TIMEOUT": self.default_timeout,
            "KEY_FUNCTION": self.naming.function,
            "REVERSE_KEY_FUNCTION": self.naming.reverse,
            "KEY_PATTERN_FUNCTION": self.naming.patterns,
            "OPTIONS": options,
        }


def link_of(cache: RedisCache, link: Link) -> Link:
    """``link`` for a backend object whose class makes keys and times itself."""
    return replace(
        link,
        operation=lambda name: beginning(cache, link.operation(name)),
        execute=lambda request: asked(cache, link.execute, request),
        naming=cache._keys,
    )


def plain_codec(codec: Codec) -> Codec:
    """``codec`` for values without their keys, which raises for bytes that it cannot read."""
    if codec.sealer is not None:
        # A sealer binds a value to its key: without the key it can neither write nor read.
        return Codec(codec.serializers, codec.compressors, compress=codec.compress, report=_raise)
    return codec.with_serializers(codec.serializers, _raise)


def _raise(key: str, data: bytes, error: Exception) -> NoReturn:
    raise error


def blocking_client(cache: RedisCache) -> DefaultClient:
    """The client of django-redis' interface for a cache: the site's own, where it has one."""
    engine = cache._engine
    own: DefaultClient | None = getattr(engine.client, "blocking", None)
    if own is not None:
        return own.of(cache) if cache._asks else own
    from .client import DefaultClient, HerdClient, ShardClient

    names = engine.client.name.split("+")
    kind: type[DefaultClient] = DefaultClient
    if "shard" in names:
        kind = ShardClient
    elif "herd" in names:
        kind = HerdClient
    driver = cache._native
    link = Link(
        operation=lambda name: getattr(driver.begin, name),
        execute=driver.execute,
        topology=engine.topology,
        naming=cache._keys,
        codec=engine.codec,
        default_timeout=engine.options.timeout,
    )
    return kind.on(link, list(engine.options.locations), {})
