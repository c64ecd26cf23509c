"""How long a reply may take, in blocking code, once its beginning was not all of it.

``SOCKET_TIMEOUT`` runs from when the request left. While the reply keeps coming it is given anew: a
value of many megabytes may take longer than a reply may. A byte now and then is no such progress.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .._interrupts import struck
from ..exceptions import ServerTimeout
from .sockets import since_sent

#: What counts as an answer under way, in bytes for each ``timeout``: a server that sends a byte now
#: and then must not hold its callers for ever.
PROGRESS = 4096
#: What arrived while the time ran out on another server's reply is still read: seconds, not 0,
#: which would be no time at all for a socket of TLS.
LOOK = 0.001


class Patience:
    """For the rest of what is owed on one connection. ``arrived`` waits on the socket itself (for
    milliseconds), where the kernel keeps its time; None: the socket's own timeout does."""

    __slots__ = ("_arrived", "_due", "_part", "_sock", "_timeout")

    def __init__(
        self, sock: Any, timeout: float | None, arrived: Callable[[int], Any] | None
    ) -> None:
        self._sock = sock
        self._timeout = timeout
        self._arrived = arrived
        self._part = 0
        if timeout is not None:
            self._due = time.monotonic() + timeout - since_sent(sock)

    def read(self, buffer: bytearray) -> int:
        """Reads what comes next: how many bytes, 0 where the server has closed the connection.
        Raises ServerTimeout."""
        if self._timeout is None:
            return self._sock.recv_into(buffer)  # type: ignore[no-any-return]
        left = self._due - time.monotonic()
        if self._arrived is None:
            self._sock.settimeout(max(left, LOOK))
            try:
                length = self._sock.recv_into(buffer)
            except TimeoutError as error:
                if struck(error):
                    raise
                raise self._late() from None
        else:
            # Rounded up, for a wait that is cut off before its time would be no timeout.
            if not self._arrived(max(0, int(left * 1000) + 1)):
                raise self._late()
            length = self._sock.recv_into(buffer)
        self.came(length)
        return length  # type: ignore[no-any-return]

    def came(self, length: int) -> None:
        """So many bytes of a reply have come."""
        self._part += length
        if self._part >= PROGRESS:
            self.heard()

    def heard(self) -> None:
        """There was progress."""
        self._part = 0
        if self._timeout is not None:
            self._due = time.monotonic() + self._timeout

    def done(self) -> None:
        """All has come: the socket is as it was."""
        if self._arrived is None:
            self._sock.settimeout(self._timeout)

    def _late(self) -> ServerTimeout:
        return ServerTimeout(None, f"the reply was not complete after {self._timeout} s")
