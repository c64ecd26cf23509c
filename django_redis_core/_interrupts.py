"""Whose exception is it: one of the code that was called, or one that struck into it?

A time limit is an exception that a signal's handler raises, or that another thread sets
(``PyThreadState_SetAsyncExc``), in the middle of whatever runs. Code that turns errors into a miss,
or into an error of its own, must let it through: it says nothing of what was being done. Asked on
the way of failure only.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from dis import opmap
from inspect import CO_VARARGS
from types import TracebackType

#: What a ``raise`` statement is compiled to. PyPy has no such table, so nothing is told by it.
_RAISING = frozenset(opmap[name] for name in ("RAISE_VARARGS", "RERAISE") if name in opmap)


def struck(error: BaseException, own: Collection[type[BaseException]] = ()) -> bool:
    """Whether ``error``, which was just caught, was raised into the code that ran and not by it.

    So is what passes by a signal's handler or a trace function, whatever its class is. One that
    another thread sets leaves no frame of its own: it is known by a class of the site's without
    arguments, where the code that it came out of has no ``raise``. ``own`` are classes that such
    code raises from C all the same; their subclasses are not meant. One of Python's own classes
    that another thread sets cannot be told from the code's.
    """
    if not isinstance(error, Exception):
        return True
    entry = error.__traceback__
    if entry is None:
        return False
    while True:
        if _interrupts(entry):
            return True
        if entry.tb_next is None:
            break
        entry = entry.tb_next
    kind = type(error)
    return not error.args and kind not in own and _is_a_sites(kind) and not _raises(entry)


def _interrupts(entry: TracebackType) -> bool:
    """Whether the frame is a signal's handler, or a trace function: it was given the frame that it
    interrupted."""
    frame = entry.tb_frame
    caller, code = frame.f_back, frame.f_code
    if caller is None:
        return False
    given = [frame.f_locals.get(name) for name in code.co_varnames[: code.co_argcount]]
    if code.co_flags & CO_VARARGS:
        rest = frame.f_locals.get(code.co_varnames[code.co_argcount + code.co_kwonlyargcount])
        given += rest if type(rest) is tuple else ()
    return any(value is caller for value in given)


def _is_a_sites(kind: type[BaseException]) -> bool:
    return kind.__module__.partition(".")[0] not in sys.stdlib_module_names


def _raises(entry: TracebackType) -> bool:
    """Whether the exception came out of a ``raise``, or cannot be told."""
    code = entry.tb_frame.f_code.co_code
    place = entry.tb_lasti
    if not 0 <= place < len(code) or code[place] in _RAISING:
        return True
    # What Cython leaves as a frame of its own (PyCode_NewEmpty): three instructions that say raise.
    return len(code) == 6 and code[4] in _RAISING
