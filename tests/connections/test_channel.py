"""When what tasks ask for leaves: one task does not wait, and many do not send one by one."""

from __future__ import annotations

import asyncio
from typing import Any

from django_redis_core.cache import RedisCache
from django_redis_core.connections.channel import Channel
from django_redis_core.testing.fixtures import MakeCache


class Noting:
    """A transport, and how often something was written to it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.writes = 0

    def write(self, data: bytes) -> None:
        self.writes += 1
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


async def noting(cache: RedisCache) -> tuple[Channel, Noting]:
    """The cache's channel, which has been used by one task so far."""
    await cache.aset("key", "value")
    single = cache._engine.topology.single
    assert single is not None
    channel = single.channels.get()
    assert isinstance(channel, Channel)
    noted = Noting(channel._transport)
    channel._transport = noted  # type: ignore[assignment]
    return channel, noted


async def test_where_one_task_asks_it_does_not_wait_for_others(make_cache: MakeCache) -> None:
    channel, noted = await noting(make_cache())
    for count in (1, 2, 3):
        reply = channel.call((b"PING",))
        assert noted.writes == count, "the loop has not turned yet"
        assert await reply == b"PONG"


async def test_what_many_tasks_ask_for_leaves_together(make_cache: MakeCache) -> None:
    cache = make_cache()
    _, noted = await noting(cache)
    # Of the first ones nobody knows yet that there are more.
    await asyncio.gather(*[cache.aget("key") for _ in range(50)])
    assert noted.writes == 2
    for _ in range(3):
        noted.writes = 0
        assert set(await asyncio.gather(*[cache.aget("key") for _ in range(50)])) == {"value"}
        assert noted.writes == 1
