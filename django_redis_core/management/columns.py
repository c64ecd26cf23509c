"""The columns that plugins add to ``stats``.

In reports they are ``{"columns": {distribution: {name: cell}}}`` of a server or a family, so that
two plugins may use one name. A column that goes wrong is named once and left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple, TypeAlias, TypeVar

from .._engine.built import ask
from .._plugins.asking import Nonsense, blame, many
from .._plugins.sources import Hooked
from ..commands import Command
from ..interfaces import EntryColumn, ServerColumn
from .targets import Target

T = TypeVar("T")

#: (distribution, name) of a column.
Name: TypeAlias = tuple[str, str]

_HOOK = "stats_columns"
_read = many((ServerColumn, EntryColumn), "columns: ServerColumn or EntryColumn")


class Asked(NamedTuple):
    """What is asked of a server for one key and column."""

    name: Name
    key: bytes
    command: Command


class Columns:
    """The columns of one cache. ``faults`` are sentences on those that went wrong."""

    def __init__(self, target: Target) -> None:
        self.faults: list[str] = []
        self._target = target
        self._of_servers: dict[Name, tuple[Hooked, ServerColumn]] = {}
        self._of_entries: dict[Name, tuple[Hooked, EntryColumn]] = {}
        for answer in ask(target.engine, _HOOK, _read):
            if answer.error is not None:
                self._fault(answer.of, answer.error)
            for column in answer.value or ():
                name = answer.of.source.distribution, column.name
                if isinstance(column, ServerColumn):
                    self._of_servers[name] = answer.of, column
                else:
                    self._of_entries[name] = answer.of, column

    def of_server(self, info: Mapping[str, str]) -> dict[str, Any]:
        """The cells of a server that tells this."""
        found: dict[Name, Any] = {}
        for name, (of, column) in [*self._of_servers.items()]:
            try:
                found[name] = _cell(column, column.read(info))
            except Exception as error:
                self._fault(of, error)
                del self._of_servers[name]
        return self._told(found, self._of_servers)

    def commands(self, keys: Iterable[bytes]) -> list[Asked]:
        """What to ask besides for these keys."""
        found: list[Asked] = []
        for name, (of, column) in [*self._of_entries.items()]:
            try:
                asked = [
                    Asked(name, key, _command(column, column.ask(text)))
                    for key in keys
                    if (text := _text(key)) is not None
                ]
            except Exception as error:
                self._fault(of, error)
                del self._of_entries[name]
            else:
                found += asked
        return found

    def of_keys(
        self, asked: Sequence[Asked], replies: Sequence[Any]
    ) -> dict[bytes, dict[Name, float]]:
        """What was counted, by key."""
        counts: dict[bytes, dict[Name, float]] = {}
        for (name, key, _), reply in zip(asked, replies, strict=True):
            if name not in self._of_entries or isinstance(reply, Exception):
                continue
            of, column = self._of_entries[name]
            try:
                counted = _number(column, column.count(key.decode(), reply))
            except Exception as error:
                self._fault(of, error)
                del self._of_entries[name]
            else:
                counts.setdefault(key, {})[name] = counted
        return counts

    def of_family(self, counts: Mapping[Name, float]) -> dict[str, Any]:
        """The cells of a family for which that was counted."""
        found = {name: round(counts.get(name, 0)) for name in self._of_entries}
        return self._told(found, self._of_entries)

    def _told(self, found: Mapping[Name, Any], there: Mapping[Name, Any]) -> dict[str, Any]:
        by_plugin: dict[str, dict[str, Any]] = {}
        for (distribution, name), cell in found.items():
            if (distribution, name) in there:
                by_plugin.setdefault(distribution, {})[name] = cell
        return {"columns": by_plugin} if by_plugin else {}

    def _fault(self, of: Hooked, error: BaseException) -> None:
        self.faults.append(f"{blame(of, _HOOK, error).trouble(self._target.explain(error))}.")


def _text(key: bytes) -> str | None:
    try:
        return key.decode()
    except UnicodeDecodeError:
        return None  # no key of a cache


def _command(column: EntryColumn, command: Any) -> Command:
    if not isinstance(command, Command) or command.kind.write:
        raise Nonsense(
            f"has a column {column.name!r} that asks a {type(command).__name__}; it must be a "
            "Command that reads"
        )
    return command


def _number(column: EntryColumn, count: Any) -> float:
    if not isinstance(count, int | float) or not isfinite(count):
        raise Nonsense(f"has a column {column.name!r} that counts {count!r}, which is no number")
    return count


def _cell(column: ServerColumn, cell: Any) -> Any:
    if cell is not None and not isinstance(cell, int | float | str):
        raise Nonsense(
            f"has a column {column.name!r} with a {type(cell).__name__} for a cell; it must be a "
            "number, a str or None"
        )
    return cell


def heads(rows: Iterable[Mapping[str, Any]]) -> list[Name]:
    """The columns that any of ``rows`` has, in their order."""
    names = (
        (plugin, name)
        for row in rows
        for plugin, cells in row.get("columns", {}).items()
        for name in cells
    )
    return list(dict.fromkeys(names))


def cells(row: Mapping[str, Any], names: Iterable[Name]) -> list[str]:
    """The cells of a row as text."""
    columns = row.get("columns", {})
    return [_shown(columns.get(plugin, {}).get(name)) for plugin, name in names]


def _shown(cell: Any) -> str:
    if cell is None:
        return "-"
    return f"{cell:,}" if isinstance(cell, int | float) else str(cell)
