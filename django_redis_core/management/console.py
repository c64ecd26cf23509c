"""Where a command speaks: reports on stdout, and all that is said beside them on stderr."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError, OutputWrapper
from django.core.management.color import no_style

from .output import Progress

Lines = Callable[[Any, Any], list[str]]


class Console:
    """``as_json``: reports are printed for machines. ``style`` is Django's, for a terminal."""

    def __init__(
        self,
        stdout: OutputWrapper,
        stderr: OutputWrapper,
        style: Any,
        *,
        as_json: bool,
        force_color: bool,
        verbosity: int,
    ) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._style = style if stdout.isatty() or force_color else no_style()
        self.as_json = as_json
        self.verbosity = verbosity

    def show(self, report: Any, lines: Lines) -> None:
        """Prints a report, or a list of them."""
        if self.as_json:
            self._stdout.write(json.dumps(report, indent=2, ensure_ascii=False, default=str))
            return
        for place, one in enumerate(report if isinstance(report, list) else [report]):
            if place:
                self._stdout.write("")
            for line in lines(one, self._style):
                self._stdout.write(line)

    def remark(self, words: str) -> None:
        self._stderr.write(words, style_func=str)

    def progress(self, label: str, total: int = 0) -> Progress:
        return Progress(self._stderr, label, total)

    def confirm(self, question: str) -> None:
        """Goes on after a "yes"; CommandError otherwise."""
        self._stderr.write(f"{question} [y/N] ", style_func=str, ending="")
        self._stderr.flush()
        try:
            answer = input()
        except EOFError:
            raise CommandError("Nobody is there to be asked: write --no-input.") from None
        if answer.strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was deleted.")
