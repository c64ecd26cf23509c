"""The free list of links whose credentials run out, and are renewed by a provider that streams."""

from __future__ import annotations

from typing import Any

import redis.exceptions

from .._interrupts import struck
from ..exceptions import ConnectionInterrupted
from .checked import CheckedPool
from .credentials import Streamed
from .link import Link
from .pool import LinkPool


class RenewingPool(LinkPool):
    """Links authenticate anew before they are used for the first time after there is another
    token: by whoever uses them, so that nobody has to wait for a provider's thread or loop."""

    def __init__(self, credentials: Streamed, *args: Any) -> None:
        super().__init__(*args)
        self._credentials = credentials

    def take(self) -> Link:
        credentials = self._credentials
        while True:
            # Before it connects: a token that comes meanwhile may not be the one that it has.
            issue = credentials.issue
            link = super().take()
            if not link.reused:
                link.issue = issue
                return link
            if link.issue == credentials.issue or self._renewed(link):
                return link

    def _renewed(self, link: Link) -> bool:
        credentials = self._credentials
        issue = credentials.issue
        try:
            reply = link.call(credentials.auth)
        except BaseException as error:
            link.close()
            if struck(error) or not isinstance(
                error, OSError | ConnectionInterrupted | redis.exceptions.RedisError
            ):
                raise
            # It waited out a timeout or found the connection lost: so it may be with the others.
            self.close_idle()
            return False
        if isinstance(reply, Exception):
            # A new connection asks the provider, and says in words why it is not let in.
            link.close()
            return False
        link.issue = issue
        return True


class RenewingCheckedPool(RenewingPool, CheckedPool):
    """The same for links that are asked whether they are alive, as ``CheckedPool`` does."""
