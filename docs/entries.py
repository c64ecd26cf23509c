"""The reference for authors: which names have an entry, and on which page.

A page of docs/api/ says in a comment where the entries of a room stand, for example

    <!-- reference: connections: Topology SingleServer -->
    <!-- reference: connections -->

the first of those that it names, the second of all others that the room exports. So a new export
has an entry without a line here.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import griffe
from docstrings import PACKAGE, Docstrings, is_foreign, names, public_rooms

ROOT = Path(__file__).resolve().parents[1]

_MARKER = re.compile(r"^<!-- reference: ?([\w.]*)(?:: ([^>]*?))? -->$", re.M)

#: Where the hooks are specified: no room for imports, but what authors implement.
HOOKS = "_plugins.hookspecs"


@cache
def package() -> griffe.Module:
    """The core as griffe reads it, with docstrings as Markdown."""
    extensions = griffe.load_extensions(Docstrings)
    loaded = griffe.load(PACKAGE, search_paths=[str(ROOT)], extensions=extensions)
    assert isinstance(loaded, griffe.Module)
    return loaded


def rooms() -> dict[str, list[str]]:
    """The names that each public room exports, by the room's name below the package; the hooks."""
    found = {room.path[len(PACKAGE) + 1 :]: names(room) for room in public_rooms(package())}
    found[HOOKS] = names(package()[HOOKS])
    return {room: listed for room, listed in found.items() if listed}


def with_entries(markdown: str) -> str:
    """``markdown`` with each marker replaced by the entries that it stands for."""
    named: dict[str, set[str]] = {}
    for room, listed in _MARKER.findall(markdown):
        named.setdefault(room, set()).update(listed.split())

    def entries(marker: re.Match[str]) -> str:
        room, listed = marker[1], marker[2]
        every = rooms()[room]
        if listed is None:
            chosen = [name for name in every if name not in named[room]]
        else:
            chosen = listed.split()
            if unknown := set(chosen) - set(every):
                raise ValueError(f"{room or PACKAGE} does not export {', '.join(sorted(unknown))}")
        # Only what a page does not name yet has no heading of its own there.
        heading = "## More\n\n" if listed is None and chosen and named[room] else ""
        return heading + "\n".join(entry(room, name) for name in chosen)

    return _MARKER.sub(entries, markdown)


def entry(room: str, name: str) -> str:
    """What mkdocstrings is told, in a page; for what another library defines, where that is."""
    path = ".".join(filter(None, (PACKAGE, room, name)))
    found = package()[path[len(PACKAGE) + 1 :]]
    if is_foreign(found):
        library = found.target_path.partition(".")[0].capitalize()
        return f"### {name}\n\n{library}'s `{found.target_path}`.\n"
    inherited = inherited_members(found) if found.is_class else []
    options = f"    options:\n      inherited_members: {inherited}\n" if inherited else ""
    return f"::: {path}\n{options}"


def inherited_members(thing: griffe.Object | griffe.Alias) -> list[str]:
    """What a class has from bases without an entry, as far as its own docstring names it or its
    example defines it: such a base stands for how the class is made, and of what it has, this is
    what authors meet. Operations are on a page of theirs."""
    text = thing.docstring.value if thing.docstring else ""
    named = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`\n]+`", text))))
    for example in re.findall(r"^```.*?^```", text, re.M | re.S):
        named |= set(re.findall(r"^ *(?:def )?(\w+)(?:\(self| = )", example, re.M))
    return [
        name
        for name, member in thing.inherited_members.items()
        if name in named
        and member.docstring
        and not _is_operation(member.final_target)
        and not _has_entry(member.final_target.parent)
    ]


def _is_operation(member: griffe.Object) -> bool:
    return isinstance(member, griffe.Function) and any(
        "operation(" in str(decorator.value) for decorator in member.decorators
    )


def _has_entry(base: griffe.Object | None) -> bool:
    return any(
        base is not None and package()[path].canonical_path == base.canonical_path
        for room, every in rooms().items()
        for path in [".".join(filter(None, (room, name))) for name in every]
        if path.endswith(f".{base.name if base else ''}")
    )
