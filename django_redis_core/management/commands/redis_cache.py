"""``manage.py redis_cache``: see, check and mend what a site caches in Redis.

The command line alone: what a subcommand does stands in the module of its name beside this folder.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.core.management.color import no_style

from .. import of_plugins, recode, subcommands
from ..console import Console
from ..targets import Interrupted

_ALL = "The cache to look at, by its alias in CACHES; may be given several times. Default: all."
_ONE = "The cache, by its alias in CACHES. Default: default."

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


def cursors(text: str) -> recode.Cursors:
    """The type of ``--cursor``."""
    try:
        return recode.Cursors(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}, not {text!r}") from error


class Command(BaseCommand):
    help = "See, check and mend the caches of django-redis-core."
    requires_system_checks: Sequence[str] = ()  # doctor and plugins tell what is wrong themselves

    def add_arguments(self, parser: CommandParser) -> None:
        found = parser.add_subparsers(dest="subcommand", required=True, metavar="subcommand")

        def add(name: str, words: str, run: Callable[..., None], *, one: bool = False) -> Any:
            sub = found.add_parser(name, help=words, description=words)
            if one:
                sub.add_argument("--alias", default="default", help=_ONE)
            else:
                sub.add_argument("--alias", action="append", help=_ALL)
            sub.add_argument("--json", action="store_true", help="Print JSON, for machines.")
            sub.set_defaults(run=run)
            # Django's own options may stand after the subcommand too.
            same: dict[str, Any] = {"default": argparse.SUPPRESS, "help": argparse.SUPPRESS}
            for flag in ("--no-color", "--force-color", "--traceback", "--skip-checks"):
                sub.add_argument(flag, action="store_true", **same)
            for flag in ("--settings", "--pythonpath"):
                sub.add_argument(flag, **same)
            sub.add_argument("-v", "--verbosity", type=int, choices=range(4), **same)
            return sub

        add(
            "plugins",
            "List the plugins: what is installed, and which caches use it.",
            subcommands.plugins,
        )

        sub = add(
            "doctor",
            "Examine caches: settings, servers, encoding. 1 if unwell.",
            subcommands.examine,
        )
        sub.add_argument(
            "--pings", type=positive, default=20, help="Round trips to measure. Default: 20."
        )

        sub = add("stats", "Count hits, and keys and bytes by family.", subcommands.count)
        _add_stats(sub)

        for name, words, run in (
            ("get", "Print an entry. 1 if there is none.", subcommands.get),
            ("ttl", "Print how long an entry lives on. 1 if there is none.", subcommands.ttl),
        ):
            sub = add(name, words, run, one=True)
            sub.add_argument("key", help="The key, as the site names it.")
            _add_key_version(sub)

        sub = add("delete", "Delete entries by key or pattern.", subcommands.delete, one=True)
        sub.add_argument("keys", nargs="*", metavar="key", help="Keys, as the site names them.")
        sub.add_argument("--pattern", help="A glob pattern for keys, as the site names them.")
        _add_key_version(sub)
        _add_no_input(sub)

        sub = add("clear", "Empty a cache, as cache.clear() does.", subcommands.clear, one=True)
        sub.add_argument(
            "--prefix",
            nargs="?",
            const=True,
            help="Delete only the keys of the cache's KEY_PREFIX, whatever else is in the "
            "database; or of another prefix.",
        )
        _add_no_input(sub)

        sub = add(
            "recode",
            "Rewrite entries to the format of today's settings.",
            subcommands.rewrite,
            one=True,
        )
        sub.add_argument(
            "--rate",
            type=positive,
            default=recode.RATE,
            help=f"Keys a second, at most. Default: {recode.RATE}.",
        )
        sub.add_argument("--cursor", type=cursors, help="Where an interrupted run goes on.")
        sub.add_argument("--dry-run", action="store_true", help="Count, and change nothing.")

        self._faults = of_plugins.add_all(add, taken=found.choices)

    def handle(
        self, *, run: Callable[..., None], json: bool, verbosity: int, **options: Any
    ) -> None:
        if os.environ.get("NO_COLOR") and not options["force_color"]:
            self.style, self.stderr.style_func = no_style(), None
        console = Console(
            self.stdout,
            self.stderr,
            self.style,
            as_json=json,
            force_color=options["force_color"],
            verbosity=verbosity,
        )
        for fault in self._faults:
            console.remark(fault)
        try:
            run(console, **options)
        except KeyboardInterrupt:
            raise Interrupted("Stopped; the same command begins again.") from None


def _add_stats(sub: CommandParser) -> None:
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


def _add_key_version(sub: CommandParser) -> None:
    sub.add_argument(
        "--key-version", type=_version, help="The version of the key. Default: the cache's VERSION."
    )


def _version(text: str) -> Any:
    """A number as sites write it, so that a KEY_FUNCTION may format it."""
    return int(text) if text.isdecimal() and text == str(int(text)) else text


def _add_no_input(sub: CommandParser) -> None:
    sub.add_argument(
        "--no-input", "--noinput", action="store_true", help="Delete without asking before."
    )
