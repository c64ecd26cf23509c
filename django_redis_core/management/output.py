"""Text for terminals: tables, sizes, times, and a progress bar."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any

Row = Sequence[str]

#: A number, perhaps with its unit; or the lack of one.
_NUMBER = re.compile(r"[\d.,]+( ?[\w%]+)?|-|")


def table(rows: Sequence[Row], indent: int = 0) -> list[str]:
    """Lines with aligned columns; what looks like a number stands at the right of its column."""
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rights = [
        all(_NUMBER.fullmatch(row[column]) for row in rows[1:])
        and len(rows) > 1
        and any(row[column] for row in rows[1:])
        for column in range(len(rows[0]))
    ]
    return [
        " " * indent
        + "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, rights, strict=True)
        ).rstrip()
        for row in rows
    ]


def size(count: float) -> str:
    """Bytes for people."""
    if count < 1024:
        return f"{int(count)} B"
    for unit in ("KiB", "MiB", "GiB"):
        count /= 1024
        if count < 1024:
            return f"{count:.1f} {unit}"
    return f"{count / 1024:.1f} TiB"


def counted(count: int, noun: str) -> str:
    """``1 key``, ``12,000 keys``, ``2 entries``."""
    if count == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeo" else f"{noun}s"
    return f"{count:,} {plural}"


def span(seconds: float) -> str:
    """A length of time for people."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.3g} s" if seconds < 10 else f"{seconds:.0f} s"


def share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f}%" if whole else "-"


class Progress:
    """A bar on a terminal; on anything else it shows nothing.

    Use it in ``with``, so that an interruption leaves a clean line. ``total`` may turn out too low.
    """

    _WIDTH = 30
    _EVERY = 0.1  # seconds between two drawings

    def __init__(self, stream: Any, label: str, total: int = 0) -> None:
        self._stream = stream
        self._label = label
        self.total = total
        self.done = 0
        self._shown = bool(stream.isatty())
        self._next = 0.0

    def __call__(self, done: int) -> None:
        self.done = done
        now = time.monotonic()
        if not self._shown or now < self._next:
            return
        self._next = now + self._EVERY
        if self.total > 0:
            part = min(done / self.total, 1.0)
            filled = int(part * self._WIDTH)
            bar = f"[{'#' * filled}{'.' * (self._WIDTH - filled)}] {part:4.0%}"
        else:
            bar = f"{done:,}"
        self._write(f"\r\x1b[K{self._label} {bar}")

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._shown and self._next:
            self._write("\r\x1b[K")

    def _write(self, words: str) -> None:
        self._stream.write(words, style_func=str, ending="")
        self._stream.flush()
