"""The servers of a cache as a drawing: the cache, its primaries, and who copies them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_ROW, _BOX, _COLUMN = 48, 36, 240


class Box(NamedTuple):
    x: int
    y: int
    name: str
    words: str
    down: bool


class Drawing(NamedTuple):
    """Boxes with lines between them, in units of SVG."""

    width: int
    height: int
    boxes: list[Box]
    lines: list[tuple[int, int, int, int]]


def drawing(alias: str, servers: Sequence[Mapping[str, Any]]) -> Drawing:
    """``servers`` as ``doctor`` reports them."""
    primaries = [one for one in servers if one["expected_role"] == "primary"]
    replicas = [one for one in servers if one["expected_role"] != "primary"]
    boxes: list[Box] = []
    lines: list[tuple[int, int, int, int]] = []
    y = 0
    middles: list[int] = []
    left = list(replicas)
    for primary in primaries:
        own = [one for one in left if len(primaries) == 1 or _copies(one, primary)]
        left = [one for one in left if one not in own]
        place = y + (max(len(own), 1) - 1) * _ROW // 2
        boxes.append(_box(1, place, primary))
        middles.append(place)
        for row, replica in enumerate(own):
            boxes.append(_box(2, y + row * _ROW, replica))
            lines.append(_line(1, place, y + row * _ROW))
        y += max(len(own), 1) * _ROW
    for replica in left:  # of whom nobody says whose copies they are
        boxes.append(_box(1, y, replica))
        middles.append(y)
        y += _ROW
    middle = (min(middles, default=0) + max(middles, default=0)) // 2
    boxes.insert(0, Box(1, middle + 1, alias, "cache", down=False))
    lines += [_line(0, middle, place) for place in middles]
    columns = 3 if any(box.x > 2 * _COLUMN for box in boxes) else 2
    return Drawing(columns * _COLUMN, max(y, _ROW), boxes, lines)


def _box(column: int, y: int, server: Mapping[str, Any]) -> Box:
    if not server["reachable"]:
        words = f"{server['expected_role']}, cannot be asked"
    else:
        told = (server.get(name) for name in ("product", "version"))
        words = " ".join(filter(None, (f"{server.get('role') or server['expected_role']},", *told)))
    return Box(
        column * _COLUMN + 1, y + 1, server["name"], words.rstrip(","), not server["reachable"]
    )


def _line(column: int, first: int, last: int) -> tuple[int, int, int, int]:
    return (
        column * _COLUMN + 200,
        first + _BOX // 2,
        (column + 1) * _COLUMN,
        last + _BOX // 2,
    )


def _copies(replica: Mapping[str, Any], primary: Mapping[str, Any]) -> bool:
    """Whether the primary says so."""
    told = (primary.get("replication") or {}).get("replicas", ())
    return any(one["address"] == replica["name"].partition("/")[0] for one in told)
