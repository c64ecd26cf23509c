"""``manage.py redis_cache``: see, check and mend what a site caches in Redis.

The command line alone: what a subcommand does stands in the module of its name beside this folder.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.core.management.color import no_style

from .. import arguments, editing, keys, metrics, of_plugins, slowlog, subcommands, top
from ..console import Console
from ..moving import command as moving
from ..targets import Interrupted

_ALL = "The cache to look at, by its alias in CACHES; may be given several times. Default: all."
_ONE = "The cache, by its alias in CACHES. Default: default."


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
            "--pings",
            type=arguments.positive,
            default=20,
            help="Round trips to measure. Default: 20.",
        )

        sub = add("stats", "Count hits, and keys and bytes by family.", subcommands.count)
        arguments.add_stats(sub)

        sub = add("top", "Show what servers do now, until q or Ctrl-C.", top.run)
        arguments.add_top(sub)

        sub = add("metrics", "Print what servers count as OpenMetrics text.", metrics.run)
        arguments.add_metrics(sub)

        for name, words, run in (
            ("get", "Print an entry. 1 if there is none.", subcommands.get),
            ("ttl", "Print how long an entry lives on. 1 if there is none.", subcommands.ttl),
        ):
            sub = add(name, words, run, one=True)
            sub.add_argument("key", help="The key, as the site names it.")
            arguments.add_key_version(sub)
            if name == "get":
                sub.add_argument(
                    "--decode",
                    action="store_true",
                    help="Read it as the cache does, also where that may run code that the entry "
                    "names (pickles of classes).",
                )

        sub = add("keys", "List keys by a pattern. 1 if there is none.", keys.run, one=True)
        arguments.add_keys(sub)

        sub = add("set", "Write an entry, over what is there.", editing.write, one=True)
        arguments.add_set(sub)

        for name, words, add_arguments in (
            ("touch", "Let an entry live anew. 1 if there is none.", arguments.add_touch),
            ("expire", "The same, under the server's name for it.", arguments.add_expire),
        ):
            add_arguments(add(name, words, editing.touch, one=True))

        sub = add("slowlog", "List what took servers long.", slowlog.run)
        arguments.add_slowlog(sub)

        sub = add("delete", "Delete entries by key or pattern.", subcommands.delete, one=True)
        sub.add_argument("keys", nargs="*", metavar="key", help="Keys, as the site names them.")
        sub.add_argument("--pattern", help="A glob pattern for keys, as the site names them.")
        arguments.add_key_version(sub)
        arguments.add_no_input(sub)

        sub = add("clear", "Empty a cache, as cache.clear() does.", subcommands.clear, one=True)
        sub.add_argument(
            "--prefix",
            nargs="?",
            const=True,
            help="Delete only the keys of the cache's KEY_PREFIX, whatever else is in the "
            "database; or of another prefix.",
        )
        arguments.add_no_input(sub)

        sub = add(
            "recode",
            "Rewrite entries to the format of today's settings.",
            subcommands.rewrite,
            one=True,
        )
        arguments.add_rate(sub)
        sub.add_argument("--dry-run", action="store_true", help="Count, and change nothing.")

        sub = add("copy", "Copy entries into another cache.", moving.copy, one=True)
        arguments.add_copy(sub)

        sub = add(
            "compare",
            "Compare entries with those of another cache. 1 if they differ.",
            moving.compare,
            one=True,
        )
        arguments.add_compare(sub)

        self._faults = of_plugins.add_all(add, taken=found.choices)

    def handle(
        self,
        *,
        subcommand: str,
        run: Callable[..., None],
        json: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        if os.environ.get("NO_COLOR") and not options["force_color"]:
            self.style, self.stderr.style_func = no_style(), None
        console = Console(
            self.stdout,
            self.stderr,
            self.style,
            command=subcommand,
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
