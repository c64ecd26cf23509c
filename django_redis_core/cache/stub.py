"""Writes ``methods.pyi``: what type checkers and editors see of the methods that operations make.

``python -m django_redis_core.cache.stub`` writes it anew; a test holds it against the declarations.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from pathlib import Path

from .._operations.declare import Declaration
from ..interfaces import OPERATIONS

FILE = Path(__file__).with_name("methods.pyi")

_HEAD = """\
# Written by `python -m django_redis_core.cache.stub` out of the operations' declarations.

import builtins
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from .._operations.declare import Declaration
from .._operations.lock_objects import AsyncLock, Lock
from .result import Result

Method = Callable[..., Any]

def blocking(declaration: Declaration) -> Method: ...
def native(declaration: Declaration) -> Method: ...
def iterating(declaration: Declaration) -> Method: ...
def aiterating(declaration: Declaration) -> Method: ...
def immediate(declaration: Declaration) -> Method: ...
def queued(declaration: Declaration) -> Method: ...
def methods(declaration: Declaration) -> dict[str, Method]: ...

"""

#: Names of types that are names of methods as well, and so mean these inside the classes.
_SHADOWED = re.compile(r"\b(set|keys)\[")


def stub() -> str:
    """The whole file."""
    lines = [_HEAD, "class Methods:", '    """The operations as a cache has them."""', ""]
    for declaration in OPERATIONS.values():
        lines += _cache_methods(declaration)
    lines += ["", "class QueuedMethods:", '    """The operations as pipelines have them."""', ""]
    for declaration in OPERATIONS.values():
        result = "list[Any]" if declaration.stream else _returns(declaration)
        lines += _method("def", declaration.name, declaration, f"Result[{result}]", client=False)
    return "\n".join(lines).rstrip() + "\n"


def _cache_methods(declaration: Declaration) -> list[str]:
    name, returns = declaration.name, _returns(declaration)
    if declaration.stream:
        return [
            *_method("def", name, declaration, "Iterator[Any]"),
            *_method("def", f"a{name}", declaration, "AsyncIterator[Any]"),
        ]
    if declaration.immediate:
        return [
            *_method("def", name, declaration, returns),
            *_method("def", f"a{name}", declaration, f"Async{returns}"),
        ]
    return [
        *_method("def", name, declaration, returns),
        *_method("async def", f"a{name}", declaration, returns),
    ]


def _returns(declaration: Declaration) -> str:
    """What the operation returns, as it is written there."""
    written = str(declaration.function.__annotations__["return"])
    return (
        written.removeprefix("Operation[").removesuffix("]") if "Operation" in written else written
    )


def _method(
    keyword: str, name: str, declaration: Declaration, returns: str, *, client: bool = True
) -> list[str]:
    parameters = []
    star = False
    for parameter in declaration.signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            parameters.append("*")
            star = True
        text = parameter.name
        if parameter.kind is parameter.VAR_POSITIONAL:
            text, star = f"*{text}", True
        if parameter.annotation is not parameter.empty:
            text += f": {parameter.annotation}"
        if parameter.default is not parameter.empty:
            text += f" = {_default(parameter)}"
        parameters.append(text)
    if client:
        parameters += [*([] if star else ["*"]), "client: Any = None"]
    signature = _SHADOWED.sub(r"builtins.\1[", f"({', '.join(parameters)}) -> {returns}")
    doc = inspect.cleandoc(declaration.function.__doc__ or "")
    return [
        f"    {keyword} {name}{signature}:",
        textwrap.indent(f'"""{doc}"""', " " * 8),
        "",
    ]


def _default(parameter: inspect.Parameter) -> str:
    plain = parameter.default is None or type(parameter.default) in (bool, int, float, str)
    return repr(parameter.default) if plain else "..."


if __name__ == "__main__":
    FILE.write_text(stub(), encoding="utf-8")
    sys.stdout.write(f"{FILE} is written.\n")
