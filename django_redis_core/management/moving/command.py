"""The subcommands ``copy`` and ``compare``: from the command line to a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from ...exceptions import RedisCacheError
from .. import recode
from ..console import Console
from ..output import Progress, counted
from ..targets import Interrupted, Misunderstood, in_words, one_target
from . import text
from .comparing import Comparing
from .copying import Copying
from .routes import route
from .sides import Side, alike
from .walking import Pair, Walk, primaries


def copy(
    console: Console,
    *,
    alias: str,
    to: str,
    rate: int,
    cursor: recode.Cursors | None,
    replace: bool,
    no_input: bool,
    **options: Any,
) -> None:
    pair = _pair(alias, to, "--to")
    if replace and not no_input:
        console.confirm(
            f"Write over the entries of the cache {to!r} that {alias!r} has too?",
            "Nothing was copied.",
        )
    with _told(console, f"{alias}: copying") as (bar, tell):
        copying = Copying(pair, tell, replace=replace)
        walk = Walk(pair.source, pair.route, cursor or recode.Cursors(), rate, _follow(bar))
        ended = _run(pair, lambda: copying.run(walk))
    counts = copying.counts
    report = {
        **_head(pair, walk, ended, to=to),
        **vars(counts),
        "errors": dict(counts.errors),
    }
    if console.as_json or ended is None:
        console.show(report, text.copied)
    if ended is not None:
        so_far = f"{text.in_short(report)}, and nothing is half done"
        raise _unfinished(
            pair, ended, so_far, text.how_to_go_on("copy", report, rate=rate, replace=replace)
        ) from None


def compare(
    console: Console,
    *,
    alias: str,
    other: str,
    rate: int,
    cursor: recode.Cursors | None,
    sample: int | None,
    tolerance: float,
    **options: Any,
) -> None:
    if sample is not None and cursor is not None:
        raise Misunderstood("--sample looks at some keys from the beginning: leave --cursor out.")
    pair = _pair(alias, other, "--with")
    with _told(console, f"{alias}: comparing") as (bar, tell):
        comparing = Comparing(pair, tell, tolerance=round(tolerance * 1000))
        walk = Walk(pair.source, pair.route, cursor or recode.Cursors(), rate, _follow(bar))
        ended = _run(pair, lambda: comparing.run(walk, sample))
    counts = comparing.counts
    report = {**_head(pair, walk, ended, **{"with": other}), "sample": sample, **vars(counts)}
    if console.as_json or ended is None:
        console.show(report, text.compared)
    if ended is not None:
        so_far = text.in_short(report)
        raise _unfinished(
            pair,
            ended,
            so_far,
            text.how_to_go_on("compare", report, rate=rate, tolerance=tolerance, sample=sample),
        ) from None
    if not counts.well:
        apart = counts.missing + counts.differing + counts.ttl_differing + counts.unreadable
        hint = "" if console.verbosity >= 2 else "; -v 2 names them"
        raise CommandError(
            f"{counted(apart, 'entry')} of {alias!r} {'is' if apart == 1 else 'are'} not the same "
            f"in {other!r}{hint}."
        )


def _pair(alias: str, other: str, option: str) -> Pair:
    """Both caches, or words on why there is nothing to be done between them."""
    if alias == other:
        raise Misunderstood(
            f"--alias and {option} both name {alias!r}: write the alias of another cache."
        )
    target, source = one_target(other), one_target(alias)
    try:
        way = route(source.engine.naming, target.engine.naming)
        sides = Side(source), Side(target)
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from None
    pair = Pair(*sides, way, alike(source.engine, target.engine, same_keys=way.same))
    if (trouble := _run(pair, lambda: _refuse_one_place(pair, option))) is not None:
        if isinstance(trouble, KeyboardInterrupt):
            raise trouble
        raise CommandError(_in_words(pair, trouble)) from None
    return pair


def _refuse_one_place(pair: Pair, option: str) -> None:
    source, target = pair.source, pair.target
    if not primaries(source) & primaries(target):
        return
    if pair.route.same:
        raise CommandError(
            f"The caches {source.alias!r} and {target.alias!r} have the same keys in the same "
            f"database, so {option} has nothing to do; recode rewrites entries to another format."
        )
    if target.naming.prefix.startswith(f"{source.naming.prefix}:"):
        raise CommandError(
            f"The KEY_PREFIX {target.naming.prefix!r} of {target.alias!r} begins as that of "
            f"{source.alias!r}, in the same database, so its keys are those of {source.alias!r} "
            "too: give it another KEY_PREFIX or database."
        )


@contextmanager
def _told(console: Console, label: str) -> Iterator[tuple[Progress, Callable[[str, str], None]]]:
    with console.progress(label) as bar:

        def tell(key: str, what: str) -> None:
            if console.verbosity >= 2:
                console.remark(f"{key!r} is {what}")

        yield bar, tell


def _follow(bar: Progress) -> Callable[[int, int], None]:
    def follow(looked: int, total: int) -> None:
        bar.total = total
        bar(looked)

    return follow


def _run(pair: Pair, work: Callable[[], None]) -> BaseException | None:
    """What ended the work before its time."""
    try:
        work()
    except (KeyboardInterrupt, RedisCacheError) as error:
        return error
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from None
    return None


def _head(pair: Pair, walk: Walk, ended: BaseException | None, **other: str) -> dict[str, Any]:
    complete = ended is None
    return {
        "alias": pair.source.alias,
        **other,
        "complete": complete,
        "cursor": "" if complete else str(walk.cursors),
        "unknown_servers": len(walk.cursors.unknown) if complete else 0,
        "versions": pair.route.versions,
        "decoded": not pair.formats.entries,
    }


def _unfinished(pair: Pair, ended: BaseException, so_far: str, go_on: str) -> CommandError:
    words = f"{so_far}. Go on with:\n  {go_on}"
    if isinstance(ended, KeyboardInterrupt):
        return Interrupted(f"Stopped: {words}")
    return CommandError(f"{_in_words(pair, ended)}\n{words}")


def _in_words(pair: Pair, error: BaseException) -> str:
    side = pair.target if error in pair.target.troubles else pair.source
    return in_words(side.target, error)
