"""Bars out of the tables of a page: the pictures beside the figures in the docs.

A picture has a background of its own and asks the page for its colours, so it can be read on any
page, light or dark. Its figures are those of the page, which a test compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import dropwhile, takewhile
from pathlib import Path

from drawings import colour

WIDTH, LEFT, RIGHT, ROW, TITLE = 620, 268, 66, 25, 62

Row = dict[str, str]


@dataclass(frozen=True)
class Bar:
    name: str
    length: float
    figure: str
    ours: bool


@dataclass(frozen=True)
class Chart:
    title: str
    note: str
    bars: list[Bar]
    #: A length to compare with, and what it is; nothing where the note says it.
    line: tuple[float, str] | None = None


def table(markdown: str, heading: str, number: int = 0) -> list[Row]:
    """A table under ``## heading``, the first one unless a number says another; a dict a row."""
    _, found, rest = markdown.partition(f"\n## {heading}\n")
    if not found:
        raise ValueError(f"the page has no heading {heading!r}")
    after = iter(rest.partition("\n## ")[0].splitlines())
    for _ in range(number + 1):
        lines = list(takewhile(is_row, dropwhile(lambda line: not is_row(line), after)))
    if len(lines) < 3:
        raise ValueError(f"the page has no table {number} under {heading!r}")
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(head, row, strict=True)) for row in rows]


def is_row(line: str) -> bool:
    return line.startswith("|")


def plain(text: str) -> str:
    return text.replace("*", "").replace("`", "")


def bar(row: Row, name: str, value: str, ours: bool) -> Bar:
    figure = plain(row[value])
    return Bar(plain(row[name]), float(figure.replace(",", "")), figure, ours)


def is_figure(text: str) -> bool:
    return plain(text).replace(",", "").replace(".", "", 1).isdigit()


def text(
    x: float, y: float, words: str, *, size: int = 14, fill: str = "ink", more: str = ""
) -> str:
    style = f'font-size="{size}" fill="{colour(fill)}"{more}'
    return f'<text x="{x:g}" y="{y:g}" {style}>{escape(words)}</text>'


def draw(charts: Sequence[Chart], title: str) -> str:
    """The picture, as the text of an SVG file."""
    parts: list[str] = []
    over = f' stroke="{colour("paper")}" stroke-width="5" paint-order="stroke"'  # hides the line
    y = 0
    for chart in charts:
        longest = max(one.length for one in chart.bars)
        scale = (WIDTH - LEFT - RIGHT) / max(longest, chart.line[0] if chart.line else 0)
        parts.append(text(12, y + 26, chart.title, size=16, more=' font-weight="600"'))
        parts.append(text(12, y + 45, chart.note, size=13, fill="grey"))
        y += TITLE
        if chart.line:
            x, end = LEFT + chart.line[0] * scale, y + ROW * len(chart.bars)
            parts.append(
                f'<path d="M{x:g} {y - 6}V{end}" stroke="{colour("grey")}" stroke-dasharray="4 3"/>'
            )
            parts.append(text(x + 6, y + 8, chart.line[1], size=13, fill="grey"))
        for one in chart.bars:
            wide = round(one.length * scale, 1)
            parts.append(text(LEFT - 8, y + 16, one.name, more=' text-anchor="end"'))
            parts.append(
                f'<rect x="{LEFT}" y="{y + 3}" width="{wide:g}" height="{ROW - 7}" rx="2" '
                f'fill="{colour("ours" if one.ours else "theirs")}"/>'
            )
            parts.append(text(LEFT + wide + 6, y + 16, one.figure, more=over))
            y += ROW
        y += 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" '
        f'height="{y}" font-family="system-ui, sans-serif" role="img">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{WIDTH}" height="{y}" fill="{colour("paper")}"/>\n'
    ) + "\n".join([*parts, "</svg>", ""])


def picture_of(script: str, charts: Sequence[Chart], title: str) -> None:
    """Writes the picture beside the script that draws it: ``draw_measured.py``, measured.svg."""
    path = Path(script)
    name = path.stem.removeprefix("draw_")
    (path.parent / f"{name}.svg").write_text(draw(charts, title), encoding="utf-8")


def page_of(script: str) -> str:
    path = Path(script)
    name = path.stem.removeprefix("draw_")
    return (path.parent / f"{name}.md").read_text(encoding="utf-8")
