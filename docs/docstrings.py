"""Docstrings as they are written here, for mkdocstrings: an extension of griffe, which reads them.

The source keeps the conventions of Python's own: ``::`` before an example, two backticks around a
name, an attribute's meaning after ``#:``. Here they become Markdown, and a name of the reference
becomes a link to its entry.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe

PACKAGE = "django_redis_core"

_EXAMPLE = re.compile(r"(?P<words>[^\n]*?)::\n\n(?P<code>(?:(?: {4}[^\n]*)?(?:\n|$))+)")
_LITERAL = re.compile(r"``(.+?)``", re.S)
_URL = re.compile(r"(?<![(<\"'`])https?://[^\s)>`]+")
_FENCE = re.compile(r"^(```.*?^```)$", re.M | re.S)


class Docstrings(griffe.Extension):
    """Rewrites the docstrings of the whole package, once it is loaded."""

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        if pkg.name == PACKAGE:
            every = list(members(pkg))
            for one in every:
                _give_comment(one)
                _uncover(one)
            links = Links(pkg)
            for one in every:
                if one.docstring:
                    text = links.markdown(one.docstring.value, one)
                    one.docstring.value = text + _of_redis(one)


def members(thing: griffe.Object) -> Iterator[griffe.Object]:
    """All that is defined in a module or class, at any depth."""
    for member in thing.members.values():
        if isinstance(member, griffe.Object):
            yield member
            yield from members(member)


def public_rooms(pkg: griffe.Module) -> Iterator[griffe.Module]:
    """The package and those of its modules and packages, at any depth, that say in ``__all__`` what
    they offer, except in rooms with an underscore."""
    yield pkg
    for module in pkg.members.values():
        # What a module imports is among its members too, and is no module of it.
        if not isinstance(module, griffe.Module) or module.name.startswith("_"):
            continue
        if module.exports is not None or module.is_package:
            yield from public_rooms(module)


def names(room: griffe.Module) -> list[str]:
    """What a room offers, in the order of its ``__all__``; of the hooks' module, the hooks."""
    if room.path.endswith(".hookspecs"):
        return hooks_of(room)
    return [str(name) for name in room.exports or [] if not str(name).startswith("__")]


def hooks_of(module: griffe.Module) -> list[str]:
    return [
        name
        for name, function in module.functions.items()
        if any("hookspec" in str(decorator.value) for decorator in function.decorators)
    ]


def _give_comment(thing: griffe.Object) -> None:
    """Lets an attribute have what stands after ``#:`` above it."""
    if thing.docstring or not isinstance(thing, griffe.Attribute) or not thing.lineno:
        return
    if not isinstance(thing.filepath, Path):
        return
    lines = thing.lines_collection[thing.filepath]
    comment: list[str] = []
    for line in reversed(lines[: thing.lineno - 1]):
        if not line.strip().startswith("#:"):
            break
        comment.insert(0, line.strip().removeprefix("#:").strip())
    if comment:
        thing.docstring = griffe.Docstring("\n".join(comment), parent=thing)


def _uncover(thing: griffe.Object) -> None:
    """Lets a method be seen that a constructor replaces by a shorter way on some objects."""
    if isinstance(thing, griffe.Class):
        for name, member in list(thing.members.items()):
            if "instance-attribute" in member.labels and not member.docstring:
                thing.del_member(name)


def is_foreign(member: griffe.Object | griffe.Alias) -> bool:
    """Whether another library defines it."""
    return isinstance(member, griffe.Alias) and not member.target_path.startswith(f"{PACKAGE}.")


class Links:
    """Makes Markdown of docstrings, in which a name of the reference leads to its entry."""

    def __init__(self, pkg: griffe.Module) -> None:
        #: What public rooms export, by its name; nothing where two rooms mean two things by it.
        self._entries: dict[str, griffe.Object | griffe.Alias | None] = {}
        for room in public_rooms(pkg):
            for name in names(room):
                if not is_foreign(room[name]):
                    taken = name in self._entries
                    self._entries[name] = None if taken else room[name]

    def markdown(self, text: str, thing: griffe.Object) -> str:
        text = _EXAMPLE.sub(_fenced, text)
        parts = _FENCE.split(text)
        return "".join(
            part if part.startswith("```") else self._prose(part, thing) for part in parts
        )

    def _prose(self, text: str, thing: griffe.Object) -> str:
        def literal(found: re.Match[str]) -> str:
            code = f"`{' '.join(found[1].split())}`"
            path = self._path(found[1].removesuffix("()"), thing)
            return f"[{code}][{path}]" if path else code

        return _URL.sub(lambda url: f"<{url[0]}>", _LITERAL.sub(literal, text))

    def _path(self, name: str, thing: griffe.Object) -> str | None:
        """The path of the entry that ``name`` means in the docstring of ``thing``.

        A word in small letters is mostly an argument, so it counts as a member of the same class,
        or where an underscore makes it unlike one.
        """
        head, _, member = name.partition(".")
        found = self._entries.get(head)
        if found is not None and (head[0].isupper() or "_" in head or member):
            if member:
                return f"{found.path}.{member}" if self._shown(found, member) else None
            # Nothing leads to where one is.
            around = {thing.path, thing.parent.path if thing.parent else ""}
            return None if found.canonical_path in around else found.path
        home = thing if isinstance(thing, griffe.Class) else thing.parent
        if not isinstance(home, griffe.Class) or member or name in getattr(thing, "parameters", ()):
            return None
        own = self._entries.get(home.name)
        if own is None or own.canonical_path != home.path or not self._shown(own, name):
            return None
        return None if home.members[name] is thing else f"{own.path}.{name}"

    @staticmethod
    def _shown(thing: griffe.Object | griffe.Alias, name: str) -> bool:
        """Whether a class has a function that its entry shows."""
        member = thing.members.get(name) if thing.is_class else None
        return bool(member and not name.startswith("_") and member.docstring and member.is_function)


def _of_redis(thing: griffe.Object) -> str:
    """For what makes a command, the page that says all about it."""
    if not re.fullmatch(rf"{PACKAGE}\.commands\.\w+\.[A-Z]+(_[A-Z]+)?", thing.path):
        return ""
    name = thing.name.partition("_")[0]
    return f"\n\n[{name} in Redis](https://redis.io/docs/latest/commands/{name.lower()}/)"


def _fenced(found: re.Match[str]) -> str:
    words = found["words"] + ":" if found["words"].strip() else ""
    code = textwrap.dedent(found["code"]).strip("\n")
    return f"{words}\n\n```python\n{code}\n```\n\n"
