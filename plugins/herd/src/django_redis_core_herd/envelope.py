"""The native envelope: eleven bytes in front of what the codec made.

Three bytes say what it is, eight when the value expires: Unix seconds as a big-endian double, which
sorts like the number that it is. It stands outside of serializer, compressor and sealer, so it
works with all of them, and the server can read and replace it without touching the value.

``0xC1`` begins no pickle, no UTF-8 text (so no JSON and no digits) and no msgpack value
(https://github.com/msgpack/msgpack/blob/master/spec.md has it as "never used").
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

MAGIC = b"\xc1h"
#: A value, and when it expires.
VALUE = MAGIC + b"v"
#: A value that has expired, and until when the worker that recomputes it is trusted to do so.
LEASED = MAGIC + b"l"
#: What is greater than all bytes that begin with VALUE.
BEYOND = MAGIC + b"w"

LENGTH = 11
#: The expiry, in milliseconds, of an entry that has none.
NEVER = 2**63 - 1

_STRUCT = struct.Struct(">3sd")
#: An envelope from its first bytes and Unix seconds.
pack: Callable[[bytes, float], bytes] = _STRUCT.pack


def header(expires: int) -> bytes:
    """The envelope of a value that expires at ``expires``, Unix milliseconds."""
    return pack(VALUE, math.inf if expires == NEVER else expires / 1000)


def lease(until: int) -> bytes:
    """The envelope of an expired value while somebody recomputes it, until that millisecond."""
    return pack(LEASED, until / 1000)


def moment(data: bytes) -> int:
    """The time in an envelope, in Unix milliseconds; ``data`` may be all of the entry."""
    if len(data) < LENGTH:  # damaged
        return 0
    seconds = _STRUCT.unpack_from(data)[1]
    return round(seconds * 1000) if math.isfinite(seconds) else NEVER


def alive(data: bytes, now: int) -> bool:
    """Whether an enveloped entry is there for those who ask at ``now``."""
    return data.startswith(VALUE) and moment(data) > now
