"""Families of keys as areas: a treemap in SVG, drawn here, so that it needs no script and no style
of its own.

Places and sizes are percents of a drawing that is as wide as the page, so text in it keeps its
size on a phone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

#: The drawing's width for its height, on a screen; squares are squares there.
ASPECT = 3.2

_COLOURS = 6

#: What is smaller has no name written on it, or no share; in percent of the drawing.
_NAMED, _TOLD = (5.0, 9.0), (5.0, 17.0)


class Box(NamedTuple):
    x: float
    y: float
    width: float
    height: float


class Cell(NamedTuple):
    """``x`` and so on as SVG takes them. ``kind``: its class in the style sheet."""

    name: str
    family: Mapping[str, Any]
    x: str
    y: str
    width: str
    height: str
    kind: str
    named: bool
    told: bool
    slim: bool


def treemap(stats: Mapping[str, Any]) -> list[Cell]:
    """The families of ``stats``, the largest first, and the others together; none where there is
    nothing to compare, or where bytes are not known."""
    families = [(one["family"], one) for one in stats.get("families", ()) if one["bytes"] > 0]
    others = stats.get("other_families") or {"count": 0, "bytes": 0}
    if others["count"] and others["bytes"] > 0:
        families.append((f"{others['count']} others", others))
    if len(families) < 2 or not stats["sample"]["weighed"]:
        return []
    whole = sum(one["bytes"] for _, one in families)
    shares = [one["bytes"] / whole * ASPECT for _, one in families]
    return [
        _cell(name, family, box, "rc-rest" if family is others else f"rc-area-{place % _COLOURS}")
        for place, ((name, family), box) in enumerate(
            zip(families, squarified(shares, Box(0, 0, ASPECT, 1)), strict=True)
        )
    ]


def _cell(name: str, family: Mapping[str, Any], box: Box, kind: str) -> Cell:
    x, width = (100 * one / ASPECT for one in (box.x, box.width))
    y, height = 100 * box.y, 100 * box.height
    named = width >= _NAMED[0] and height >= _NAMED[1]
    told = named and width >= _TOLD[0] and height >= _TOLD[1]
    left, top, across, down = (f"{one:.3f}%" for one in (x, y, width, height))
    slim = width < 3 * _NAMED[0]
    return Cell(name, family, left, top, across, down, kind, named, told, slim)


def squarified(areas: Sequence[float], room: Box) -> Iterator[Box]:
    """A box for each of ``areas``, which fill ``room`` together: in rows along its shorter side,
    each of as many as make the boxes most like squares.

    Bruls, Huizing and van Wijk, Squarified Treemaps, 2000.
    """
    left = list(areas)
    while left:
        side = max(min(room.width, room.height), 1e-12)  # floats leave crumbs
        count = 1
        while count < len(left) and _worst(left[: count + 1], side) <= _worst(left[:count], side):
            count += 1
        row, left = left[:count], left[count:]
        depth = sum(row) / side
        at = 0.0
        for area in row:
            length = area / depth
            if room.width >= room.height:
                yield Box(room.x, room.y + at, depth, length)
            else:
                yield Box(room.x + at, room.y, length, depth)
            at += length
        if room.width >= room.height:
            room = Box(room.x + depth, room.y, room.width - depth, room.height)
        else:
            room = Box(room.x, room.y + depth, room.width, room.height - depth)


def _worst(row: Sequence[float], side: float) -> float:
    """How far from a square the worst box of a row is."""
    whole = sum(row)
    return max(side**2 * max(row) / whole**2, whole**2 / (side**2 * min(row)))
