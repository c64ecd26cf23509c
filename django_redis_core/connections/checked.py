"""``health_check_interval``: a connection that was idle for longer is asked whether it is alive.

Without it, one that a firewall has forgotten costs a caller the whole of its time. With it every
request has to look at the clock, so the classes here serve only those who ask for it.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Callable
from typing import Any

from ..exceptions import ConnectionInterrupted
from .channel import Channel
from .channels import Channels
from .config import ServerConfig
from .foreign_channel import ForeignChannel
from .lateness import in_its_own_time
from .link import LOST, Link
from .pool import LinkPool
from .trial import Trial, part_of
from .troubles import translate

_PING = (b"PING",)


class CheckedPool(LinkPool):
    """A pool for blocking code, of links to the server of ``config``."""

    def __init__(self, config: ServerConfig, interval: float) -> None:
        super().__init__(config.connected, config.max_connections, config.wait)
        self._interval = interval
        self._patience = round(part_of(config) * 1000)

    def take(self) -> Link:
        link = super().take()
        while link.reused and time.monotonic() - link.used > self._interval:
            if self._answers(link):
                break
            link.close()
            # All that are here were idle for as long, or will be asked for nothing.
            self.close_idle()
            link = super().take()
        return link

    def give(self, link: Link) -> None:
        link.used = time.monotonic()
        super().give(link)

    def _answers(self, link: Link) -> bool:
        try:
            link.send([_PING])
            if not link.arrived(self._patience):
                return False
            link.receive()
        except Exception as error:
            if translate(error, "") is None:
                raise
            return False
        return True


class CheckedChannels(Channels):
    """Channels for asyncio. Who comes while one is asked waits for its answer."""

    def __init__(
        self,
        interval: float,
        client: Callable[[], Any] | None = None,
        trial: Trial | None = None,
    ) -> None:
        super().__init__(client, trial)
        self._interval = interval
        self._asked: weakref.WeakKeyDictionary[Channel | ForeignChannel, asyncio.Task[bool]] = (
            weakref.WeakKeyDictionary()
        )

    def get(self) -> Channel | ForeignChannel | None:
        channel = super().get()
        if channel is None or channel in self._asked or channel.idle > self._interval:
            return None
        return channel

    async def open(self, config: Any) -> Channel | ForeignChannel:
        channel = super().get()
        if channel is not None:
            task = self._asked.get(channel)
            if task is None:
                task = asyncio.get_running_loop().create_task(self._answers(channel, config))
                self._asked[channel] = task
            if await asyncio.shield(task):
                return channel
        return await super().open(config)

    async def _answers(self, channel: Channel | ForeignChannel, config: ServerConfig) -> bool:
        patience = part_of(config)

        async def ask() -> None:
            async with asyncio.timeout(patience):
                await channel.call(_PING)

        try:
            await in_its_own_time(ask, patience)
        except (TimeoutError, ConnectionInterrupted):
            channel._fail(ConnectionInterrupted(None, LOST))
            return False
        finally:
            self._asked.pop(channel, None)
        return True
