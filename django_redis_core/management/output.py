"""Text for terminals: tables, sizes, times, and a progress bar."""

from __future__ import annotations

import logging
import os
import re
import textwrap
import time
from collections.abc import Callable, Sequence
from typing import Any

Row = Sequence[str]

#: A number, perhaps with its unit; or the lack of one.
_NUMBER = re.compile(r"[\d.,]+( ?[\w%]+)?|-|")

_GAP = "  "  # between two columns


_HANGING = 4  # spaces before what did not fit on a line


def table(rows: Sequence[Row], indent: int = 0, width: int | None = None) -> list[str]:
    """Lines with aligned columns; what looks like a number stands at the right of its column.

    Columns that do not fit into ``width`` go to lines of their own below, for all rows alike.
    """
    if not rows:
        return []
    columns = range(len(rows[0]))
    widths = [max(len(row[column]) for row in rows) for column in columns]
    rights = [
        all(_NUMBER.fullmatch(row[column]) for row in rows[1:])
        and len(rows) > 1
        and any(row[column] for row in rows[1:])
        for column in columns
    ]
    groups: list[list[int]] = []
    used = 0
    for column in columns:
        if not groups or (width is not None and used + len(_GAP) + widths[column] > width):
            used = indent + (_HANGING if groups else 0) - len(_GAP)
            groups.append([])
        groups[-1].append(column)
        used += len(_GAP) + widths[column]
    lines = []
    for row in rows:
        for group in groups:
            cells = _GAP.join(
                row[column].rjust(widths[column])
                if rights[column]
                else row[column].ljust(widths[column])
                for column in group
            )
            if group is groups[0] or cells.strip():
                before = indent + (0 if group is groups[0] else _HANGING)
                lines.append((" " * before + cells).rstrip())
    return lines


def folded(words: str, width: int | None) -> list[str]:
    """Prose in lines of at most ``width`` where a space allows it."""
    if width is None:
        return [words]
    return textwrap.wrap(words, width, break_long_words=False, break_on_hyphens=False) or [""]


def printable(name: str) -> str:
    """A name that anybody may have chosen, without what would move a terminal's cursor."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in name)


def shortened(text: str, most: int) -> str:
    """``text`` in ``most`` columns."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


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


def per_second(rate: float) -> str:
    """A rate for people."""
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}"


def share(part: float, whole: float) -> str:
    """Percent of ``whole``, or "-" of nothing."""
    return f"{100 * part / whole:.1f}%" if whole else "-"


class Progress:
    """A bar on a terminal; on anything else it shows nothing.

    Use it in ``with``, so that an interruption leaves a clean line, and the lines of logs begin
    where the bar was. ``total`` may turn out too low.
    """

    _WIDTH = 30
    _EVERY = 0.1  # seconds between two drawings

    def __init__(self, stream: Any, label: str, total: int = 0) -> None:
        self._stream = stream
        self._label = label
        self.total = total
        self.done = 0
        self._shown = bool(stream.isatty()) and os.environ.get("TERM") != "dumb"
        self._drawn = False
        self._next = 0.0
        self._make_record: Callable[..., logging.LogRecord] = logging.LogRecord

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
        self._drawn = True

    def hide(self) -> None:
        """Leaves the line to somebody else, until it is drawn anew."""
        if self._drawn:
            self._drawn = False
            self._write("\r\x1b[K")

    def __enter__(self) -> Progress:
        if self._shown:
            # What every log, whatever its handlers are, passes before it writes.
            self._make_record = logging.getLogRecordFactory()
            logging.setLogRecordFactory(self._logged)
        return self

    def __exit__(self, *error: object) -> None:
        if self._shown:
            logging.setLogRecordFactory(self._make_record)
        self.hide()

    def _logged(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        self.hide()
        return self._make_record(*args, **kwargs)

    def _write(self, words: str) -> None:
        self._stream.write(words, style_func=str, ending="")
        self._stream.flush()
