"""How subcommands report on caches, and tell their trouble."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.cache.backends.base import InvalidCacheKey
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from ..exceptions import RedisCacheError
from .console import Console, Lines
from .targets import Interrupted, Misunderstood, Target, in_words, targets


class Stopped(KeyboardInterrupt):
    """Ctrl-C in the middle of a report that is worth showing."""

    def __init__(self, report: dict[str, Any], words: str) -> None:
        super().__init__(words)
        self.report = report


def reports(
    console: Console, alias: list[str] | None, report: Callable[[Target], Any], lines: Lines
) -> list[dict[str, Any]]:
    """A report on each cache, shown when all are made, or those that are made by Ctrl-C."""
    caches = targets(alias)
    made: list[dict[str, Any]] = []
    stopped = None
    try:
        for target in caches:
            made.append(report(target))  # noqa: PERF401  # what is done by Ctrl-C counts
    except KeyboardInterrupt as error:
        left = [target.alias for target in caches[len(made) :]]
        words = f"Stopped in {left[0]!r} {error}".rstrip()
        stopped = (
            f"{words}, and nothing was changed. Not done: {', '.join(left)}. To begin there: "
            f"{' '.join(f'--alias {name}' for name in left)}"
        )
        if isinstance(error, Stopped):
            made.append(error.report)
    if made or stopped is None:
        console.show(made, lines)
    if stopped is not None:
        raise Interrupted(stopped)
    return made


def on(target: Target, work: Callable[..., Any], *args: Any) -> Any:
    """``work`` on a cache, whose trouble is told as a command tells it."""
    try:
        return work(target, *args)
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from None
    except InvalidCacheKey as error:
        raise Misunderstood(str(error)) from None
    except RedisCacheError as error:
        raise CommandError(in_words(target, error)) from None
