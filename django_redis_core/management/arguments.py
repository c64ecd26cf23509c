"""What may be written on the command line: the types of values, and groups of options."""

from __future__ import annotations

import argparse
import math
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from .._codec import timeouts
from . import keys, recode, slowlog, subcommands, top
from .moving.text import TOLERANCE

_LONGEST = 86_400  # seconds of an interval


def positive(text: str) -> int:
    """The type of a number on the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a number of 1 or more, not {text!r}")
    return int(text)


def whole(text: str) -> int:
    """The type of a number that may be 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a number of 0 or more, not {text!r}")
    return int(text)


def seconds(text: str) -> float:
    """The type of ``--interval``."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found <= _LONGEST:
        raise argparse.ArgumentTypeError(f"seconds, more than 0, at most {_LONGEST}, not {text!r}")
    return found


def living(text: str) -> float | None:
    """The type of a time to live: seconds, or "never", which is None."""
    if text == "never":
        return None
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found <= timeouts.MAX_MILLISECONDS / 1000:
        raise argparse.ArgumentTypeError(
            f'seconds, more than 0, or "never", not {text!r}; "delete" removes an entry'
        )
    return found


def cursors(text: str) -> recode.Cursors:
    """The type of ``--cursor``."""
    try:
        return recode.Cursors(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}, not {text!r}") from error


def add_stats(sub: Any) -> None:
    sub.add_argument(
        "--interval",
        type=seconds,
        help="Show what servers count as rates over so many seconds, and look at no keys.",
    )
    sub.add_argument(
        "--sample",
        type=whole,
        help=f"Keys to look at; 0: none, the servers' counters alone. Default: "
        f"{subcommands.SAMPLE}.",
    )
    sub.add_argument("--all", dest="every", action="store_true", help="Look at every key.")
    sub.add_argument(
        "--biggest",
        type=positive,
        metavar="N",
        help="List the N largest entries of those looked at. Default: none, with --all "
        f"{subcommands.BIGGEST}.",
    )
    sub.add_argument(
        "--lookups",
        action="store_true",
        help="Also ask each key for its time to live and for the columns of plugins. The server "
        "counts these look-ups as hits.",
    )
    sub.add_argument(
        "--depth",
        type=positive,
        default=1,
        help="Parts of a key, between colons, that make its family. Default: 1.",
    )
    sub.add_argument("--families", type=positive, default=20, help="Families to list. Default: 20.")


def add_key_version(sub: Any) -> None:
    sub.add_argument(
        "--key-version", type=version, help="The version of the key. Default: the cache's VERSION."
    )


def version(text: str) -> Any:
    """A number as sites write it, so that a KEY_FUNCTION may format it."""
    return int(text) if text.isdecimal() and text == str(int(text)) else text


def add_no_input(sub: Any) -> None:
    sub.add_argument(
        "--no-input", "--noinput", action="store_true", help="Delete without asking before."
    )


def add_rate(sub: Any) -> None:
    """For long work on keys."""
    sub.add_argument(
        "--rate",
        type=positive,
        default=recode.RATE,
        help=f"Keys a second, at most. Default: {recode.RATE}.",
    )
    sub.add_argument("--cursor", type=cursors, help="Where an interrupted run goes on.")


def add_copy(sub: Any) -> None:
    sub.add_argument("--to", required=True, metavar="ALIAS", help="The cache to copy into.")
    sub.add_argument(
        "--replace",
        action="store_true",
        help="Write over entries that the other cache has already.",
    )
    add_rate(sub)
    sub.add_argument(
        "--no-input", "--noinput", action="store_true", help="Replace without asking before."
    )


def add_compare(sub: Any) -> None:
    sub.add_argument(
        "--with", dest="other", required=True, metavar="ALIAS", help="The cache to compare with."
    )
    sub.add_argument(
        "--sample", type=positive, metavar="N", help="Compare some N keys. Default: all."
    )
    sub.add_argument(
        "--tolerance",
        type=seconds,
        default=TOLERANCE,
        help=f"Seconds by which times to live may differ. Default: {TOLERANCE:g}.",
    )
    add_rate(sub)


def add_keys(sub: Any) -> None:
    sub.add_argument("pattern", help="A glob pattern for keys, as the site names them.")
    sub.add_argument(
        "--limit",
        type=positive,
        default=keys.LIMIT,
        metavar="N",
        help=f"Keys to list, at most. Default: {keys.LIMIT}.",
    )
    add_key_version(sub)


def add_set(sub: Any) -> None:
    sub.add_argument("key", help="The key, as the site names it.")
    sub.add_argument("value", help="The value, a text; with --json it is JSON.")
    sub.add_argument(
        "--timeout",
        type=living,
        default=DEFAULT_TIMEOUT,
        metavar="SECONDS",
        help='How long it lives, or "never" for no expiry. Default: TIMEOUT of the cache.',
    )
    add_key_version(sub)


def add_touch(sub: Any) -> None:
    sub.add_argument("key", help="The key, as the site names it.")
    sub.add_argument(
        "seconds",
        nargs="?",
        type=living,
        default=DEFAULT_TIMEOUT,
        help='How long it lives from now, or "never" for no expiry. Default: TIMEOUT of the cache.',
    )
    add_key_version(sub)


def add_expire(sub: Any) -> None:
    sub.add_argument("key", help="The key, as the site names it.")
    sub.add_argument("seconds", type=living, help='How long it lives from now, or "never".')
    add_key_version(sub)


def add_slowlog(sub: Any) -> None:
    sub.add_argument(
        "--count",
        type=positive,
        default=slowlog.ENTRIES,
        metavar="N",
        help=f"Entries of each server to show. Default: {slowlog.ENTRIES}.",
    )


def add_metrics(sub: Any) -> None:
    sub.add_argument(
        "--doctor",
        dest="with_doctor",
        action="store_true",
        help="Also what doctor makes of each cache, which writes a key of its own.",
    )


def add_top(sub: Any) -> None:
    sub.add_argument(
        "--interval",
        type=seconds,
        default=top.INTERVAL,
        help=f"Seconds between two looks. Default: {top.INTERVAL:g}.",
    )
    sub.add_argument("--once", action="store_true", help="Look once, and print it.")
    sub.add_argument(
        "--hot",
        action="store_true",
        help="Also the families of keys that are asked for most, where maxmemory-policy is an LFU. "
        "These are look-ups that servers count.",
    )
