"""What the operating system does for a blocking connection.

A socket with a timeout of Python's asks ``poll`` before each of its calls whether it may go on. The
kernel can keep the time by itself; and one of the two system calls that are saved so pays for a
look, before a command is sent, at what may have come unasked: it would be taken for the reply.
"""

from __future__ import annotations

import _socket
import select
import socket
import struct
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .._interrupts import struck

fcntl: ModuleType | None
termios: ModuleType | None
try:
    import fcntl
    import termios
except ImportError:  # Windows
    fcntl = termios = None


def limit_in_kernel(sock: socket.socket) -> bool:
    """Has the kernel keep the socket's timeout, where it can. A call that runs out of time then
    ends in BlockingIOError."""
    timeout = sock.gettimeout()
    if not timeout or not _is_plain(sock):
        return False
    seconds = int(timeout)
    # Rounded up: of 0 the kernel would make "no limit".
    limit = struct.pack("@ll", seconds, max(1, int((timeout - seconds) * 1e6)))
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    except OSError:
        return False
    sock.settimeout(None)
    return True


def _is_plain(sock: socket.socket) -> bool:
    """Whether its calls are the system's: not those of TLS, nor those of a library that switches to
    other greenlets while they wait, which a call without a timeout of Python's would hold up."""
    return sys.platform == "linux" and type(sock).recv_into is _socket.socket.recv_into


def arrivals(sock: Any) -> Callable[[int], Any]:
    """A function that is given 0 and says whether there is something to read, or the end."""
    if sock is None or not hasattr(select, "poll"):
        return _unknown
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return poll.poll


def _unknown(milliseconds: int) -> bool:
    return False


def since_sent(sock: Any) -> float:
    """Seconds since something was last sent; 0.0 where the system does not say: only Linux does,
    and not of a Unix socket. Asked when a reply is late in coming, so that no call has to look at
    the clock when it begins."""
    if _TCP_INFO is None:
        return 0.0
    try:
        told = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _LAST_SENT.stop)
    except (OSError, ValueError) as error:
        if struck(error):
            raise
        return 0.0
    return int.from_bytes(told[_LAST_SENT], sys.byteorder) / 1000


#: Where ``tcpi_last_data_sent`` (milliseconds) lies in ``struct tcp_info`` of <linux/tcp.h>.
_LAST_SENT = slice(44, 48)
_TCP_INFO = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None


def on_the_way(sock: Any) -> int:
    """Bytes that the kernel has taken and the other side has not; 0 where it does not say."""
    if fcntl is None or termios is None:
        return 0
    try:
        count = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    except (OSError, ValueError) as error:
        if struck(error):
            raise
        return 0
    return int.from_bytes(count, sys.byteorder)
