"""The subcommands: from what was written on the command line to a report, or a CommandError."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

from ..exceptions import RedisCacheError
from . import advice, doctor, doctor_text, entries, listing, recode, recode_text, stats, stats_text
from .console import Console, Lines
from .output import counted
from .reports import Stopped, on, reports
from .targets import Interrupted, Misunderstood, Target, in_words, one_target, targets

#: Keys that ``stats`` looks at where nothing is said, and how many of the largest ``--all`` lists.
SAMPLE = 10_000
BIGGEST = 10


def plugins(console: Console, *, alias: list[str] | None, **options: Any) -> None:
    found = listing.report(targets(alias), every=alias is None)
    console.show(found, listing.lines)
    if problems := listing.problems(found):
        raise CommandError(f"{counted(len(problems), 'problem')} with plugins.")


def examine(console: Console, *, alias: list[str] | None, pings: int, **options: Any) -> None:
    said = advice.checks()

    def report(target: Target) -> dict[str, Any]:
        return doctor.examine(target, pings, said)

    told = reports(console, alias, report, doctor_text.lines)
    unwell = [report["alias"] for report in told if not report["ok"]]
    if unwell:
        raise CommandError(f"{counted(len(unwell), 'cache')} not well: {', '.join(unwell)}.")


def count(
    console: Console,
    *,
    alias: list[str] | None,
    interval: float | None,
    sample: int | None,
    depth: int,
    families: int,
    biggest: int | None,
    every: bool,
    lookups: bool,
    **options: Any,
) -> None:
    looks = sample is not None or biggest is not None or every or lookups
    if interval is not None and looks:
        raise Misunderstood(
            "--interval looks at no keys: leave --sample, --biggest, --all and --lookups out."
        )
    if every and sample is not None:
        raise Misunderstood("--all looks at every key: leave --sample out.")
    if interval is not None:
        shown = reports(console, alias, _rates(interval), stats_text.rates)
    else:
        asked = stats.Asked(
            sample=None if every else SAMPLE if sample is None else sample,
            depth=depth,
            families=families,
            biggest=(BIGGEST if every else 0) if biggest is None else biggest,
            lookups=lookups,
        )
        shown = reports(console, alias, _counted(console, asked), stats_text.lines)
    unasked = [
        report["alias"]
        for report in shown
        if any("error" in one for one in (report, *report.get("servers", ())))
    ]
    if unasked:
        raise CommandError(f"Not all servers could be asked: {', '.join(unasked)}.")


def _counted(console: Console, asked: stats.Asked) -> Callable[[Target], dict[str, Any]]:
    def report(target: Target) -> dict[str, Any]:
        with console.progress(f"{target.alias}: sampling", asked.sample or 0) as bar:

            def follow(looked: int, total: int) -> None:
                bar.total = total
                bar(looked)

            found = stats.report(target, asked, follow)
        if (found.get("sample") or {}).get("interrupted"):
            raise Stopped(found, f"after {counted(bar.done, 'key')}")
        return found

    return report


def _rates(seconds: float) -> Callable[[Target], dict[str, Any]]:
    def report(target: Target) -> dict[str, Any]:
        stopped = False

        def wait() -> None:
            nonlocal stopped
            try:
                time.sleep(seconds)
            except KeyboardInterrupt:
                stopped = True  # the rates of a shorter time are as good

        found = stats.rates(target, wait)
        if stopped:
            raise Stopped(found, "before the interval was over")
        return found

    return report


def get(
    console: Console,
    *,
    alias: str,
    key: str,
    key_version: str | None,
    decode: bool,
    **options: Any,
) -> None:
    report = on(one_target(alias), entries.value_report, key, key_version, decode)
    _show_entry(console, report, entries.value_lines)


def ttl(console: Console, *, alias: str, key: str, key_version: str | None, **options: Any) -> None:
    report = on(one_target(alias), entries.ttl_report, key, key_version)
    _show_entry(console, report, entries.ttl_lines)


def _show_entry(console: Console, report: dict[str, Any], lines: Lines) -> None:
    console.show(report, lines)
    if not report["found"]:
        raise CommandError(entries.absence(report))


def delete(
    console: Console,
    *,
    alias: str,
    keys: list[str],
    pattern: str | None,
    key_version: str | None,
    no_input: bool,
    **options: Any,
) -> None:
    if bool(keys) is (pattern is not None):
        raise Misunderstood("Write either keys or --pattern.")
    target = one_target(alias)
    if pattern is not None:
        matching = on(target, entries.by_pattern, pattern, key_version)
        _delete_matching(console, matching, f"match {pattern!r}", no_input)
        return
    if not no_input:
        console.confirm(f"Delete {counted(len(keys), 'key')} of the cache {alias!r}?")
    deleted, trouble = on(target, entries.delete_keys, keys, key_version)
    if deleted or console.as_json:
        _show_deleted(console, alias, deleted)
    if trouble is not None:
        raise CommandError(
            f"{in_words(target, trouble)}\nIts keys are not deleted; the same command deletes them."
        )
    if not deleted:
        stored = target.engine.naming.make_many(keys, key_version)
        raise CommandError(f"There is no {' or '.join(map(repr, stored))} in the cache {alias!r}.")


def clear(
    console: Console,
    *,
    alias: str,
    prefix: str | bool | None,
    no_input: bool,
    **options: Any,
) -> None:
    target = one_target(alias)
    if prefix is None and not target.client.clear_by_prefix:
        held = on(target, entries.databases)
        if not no_input:
            words = " and ".join(f"{name} ({counted(keys, 'key')})" for name, keys in held)
            console.confirm(f"Empty the database {words}, whoever wrote it?")
        on(target, entries.flush)
        _show_deleted(console, alias, sum(keys for _, keys in held))
        return
    own = target.engine.naming.prefix
    name = prefix if isinstance(prefix, str) else own
    _delete_matching(
        console, on(target, entries.by_prefix, name), f"have the prefix {name!r}", no_input
    )


def _delete_matching(
    console: Console, matching: entries.Matching, words: str, no_input: bool
) -> None:
    alias, total = matching.target.alias, 0
    if not no_input:
        with console.progress(f"{alias}: counting") as progress:
            try:
                total = on(matching.target, lambda _: matching.count(progress))
            except KeyboardInterrupt:
                raise Interrupted("Stopped: nothing was deleted.") from None
        if not total:
            _show_deleted(console, alias, 0)
            return
        console.confirm(f"Delete the keys of {alias!r} that {words}, which are {total:,}?")
    with console.progress(f"{alias}: deleting", total) as progress:
        try:
            deleted = matching.delete(progress)
        except (KeyboardInterrupt, RedisCacheError) as error:
            so_far = (
                f"after {counted(progress.done, 'key')} or more were deleted; the same command "
                "deletes the others."
            )
            if isinstance(error, KeyboardInterrupt):
                raise Interrupted(f"Stopped {so_far}") from None
            trouble = in_words(matching.target, error)
            raise CommandError(f"{trouble}\nEnded {so_far}") from None
    _show_deleted(console, alias, deleted)


def _show_deleted(console: Console, alias: str, deleted: int) -> None:
    console.show(
        {"alias": alias, "deleted": deleted},
        lambda report, style, width: [f"{counted(deleted, 'key')} of {alias} deleted"],
    )


def rewrite(
    console: Console,
    *,
    alias: str,
    rate: int,
    cursor: recode.Cursors | None,
    dry_run: bool,
    **options: Any,
) -> None:
    target = one_target(alias)
    refused = recode.refusal(target.client)
    if refused:
        raise CommandError(refused)
    ended: BaseException | None = None
    with console.progress(f"{alias}: recoding") as bar:

        def follow(looked: int, total: int) -> None:
            bar.total = total
            bar(looked)

        def tell(key: str, what: str) -> None:
            if console.verbosity >= 2:
                console.remark(f"{key!r} is {what}")

        recoding = recode.Recoding(
            target.client,
            cursor or recode.Cursors(),
            rate=rate,
            dry_run=dry_run,
            progress=follow,
            told=tell,
        )
        try:
            target.run(recoding.run())
        except (KeyboardInterrupt, RedisCacheError) as error:
            ended = error
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
    report = recode_text.outcome(alias, recoding, complete=ended is None, dry_run=dry_run)
    if console.as_json or ended is None:
        console.show(report, recode_text.lines)
    if ended is None:
        return
    so_far = (
        f"{recode_text.in_short(report)}, and nothing is half done. Go on with:\n"
        f"  {recode_text.how_to_go_on(report, rate)}"
    )
    if isinstance(ended, KeyboardInterrupt):
        raise Interrupted(f"Stopped: {so_far}") from None
    raise CommandError(f"{in_words(target, ended)}\n{so_far}") from None
