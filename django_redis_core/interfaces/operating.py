"""What a plugin adds to ``manage.py redis_cache``: subcommands, and columns of ``stats``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from ..commands import Command
    from .built import BuiltCache


class Subcommand(ABC):
    """A subcommand of ``manage.py redis_cache``, which the hook ``redis_cache_subcommands`` offers.

    A complete one::

        from django_redis_core.interfaces import Subcommand

        class Owner(Subcommand):
            name = "owner"
            help = "Print whose entries these are."

            def add_arguments(self, parser):
                parser.add_argument("--key", default="owner", help="Where that stands.")

            def report(self, cache, *, key):
                return {"owner": cache.call("get", key)}

            def lines(self, report):
                return [f"owned by {report['owner'] or 'nobody'}"]

    The core adds ``--alias`` (several; without it all caches that use a part of the plugin, or all
    where it offers none), ``--json`` and Django's own options. A server that is down is told in the
    command's words, and the next cache has its turn.
    """

    #: What is written after ``redis_cache``: letters, digits, "-" and "_".
    name: ClassVar[str]
    #: One line for ``--help``.
    help: ClassVar[str]

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds arguments of its own; ``report`` gets them by their names."""
        return

    @abstractmethod
    def report(self, cache: BuiltCache, *args: Any, **options: Any) -> Any:
        """What there is to tell of one cache, of types that JSON has. Raises Django's CommandError
        for what cannot be done."""

    @abstractmethod
    def lines(self, report: Any) -> Iterable[str]:
        """The report as text, below the cache's name."""

    def problem(self, report: Any) -> str:
        """What is wrong, in words; then the exit code is 1. Empty where all is well."""
        return ""


class ServerColumn:
    """A column of ``stats`` with a cell for each server.

    ``name`` is its head, in capitals on a terminal, and its key in JSON. ``read`` makes the cell
    from what INFO tells (https://redis.io/commands/info/), by its names: a number, a str, or None
    where there is nothing to tell. Where a server refuses INFO it is not asked.
    """

    __slots__ = ("name", "read")

    def __init__(
        self, name: str, read: Callable[[Mapping[str, str]], int | float | str | None]
    ) -> None:
        self.name = name
        self.read = read


class EntryColumn:
    """A column of ``stats`` with a sum for each family of keys.

    ``ask`` makes the command that is sent for each key of the sample (the whole key, as stored),
    along with those of ``stats`` itself, which must read only. ``count`` makes a number from the
    key and the reply: 1 for what is to be counted, bytes, or whatever can be summed up. For what is
    gone or of another type, where the server refuses the command, nothing is counted. The sum of a
    sample stands for all keys, as that of bytes does.

    It is asked for with ``stats --lookups`` alone, because servers count most commands on a key as
    a hit.
    """

    __slots__ = ("ask", "count", "name")

    def __init__(
        self, name: str, ask: Callable[[str], Command], count: Callable[[str, Any], float]
    ) -> None:
        self.name = name
        self.ask = ask
        self.count = count
