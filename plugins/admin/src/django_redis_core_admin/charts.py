"""Plots as SVG: no script, no style of their own; their colours are classes of the style sheet."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 600, 120

#: Points of a line: more than a screen shows are put together.
POINTS = 300

#: A pause so many times the usual one between two points is drawn as one.
_PAUSE = 4


class Line(NamedTuple):
    """``points``: pairs of Unix seconds and a number, in the order of time."""

    name: str
    points: list[tuple[float, float]]


class Plot:
    """Lines over a time, from 0 or below it to the highest point."""

    def __init__(
        self,
        title: str,
        lines: Sequence[Line],
        since: float,
        until: float,
        words: Callable[[float], str],
    ) -> None:
        self.title = title
        self.width, self.height = WIDTH, HEIGHT
        self._since, self._until = since, until
        fewer = [Line(line.name, thinned(line.points, since, until)) for line in lines]
        self._top = max((value for line in fewer for _, value in line.points), default=0.0) or 1.0
        self.top, self.bottom = words(self._top), words(0.0)
        self.lines = [
            {
                "name": line.name,
                "path": self._path(line.points),
                "last": words(line.points[-1][1]),
                "class": f"rc-line-{place % 6}",
            }
            for place, line in enumerate(fewer)
        ]

    def _path(self, points: Sequence[tuple[float, float]]) -> str:
        """What ``d`` of a path is: broken where samples are missing."""
        gaps = sorted(after - before for (before, _), (after, _) in itertools.pairwise(points))
        longest = gaps[len(gaps) // 2] * _PAUSE if gaps else 0.0
        parts, before = [], None
        for at, value in points:
            x = (at - self._since) / (self._until - self._since) * WIDTH
            y = HEIGHT - max(value, 0.0) / self._top * (HEIGHT - 4) - 2
            broken = before is None or at - before > longest
            parts.append(f"{'M' if broken else 'L'}{x:.1f} {y:.1f}")
            if broken:
                parts.append("h0")  # a single point shows as a dot
            before = at
        return "".join(parts)


def thinned(
    points: Sequence[tuple[float, float]], since: float, until: float
) -> list[tuple[float, float]]:
    """At most ``POINTS`` of them, each the mean of those near it."""
    if len(points) <= POINTS:
        return list(points)
    width = (until - since) / POINTS
    buckets: dict[int, list[tuple[float, float]]] = {}
    for at, value in points:
        buckets.setdefault(int((at - since) / width), []).append((at, value))
    return [
        (sum(at for at, _ in some) / len(some), sum(value for _, value in some) / len(some))
        for _, some in sorted(buckets.items())
    ]
