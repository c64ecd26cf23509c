"""A terminal that is drawn anew again and again, and left as it was."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from typing import Any

if sys.platform != "win32":  # no keys there; Ctrl-C ends it
    import select
    import termios
    import tty

# https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
_ENTER = "\x1b[?1049h\x1b[?25l"  # another screen, no cursor
_LEAVE = "\x1b[?25h\x1b[?1049l"


class Screen:
    """``with Screen(stream) as screen: screen.draw(lines)``. What was on the terminal before is
    there again afterwards, whatever ended it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._before: list[Any] | None = None

    @staticmethod
    def possible(stream: Any) -> bool:
        return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"

    def __enter__(self) -> Screen:
        try:
            if sys.platform != "win32" and sys.stdin.isatty():
                self._before = termios.tcgetattr(sys.stdin.fileno())
                tty.setcbreak(sys.stdin.fileno())  # Ctrl-C stays a signal
            self._write(_ENTER)
        except BaseException:  # Ctrl-C between the two
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        if sys.platform != "win32" and self._before is not None:
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._before)
        self._write(_LEAVE)

    @property
    def width(self) -> int:
        return shutil.get_terminal_size().columns

    def draw(self, lines: Sequence[str]) -> None:
        """As many of ``lines`` as there is room for, which are no longer than ``width``."""
        room = shutil.get_terminal_size().lines
        if len(lines) > room:
            lines = [*lines[: room - 1], "…"]
        self._write("\x1b[H" + "\n".join(f"{line}\x1b[K" for line in lines) + "\x1b[J")

    def wait(self, seconds: float) -> bool:
        """Whether somebody wants to leave before so much time is over."""
        until = time.monotonic() + seconds
        if sys.platform == "win32" or self._before is None:
            time.sleep(seconds)
            return False
        while (left := until - time.monotonic()) > 0:
            ready, _, _ = select.select([sys.stdin], [], [], left)
            # Not by ``sys.stdin``, whose buffer select would not know of.
            if ready and os.read(sys.stdin.fileno(), 1) in (b"q", b"Q", b""):
                return True
        return False

    def _write(self, words: str) -> None:
        self._stream.write(words, style_func=str, ending="")
        self._stream.flush()
