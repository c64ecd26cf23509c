"""Calls in a plugin that make a generator and throw it away: a forgotten ``yield from``.

Nothing happens then and nothing is said, and nobody can tell while the program runs without a
price for each call that is right. So ``manage.py check`` reads the source: of the object that a
cache has, for only there it is known which function ``super().set`` is. What is found is without a
doubt: a generator that nobody runs does nothing, whatever else the method is about.
"""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any, NamedTuple

_CORE = __name__.partition(".")[0]

#: The functions of files that were read, by their first line.
_Files = dict[str, dict[int, ast.FunctionDef]]


class Forgotten(NamedTuple):
    """``method`` of ``owner`` calls ``called`` at ``place``, and ``what`` becomes of that."""

    owner: type[Any]
    method: str
    called: str
    place: str
    what: str


def forgotten(part: Any, operations: Any = ()) -> Iterator[Forgotten]:
    """The generators that methods of a plugin's object make and do not run. Those named in
    ``operations`` must not return one either, for it would be the answer to the site."""
    files: _Files = {}
    for owner in type(part).__mro__:
        if owner.__module__.partition(".")[0] == _CORE:
            continue
        for name, function in vars(owner).items():
            if isinstance(function, FunctionType):
                yield from _in_function(part, owner, name, function, name in operations, files)


def _in_function(
    part: Any, owner: type[Any], name: str, function: FunctionType, answers: bool, files: _Files
) -> Iterator[Forgotten]:
    function = inspect.unwrap(function)
    node = _defined(function.__code__, files)
    if node is None or not (node.args.posonlyargs + node.args.args):
        return
    me = (node.args.posonlyargs + node.args.args)[0].arg
    answers = answers and inspect.isgeneratorfunction(function)
    for statement in _statements(node, deeper=False):
        if isinstance(statement, ast.Expr):
            what = "throws away the generator that it returns, so nothing of it is done"
        elif isinstance(statement, ast.Return) and answers:
            what = "answers with the generator that it returns"
        else:
            continue
        call = statement.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            base = ast.unparse(call.func.value)
            if _makes_generator(part, owner, base, me, call.func.attr):
                place = f"{function.__code__.co_filename}, line {statement.lineno}"
                yield Forgotten(owner, name, f"{base}.{call.func.attr}", place, what)


def _defined(code: CodeType, files: _Files) -> ast.FunctionDef | None:
    """The definition of a function, or None where it cannot be read."""
    file = code.co_filename
    if file not in files:
        try:
            tree = ast.parse("".join(linecache.getlines(file)))
        except (SyntaxError, ValueError):  # changed meanwhile, or no Python at all
            tree = ast.Module([], [])
        files[file] = {
            min([node.lineno, *(one.lineno for one in node.decorator_list)]): node
            for node in _statements(tree, deeper=True)
            if isinstance(node, ast.FunctionDef)
        }
    node = files[file].get(code.co_firstlineno)
    return node if node is not None and node.name == code.co_name else None


def _statements(node: ast.AST, *, deeper: bool) -> Iterator[ast.AST]:
    """The statements in another one; with ``deeper`` also those of functions that are defined
    there, which it does not run itself."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        for child in getattr(node, block, ()):
            inner = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if deeper or not inner:
                yield child
                yield from _statements(child, deeper=deeper)


def _makes_generator(part: Any, owner: type[Any], base: str, me: str, name: str) -> bool:
    classes = type(part).__mro__
    if base == me:
        if name in getattr(part, "__dict__", ()):  # set on the object: who knows what that does
            return False
    elif base in ("super()", f"super({owner.__name__}, {me})"):
        classes = classes[classes.index(owner) + 1 :]
    else:
        return False
    found = next((vars(cls)[name] for cls in classes if name in vars(cls)), None)
    return inspect.isgeneratorfunction(found)
