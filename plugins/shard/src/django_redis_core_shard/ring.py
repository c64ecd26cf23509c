"""Which shard a key goes to. Knows names and keys, nothing of servers.

It is django-redis' ring, point for point, so a site that moves over finds its keys where they are:
128 points a shard at ``sha256(f"{name}:{x}")``, and a key belongs to the point *before* its own
hash. When a shard is added it takes its part from all others, and no other key moves.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from hashlib import sha256

POINTS = 128


class Ring:
    """Called with a key as stored, gives the position of its shard in ``names``."""

    def __init__(self, names: Sequence[str]) -> None:
        # The order of digests is that of the hexadecimal text that django-redis compares.
        points = sorted(
            (sha256(f"{name}:{x}".encode()).digest(), index)
            for index, name in enumerate(names)
            for x in range(POINTS)
        )
        self._points = [point for point, _ in points]
        # One in front for the keys before the first point: the ring closes with the last one.
        self._owners = [points[-1][1], *(index for _, index in points)]

    def __call__(self, key: str | bytes) -> int:
        data = key if isinstance(key, bytes) else key.encode()
        if b"{" in data:
            data = hashed_part(data)
        return self._owners[bisect(self._points, sha256(data).digest())]


def hashed_part(key: bytes) -> bytes:
    """The ``{tag}`` of a key, or the key where it has none; keys of one tag live together.

    The tag is what django-redis takes for it: on the first line of the key, from the last ``{``
    that has a ``}`` after it up to the last ``}``. It may be empty.
    """
    line = key.partition(b"\n")[0]
    end = line.rfind(b"}")
    start = line.rfind(b"{", 0, max(end, 0))
    return key if start < 0 else line[start + 1 : end]
