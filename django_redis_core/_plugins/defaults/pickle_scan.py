"""Reads the instructions of a pickle without following them, and refuses what a list of names
cannot make harmless.

Python's unpickler asks for classes and functions by ``find_class``, and there a list of names ends.
Of four things it does not ask: it sets attributes of whatever is on top of its stack, also of a
class; it finds extension codes in a cache of the process; it builds nested tuples whose hash ends
the process; and it takes what memory a place in its memo asks for. These are seen here, before
anything is built.
"""

from __future__ import annotations

import pickle
import re
from functools import cache
from typing import Final

#: How many tuples, frozensets and objects may stand one inside the other. Hashing a tuple takes C's
#: stack for each of its levels without a check: some 5,000 fill that of a thread on some systems.
#: Lists and dicts are not hashed, so they count anew.
DEEPEST: Final = 1000

#: On the stack below: what ``find_class`` gave. The others are what their hash has to go through.
_NAMED: Final = -1

# How many bytes follow an instruction that pushes something which is nested in nothing.
_WIDTHS: Final = dict.fromkeys(b"N)]}\x88\x89\x8f", 0) | dict(
    zip(b"KMJG", (1, 2, 4, 8), strict=True)
)
# Instructions that push what follows them: the bytes of the length that goes before it.
_LENGTHS: Final = dict.fromkeys(b"UC\x8a\x8c", 1) | dict.fromkeys(b"TXB\x8b", 4)
_LENGTHS.update(dict.fromkeys(b"\x8d\x8e\x96", 8))
# Instructions that push what follows them up to the end of the line.
_LINES: Final = frozenset(b"ILFSV")
_PUSHES: Final = [_WIDTHS.get(code, -1) for code in range(256)]

# What else there is.
_MARK, _POP, _POP_MARK, _DUP, _STOP = b"(012."
_TUPLE, _LIST, _DICT, _FROZENSET = b"tld\x91"
_TUPLE1, _TUPLE2, _TUPLE3 = b"\x85\x86\x87"
_APPEND, _APPENDS, _SETITEM, _SETITEMS, _ADDITEMS = b"aesu\x90"
_GLOBAL, _STACK_GLOBAL, _INST, _OBJ = b"c\x93io"
_REDUCE, _NEWOBJ, _NEWOBJ_EX, _BUILD = b"R\x81\x92b"
_PUT, _BINPUT, _LONG_BINPUT, _MEMOIZE = b"pqr\x94"
_GET, _BINGET, _LONG_BINGET = b"ghj"
_PROTO, _FRAME = b"\x80\x95"
_SHORT_TEXT = 0x8C
_EXTENSIONS: Final = frozenset(b"\x82\x83\x84")

# Of those: what takes all since the last mark and leaves one value, and what adds to another.
_COLLECTING: Final = frozenset((_TUPLE, _LIST, _DICT, _FROZENSET, _OBJ))
_NOT_HASHED: Final = frozenset((_LIST, _DICT))
_ADDING: Final = {_APPEND: 1, _SETITEM: 2}
_ADDING_MANY: Final = frozenset((_APPENDS, _SETITEMS, _ADDITEMS))
# How many values are arguments; and how many under the top go into a tuple with it.
_CALLING: Final = {_REDUCE: 1, _NEWOBJ: 1, _NEWOBJ_EX: 2}
_TUPLES: Final = {_TUPLE1: 0, _TUPLE2: 1, _TUPLE3: 2}

#: Instructions that put up to so many bytes on the stack are taken at once, by an expression that
#: has an alternative for each length: expressions cannot count.
_SHORT: Final = 40
_LONG: Final = {code: _LENGTHS[code] for code in b"XBC\x8a\x8c"}
# What is hashed with all that it holds.
_HASHED: Final = frozenset((_TUPLE, _TUPLE1, _TUPLE2, _TUPLE3, _FROZENSET))


@cache
def _harmless() -> re.Pattern[bytes]:
    """Instructions that neither set an attribute nor make what is hashed with all that it holds.
    Made at the first use, for it takes some milliseconds."""
    short = b"|".join(b"%s.{%d}" % (re.escape(bytes([size])), size) for size in range(_SHORT))
    return re.compile(
        rb"(?:[N)\]}(eausldR\x81\x88\x89\x8f\x90\x93\x94]|[Kh\x80].|M..|[Jj].{4}|[G\x95].{8}"
        rb"|[C\x8a\x8c](?:%s))*+" % short,
        re.DOTALL,
    )


def scan(data: bytes) -> None:
    """UnpicklingError where ``data`` sets attributes of a class or function, has extension codes,
    nests deeper than ``DEEPEST``, or is no whole pickle."""
    try:
        if not _is_plain(data):
            _scan(data)
    except (IndexError, KeyError, ValueError) as error:
        if type(error) not in (IndexError, KeyError, ValueError):  # a time limit of such a class
            raise
        raise pickle.UnpicklingError("The pickle is damaged or truncated") from error


def _is_plain(data: bytes) -> bool:
    """Whether ``data`` has nothing of which there is need to know more, told as fast as it is
    loaded: it sets no attributes, and has fewer tuples than may be nested."""
    at = hashed = 0
    harmless = _harmless()
    while True:
        found = harmless.match(data, at)
        assert found is not None  # it matches nothing as well
        at = found.end()
        code = data[at]
        if code == _STOP:
            return True
        if code in _LONG:
            start = at + 1 + _LONG[code]
            at = start + int.from_bytes(data[at + 1 : start], "little")
        elif code in _HASHED and hashed < DEEPEST:
            hashed += 1
            at += 1
        else:
            return False


def _scan(data: bytes) -> None:
    stack: list[int] = []
    marks: list[int] = []
    memo: dict[int, int] = {}
    push, pop, pushes = stack.append, stack.pop, _PUSHES
    at = 0
    while True:
        code = data[at]
        at += 1
        # In the order of how often they come.
        if pushes[code] >= 0:
            push(0)
            at += pushes[code]
        elif code == _MEMOIZE:
            memo[len(memo)] = stack[-1]
        elif code == _SHORT_TEXT:
            at += 1 + data[at]
            push(0)
        elif code in _LENGTHS:
            start = at + _LENGTHS[code]
            at = start + int.from_bytes(data[at:start], "little")
            push(0)
        elif code == _BINGET:
            push(memo[data[at]])
            at += 1
        elif code == _BINPUT:
            memo[data[at]] = stack[-1]
            at += 1
        elif code == _MARK:
            marks.append(len(stack))
        elif code in _TUPLES:
            depth = pop()
            for _ in range(_TUPLES[code]):
                below = pop()
                if below > depth:
                    depth = below
            push(_allowed(depth + 1))
        elif code in _COLLECTING:
            start = marks.pop()
            depth = max(stack[start:], default=0) + 1
            del stack[start:]
            push(0 if code in _NOT_HASHED else _allowed(depth))
        elif code in _ADDING_MANY:
            del stack[marks.pop() :]
        elif code in _ADDING:
            del stack[-_ADDING[code] :]
        elif code == _BUILD:
            depth = pop() + 1
            if stack[-1] == _NAMED:
                raise pickle.UnpicklingError(
                    "The pickle sets attributes of a class or function, which no pickle that "
                    "Python writes does"
                )
            if depth > stack[-1]:
                stack[-1] = _allowed(depth)
        elif code in _CALLING:
            count = _CALLING[code]
            depth = max(0, *stack[-count:])
            del stack[-count:]
            pop()
            push(depth)
        elif code == _STACK_GLOBAL:
            pop()
            stack[-1] = _NAMED
        elif code == _GLOBAL:
            at = data.index(b"\n", data.index(b"\n", at) + 1) + 1
            push(_NAMED)
        elif code == _INST:
            at = data.index(b"\n", data.index(b"\n", at) + 1) + 1
            start = marks.pop()
            depth = max(stack[start:], default=0) + 1
            del stack[start:]
            push(_allowed(depth))
        elif code in (_LONG_BINGET, _LONG_BINPUT):
            place = int.from_bytes(data[at : at + 4], "little")
            at += 4
            if code == _LONG_BINGET:
                push(memo[place])
            else:
                memo[_reachable(place, data)] = stack[-1]
        elif code in (_GET, _PUT):
            end = data.index(b"\n", at)
            place = int(data[at:end])
            at = end + 1
            if code == _GET:
                push(memo[place])
            else:
                memo[_reachable(place, data)] = stack[-1]
        elif code in _LINES:
            at = data.index(b"\n", at) + 1
            push(0)
        elif code == _FRAME:
            at += 8
        elif code == _PROTO:
            at += 1
        elif code == _STOP:
            return
        elif code == _POP:
            if marks and marks[-1] == len(stack):
                marks.pop()
            else:
                pop()
        elif code == _POP_MARK:
            del stack[marks.pop() :]
        elif code == _DUP:
            push(stack[-1])
        elif code in _EXTENSIONS:
            raise pickle.UnpicklingError("The pickle has extension codes, which name no class")
        else:
            raise pickle.UnpicklingError(f"The pickle has the instruction {code}")


def _allowed(depth: int) -> int:
    if depth > DEEPEST:
        raise pickle.UnpicklingError(f"The pickle nests deeper than {DEEPEST} values")
    return depth


def _reachable(place: int, data: bytes) -> int:
    """A place in the memo, for which the unpickler makes room at once: there are not more places
    than instructions."""
    if not 0 <= place <= len(data):
        raise pickle.UnpicklingError("The pickle asks for more memory than it can use")
    return place
