"""Where a command speaks: reports on stdout, and all that is said beside them on stderr."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from typing import Any

from django.core.management.base import CommandError, OutputWrapper
from django.core.management.color import no_style

from .output import Progress
from .screen import Screen
from .targets import Interrupted

#: A report as text: from the report, Django's style, and the columns of the terminal if it is one.
Lines = Callable[[Any, Any, int | None], list[str]]


#: Of what ``--json`` prints. Another one means that a name has gone or changed its meaning.
VERSION = 1


class Console:
    """``as_json``: what ``command`` reports is printed for machines. ``style`` is Django's, for a
    terminal."""

    def __init__(
        self,
        stdout: OutputWrapper,
        stderr: OutputWrapper,
        style: Any,
        *,
        command: str,
        as_json: bool,
        force_color: bool,
        verbosity: int,
    ) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self.style = style if stdout.isatty() or force_color else no_style()
        self._width = shutil.get_terminal_size().columns if stdout.isatty() else None
        self._bar: Progress | None = None
        self._command = command
        self.as_json = as_json
        self.verbosity = verbosity

    def show(self, report: Any, lines: Lines) -> None:
        """Prints a report, or a list of them."""
        try:
            for line in self._lines(report, lines):
                self._stdout.write(line)
            self._stdout.flush()
        except BrokenPipeError:
            # Who read it, such as "head", has enough. At its end Python would complain once more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _lines(self, report: Any, lines: Lines) -> Iterator[str]:
        if self.as_json:
            shape = {
                "version": VERSION,
                "command": self._command,
                "reports": report if isinstance(report, list) else [report],
            }
            yield json.dumps(shape, indent=2, ensure_ascii=False, default=str)
            return
        for place, one in enumerate(report if isinstance(report, list) else [report]):
            if place:
                yield ""
            yield from lines(one, self.style, self._width)

    @property
    def live(self) -> bool:
        """Whether a terminal can be drawn anew."""
        return not self.as_json and Screen.possible(self._stdout)

    def screen(self) -> Screen:
        return Screen(self._stdout)

    def remark(self, words: str) -> None:
        if self._bar is not None:
            self._bar.hide()
        self._stderr.write(words, style_func=str)

    def progress(self, label: str, total: int = 0) -> Progress:
        self._bar = Progress(self._stderr, label, total)
        return self._bar

    def confirm(self, question: str, otherwise: str = "Nothing was deleted.") -> None:
        """Goes on after a "yes"; CommandError otherwise."""
        self._stderr.write(f"{question} [y/N] ", style_func=str, ending="")
        self._stderr.flush()
        try:
            answer = input()
        except EOFError:
            self.remark("")  # ends the line of the question
            raise CommandError("Nobody is there to be asked: write --no-input.") from None
        except KeyboardInterrupt:
            self.remark("")
            raise Interrupted(f"Stopped: {otherwise[0].lower()}{otherwise[1:]}") from None
        if answer.strip().lower() not in ("y", "yes"):
            raise CommandError(otherwise)
