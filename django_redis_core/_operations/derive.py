"""Writes ``direct.py``: operations of one command as plain functions, made out of their generators.

    python -m django_redis_core._operations.derive

An operation is declared once, as a generator, and that is what plugins, pipelines and observers
have. To begin a generator, to send to it and to take the result out of its StopIteration takes half
as long as all the rest of a ``get`` does in Python; so a cache whose clients have left an operation
as it is runs the same lines as a function, in which each ``yield`` has become a call. A test holds
what is written against the generators.
"""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path
from types import ModuleType

from . import counters, expiry, strings

#: What is derived: operations, and what they are made of. One that may stumble over the reply to a
#: script sends that by itself: which request a ``Script`` has made is known to ``run`` alone.
NAMES = ("get", "set", "has_key", "delete", "get_many", "set_many", "touch", "live_for", "incr")

_MODULES = (strings, expiry, counters)

FILE = Path(__file__).with_name("direct.py")

_HEAD = '''"""Operations of one command, without a generator. Written by ``derive.py``, not by hand.

``ask`` answers a request, as the driver's ``execute`` does. What is in ``MADE_OF`` must be of the
client as it stands there for a function to do what the operation does.
"""

# mypy: ignore-errors
# ruff: noqa: A001, ASYNC109, I001, UP034

from __future__ import annotations

'''


class _Asking(ast.NodeTransformer):
    """A ``yield`` becomes a call of ``ask``, a ``yield from`` runs what it is given."""

    def __init__(self, asynchronous: bool) -> None:
        self.asynchronous = asynchronous
        self.made_of: set[str] = set()

    def visit_Yield(self, node: ast.Yield) -> ast.AST:
        assert node.value is not None
        asked = f"ask((request := {ast.unparse(self.visit(node.value))}))"
        return self._parsed(f"(answer := {self._waited(asked)})")

    def visit_YieldFrom(self, node: ast.YieldFrom) -> ast.AST:
        call = self.visit(node.value)
        assert isinstance(call, ast.Call)
        text, prefix = ast.unparse(call), "a" if self.asynchronous else ""
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if name in NAMES:
            self.made_of.add(name)
            arguments = ", ".join(map(ast.unparse, call.args))
            return self._parsed(self._waited(f"{prefix}{name}(self, ask, {arguments})"))
        return self._parsed(self._waited(f"{prefix}run({text}, ask)"))

    def _waited(self, text: str) -> str:
        return f"(await {text})" if self.asynchronous else text

    def _parsed(self, text: str) -> ast.expr:
        return ast.parse(text, mode="eval").body


def text() -> str:
    """The whole file, not laid out."""
    functions: list[str] = []
    made_of: dict[str, tuple[str, ...]] = {}
    for module in _MODULES:
        for node in _functions(module):
            for asynchronous in (False, True):
                asking = _Asking(asynchronous)
                functions.append(_derived(node, asking))
                made_of[node.name] = (node.name, *sorted(asking.made_of))
    names = {word for part in functions for word in _names(part)}
    imports = _imports(names)
    table = f"MADE_OF = {made_of!r}"
    return _HEAD + "\n".join([*imports, "", "", *functions, table, ""])


def _functions(module: ModuleType) -> list[ast.FunctionDef]:
    tree = ast.parse(inspect.getsource(module))
    return [
        node
        for family in tree.body
        if isinstance(family, ast.ClassDef)
        for node in family.body
        if isinstance(node, ast.FunctionDef) and node.name in NAMES
    ]


def _derived(node: ast.FunctionDef, asking: _Asking) -> str:
    listed = ast.unparse(node.args).removeprefix("self, ")
    body = [ast.fix_missing_locations(asking.visit(each)) for each in _body(node)]
    kind, prefix = ("async def", "a") if asking.asynchronous else ("def", "")
    lines = "\n".join(ast.unparse(each) for each in body)
    indented = "\n".join(f"        {line}" for line in lines.splitlines())
    return (
        f"{kind} {prefix}{node.name}(self, ask, {listed}):\n"
        "    request = answer = NOTHING\n"
        f"    try:\n{indented}\n"
        "    except STUMBLED as error:\n"
        "        if (trouble := misread(request, answer)) is not None:\n"
        "            raise trouble from error\n"
        "        raise\n\n"
    )


def _body(node: ast.FunctionDef) -> list[ast.stmt]:
    """Anew for each use, for it is changed, and without the docstring."""
    again = ast.parse(ast.unparse(node)).body[0]
    assert isinstance(again, ast.FunctionDef)
    return again.body[1:] if ast.get_docstring(again) else again.body


def _names(source: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def _imports(names: set[str]) -> list[str]:
    """What the functions use of the modules that they are from."""
    lines = ["from ..commands.running import arun, run"]
    lines.append("from ..commands.shapes import NOTHING, STUMBLED, misread")
    for module in _MODULES:
        used = sorted(names & set(vars(module)) - {"annotations"})
        names = names - set(used)
        if used:
            lines.append(f"from .{module.__name__.rpartition('.')[2]} import {', '.join(used)}")
    return lines


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{FILE} is written.\n")
