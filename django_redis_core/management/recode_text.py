"""The outcome of a recode, as a report and as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .output import counted, size, table
from .recode import RATE, Recoding

_WORDS = {
    "current": "are in today's format already",
    "integers": "are integers, stored as digits",
    "locks": "are locks",
    "other_types": "are hashes, lists, sets or sorted sets",
    "changed": "were changed by somebody else meanwhile, and left alone",
    "gone": "were gone before they were read",
    "unreadable": "cannot be read with these settings, and were left as they are",
    "refused": "cannot be stored in today's format, and were left as they are",
}


def outcome(alias: str, recoding: Recoding, *, complete: bool, dry_run: bool) -> dict[str, Any]:
    return {
        "alias": alias,
        "complete": complete,
        "dry_run": dry_run,
        "cursor": "" if complete else str(recoding.cursors),
        "unknown_servers": len(recoding.cursors.unknown) if complete else 0,
        **vars(recoding.counts),
        "errors": dict(recoding.counts.errors),
    }


def lines(report: Mapping[str, Any], style: Any, width: int | None) -> list[str]:
    would = report["dry_run"]
    head = (
        f"{style.MIGRATE_HEADING(report['alias'])}: {counted(report['keys'], 'key')} looked at, "
        f"{report['rewritten']:,} {'would be' if would else 'were'} rewritten "
        f"({size(report['bytes_before'])} {'would become' if would else 'became'} "
        f"{size(report['bytes_after'])})"
    )
    text = [head]
    text += table(
        [(f"{report[name]:,}", words) for name, words in _WORDS.items() if report[name]],
        indent=2,
        width=width,
    )
    for error, count in sorted(report["errors"].items()):
        text.append(style.WARNING(f"  {count:,} × {error}"))
    if report["unknown_servers"]:
        text.append(
            "  --cursor names a database that is not there any more (a server was restarted or "
            "replaced): what is there now was looked at from its beginning."
        )
    return text


def in_short(report: Mapping[str, Any]) -> str:
    return (
        f"{counted(report['keys'], 'key')} looked at, {report['rewritten']:,} "
        f"{'to be rewritten' if report['dry_run'] else 'rewritten'}"
    )


def how_to_go_on(report: Mapping[str, Any], rate: int) -> str:
    """The command that takes up an unfinished run."""
    words = ["manage.py redis_cache recode --alias", report["alias"]]
    if rate != RATE:
        words += ["--rate", str(rate)]
    if report["cursor"]:
        words += ["--cursor", report["cursor"]]
    if report["dry_run"]:
        words.append("--dry-run")
    return " ".join(words)
