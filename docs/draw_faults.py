"""Draws faults.svg out of the table of faults.md: ``python docs/draw_faults.py``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from itertools import dropwhile, takewhile
from pathlib import Path

HERE = Path(__file__).resolve().parent

WIDTH, LEFT, ROW, HEAD, GAP = 780, 152, 34, 56, 4
INK, GREY = "#20262c", "#68727c"
#: What a cell begins with, and its colours: of the field and of the words.
MARKS = {"✓": ("#d5efdf", "#14583a"), "✗": ("#f8d9d2", "#8a2414"), "": ("#eef0f2", GREY)}


@dataclass(frozen=True)
class Cell:
    mark: str
    words: str


def table(markdown: str) -> tuple[list[str], list[tuple[str, list[Cell]]]]:
    """The names of the backends; and the faults, each with a cell a backend."""
    after = dropwhile(lambda line: not line.startswith("| fault |"), markdown.splitlines())
    lines = list(takewhile(lambda line: line.startswith("|"), after))
    if not lines:
        raise ValueError("faults.md has no table of faults")
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return head[2:], [(bold(row[0]), [cell(text) for text in row[2:]]) for row in rows]


def bold(text: str) -> str:
    found = re.search(r"\*\*(.+?)\*\*", text)
    return found[1] if found else text


def cell(text: str) -> Cell:
    return Cell(text[0] if text[0] in MARKS else "", bold(text))


def words(x: float, y: float, text: str, *, size: int = 13, fill: str = INK, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{fill}"{more}>{escape(text)}</text>'


def draw(markdown: str) -> str:
    """The picture, as the text of an SVG file."""
    backends, faults = table(markdown)
    wide = (WIDTH - LEFT - 8) / len(backends)
    middle = ' text-anchor="middle"'
    strong = ' font-weight="600"'
    parts: list[str] = []
    for number, backend in enumerate(backends):
        name, _, version = backend.rpartition(" ")
        x = LEFT + (number + 0.5) * wide
        parts.append(words(x, 24, name, more=middle + (strong if number == 0 else "")))
        parts.append(words(x, 42, version, size=12, fill=GREY, more=middle))
    y = HEAD
    for fault, cells in faults:
        parts.append(words(LEFT - 10, y + 21, fault, more=' text-anchor="end"'))
        for number, one in enumerate(cells):
            field, ink = MARKS[one.mark]
            x = LEFT + number * wide
            parts.append(
                f'<rect x="{x + GAP / 2:g}" y="{y}" width="{wide - GAP:g}" height="{ROW - GAP}" '
                f'rx="4" fill="{field}"/>'
            )
            shown = f"{one.mark} {one.words}".strip()
            size = 13 if one.mark else 11
            parts.append(words(x + wide / 2, y + 20, shown, size=size, fill=ink, more=middle))
        y += ROW
    y += 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" '
        f'height="{y}" font-family="system-ui, sans-serif" role="img">\n'
        "<title>Who keeps which promise; the figures are those of faults.md</title>\n"
        f'<rect width="{WIDTH}" height="{y}" rx="6" fill="#ffffff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    page = (HERE / "faults.md").read_text(encoding="utf-8")
    (HERE / "faults.svg").write_text(draw(page), encoding="utf-8")
