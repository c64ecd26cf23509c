"""Which exceptions speak of a value, and which of whoever reads or writes it.

A value that cannot be read is a miss, and one that cannot be written a ``SerializationError``. That
holds for what a stage raises about bytes or values: the classes below, and those that it names in
``errors``. All else comes out as itself: a time limit, whatever its class; ``MemoryError``; and a
``RecursionError`` of a caller that has used up the stack before.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterable
from typing import Final

from .._interrupts import struck
from ..exceptions import CompressorError, SealError, SerializationError
from .stages import Stage

Errors = tuple[type[Exception], ...]

#: What Python and its library raise for bytes that mean nothing and for values that have no form,
#: and what every stage may raise. OSError is not among them, nor RuntimeError: time limits are of
#: these classes, and neither speaks of a value.
OWN: Final[Errors] = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ImportError,
    EOFError,
    ArithmeticError,
    RecursionError,
    struct.error,
    CompressorError,
    SealError,
    SerializationError,
)


def own_errors(stages: Iterable[Stage]) -> Errors:
    """What may speak of a value in a codec of these stages; ``speaks_of_a_value`` asks further."""
    named = (error for stage in stages for error in stage.errors)
    return tuple(dict.fromkeys((*OWN, *named)))


def speaks_of_a_value(error: Exception, own: Errors) -> bool:
    """Whether ``error``, of a class of ``own`` and just caught, does; or struck by chance.

    A value is nested too deeply where its reader had half of the stack and more to itself.
    """
    if struck(error, own):
        return False
    return not isinstance(error, RecursionError) or _frames_below(sys.getrecursionlimit() // 2)


def _frames_below(most: int) -> bool:
    frame, depth = sys._getframe(), 0
    while depth < most:
        if frame.f_back is None:
            return True
        frame, depth = frame.f_back, depth + 1
    return False
