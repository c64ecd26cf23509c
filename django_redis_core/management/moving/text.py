"""The outcome of ``copy`` and ``compare``, as reports and as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..output import counted, size, table
from ..recode import RATE

TOLERANCE = 1.0  # seconds, unless the command line says otherwise

_COPIED = {
    "existing": "are in the other cache already, and were left as they are there",
    "gone": "expired or were deleted meanwhile",
    "changed": "became of another type meanwhile",
    "locks": "are locks, which stay where they are",
    "unreadable": "cannot be read with these settings",
    "refused": "cannot be stored in the other cache",
    "other_types": "are of types that cannot be carried between these servers",
}
_COMPARED = {
    "same": "are the same",
    "missing": "are missing there",
    "differing": "have another value there",
    "ttl_differing": "live for another time there",
    "gone": "expired or were deleted meanwhile",
    "locks": "are locks, which are not compared",
    "unreadable": "cannot be read with these settings",
}

_OWN = (
    "  Only keys of the cache's own VERSION were looked at, because KEY_FUNCTION is a function of "
    "the site."
)
_UNKNOWN = (
    "  --cursor names a database that is not there any more (a server was restarted or replaced): "
    "what is there now was looked at from its beginning."
)


def copied(report: Mapping[str, Any], style: Any, width: int | None) -> list[str]:
    values, structures = size(report["bytes"]), counted(report["structures"], "data structure")
    head = style.MIGRATE_HEADING(report["alias"])
    text = [f"{head} to {report['to']}: {in_short(report)} ({values} of values, {structures})"]
    text += _counts(report, _COPIED, width)
    for error, count in sorted(report["errors"].items()):
        text.append(style.WARNING(f"  {count:,} × {error}"))
    return [*text, *_remarks(report)]


def compared(report: Mapping[str, Any], style: Any, width: int | None) -> list[str]:
    looked = counted(report["keys"], "key")
    head = style.MIGRATE_HEADING(report["alias"])
    text = [f"{head} with {report['with']}: {looked} looked at"]
    return [*text, *_counts(report, _COMPARED, width), *_remarks(report)]


def _counts(report: Mapping[str, Any], words: Mapping[str, str], width: int | None) -> list[str]:
    rows = [(f"{report[name]:,}", told) for name, told in words.items() if report[name]]
    return table(rows, indent=2, width=width)


def _remarks(report: Mapping[str, Any]) -> Iterable[str]:
    if report["versions"] == "own":
        yield _OWN
    if report["unknown_servers"]:
        yield _UNKNOWN


def in_short(report: Mapping[str, Any]) -> str:
    if "copied" in report:
        return f"{counted(report['keys'], 'key')} looked at, {report['copied']:,} copied"
    return f"{counted(report['keys'], 'key')} looked at, {report['same']:,} the same"


def how_to_go_on(
    command: str,
    report: Mapping[str, Any],
    *,
    rate: int,
    replace: bool = False,
    tolerance: float = TOLERANCE,
    sample: int | None = None,
) -> str:
    """The command line that takes up an unfinished run."""
    words = [f"manage.py redis_cache {command} --alias", report["alias"]]
    words += ["--to", report["to"]] if command == "copy" else ["--with", report["with"]]
    if rate != RATE:
        words += ["--rate", str(rate)]
    if replace:
        words += ["--replace", "--no-input"]
    if tolerance != TOLERANCE:
        words += ["--tolerance", f"{tolerance:g}"]
    if sample is not None:  # which begins anew
        words += ["--sample", str(sample)]
    elif report["cursor"]:
        words += ["--cursor", report["cursor"]]
    return " ".join(words)
