"""Draws measured.svg out of the tables of measured.md: ``python docs/draw_measured.py``."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import dropwhile, takewhile
from pathlib import Path

from draw_diagrams import colour

HERE = Path(__file__).resolve().parent

WIDTH, LEFT, RIGHT, ROW, TITLE = 620, 268, 66, 25, 62
# Hides the line behind a figure.
OVER = f' stroke="{colour("paper")}" stroke-width="5" paint-order="stroke"'
OURS, THEIRS, INK, GREY = colour("ours"), colour("theirs"), colour("ink"), colour("grey")

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
    #: A length to compare with, and what it is.
    line: tuple[float, str] | None = None


def table(markdown: str, heading: str) -> list[Row]:
    """The first table under ``## heading``, a dict a row."""
    _, found, rest = markdown.partition(f"\n## {heading}\n")
    if not found:
        raise ValueError(f"measured.md has no heading {heading!r}")
    after = dropwhile(lambda line: not line.startswith("|"), rest.splitlines())
    lines = list(takewhile(lambda line: line.startswith("|"), after))
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(head, row, strict=True)) for row in rows]


def plain(text: str) -> str:
    return text.replace("*", "").replace("`", "")


def bar(row: Row, name: str, value: str, ours: bool) -> Bar:
    figure = plain(row[value])
    return Bar(plain(row[name]).partition(" (")[0], float(figure.replace(",", "")), figure, ours)


def charts(markdown: str) -> list[Chart]:
    calls = table(markdown, "Single calls")
    tasks = [row for row in table(markdown, "Many asyncio tasks") if row["tasks"] == "50"]
    herds = table(markdown, "A stampede")
    served = [
        bar(row, "backend", "operations a second", "django-redis-core" in row["backend"])
        for row in tasks
    ]
    sites = [
        bar(row, "Django's request handler", "requests a second", one.startswith("**"))
        for row in table(markdown, "An ASGI site")
        if (one := row["Django's request handler"])
    ]
    return [
        Chart(
            "Single calls: CPU time, redis-py’s bare command = 1",
            "shorter is better; ours also makes keys and serializes",
            [bar(row, "workload", "ours / redis-py", True) for row in calls],
            (1, "redis-py"),
        ),
        Chart(
            "50 asyncio tasks: aget, operations a second",
            "longer is better",
            sorted(served, key=lambda one: -one.length),
        ),
        Chart(
            "An ASGI site, its server 2 ms away: requests a second",
            "longer is better; the first bar is Django’s request handler without a cache",
            sorted(sites, key=lambda one: -one.length),
        ),
        Chart(
            "A stampede: how often 50 threads computed one value in 12 s",
            "shorter is better",
            [bar(row, "client", "computed", row["client"].startswith("herd")) for row in herds],
        ),
    ]


def text(x: float, y: float, words: str, *, size: int = 14, fill: str = INK, more: str = "") -> str:
    style = f'font-size="{size}" fill="{fill}"{more}'
    return f'<text x="{x:g}" y="{y:g}" {style}>{escape(words)}</text>'


def draw(markdown: str) -> str:
    """The picture, as the text of an SVG file."""
    parts: list[str] = []
    y = 0
    for chart in charts(markdown):
        scale = (WIDTH - LEFT - RIGHT) / max(
            *(one.length for one in chart.bars), chart.line[0] if chart.line else 0
        )
        parts.append(text(12, y + 26, chart.title, size=16, more=' font-weight="600"'))
        parts.append(text(12, y + 45, chart.note, size=13, fill=GREY))
        y += TITLE
        if chart.line:
            x, end = LEFT + chart.line[0] * scale, y + ROW * len(chart.bars)
            parts.append(f'<path d="M{x:g} {y - 6}V{end}" stroke="{GREY}" stroke-dasharray="4 3"/>')
            parts.append(text(x + 6, y + 8, chart.line[1], size=13, fill=GREY))
        for one in chart.bars:
            wide = round(one.length * scale, 1)
            parts.append(text(LEFT - 8, y + 16, one.name, more=' text-anchor="end"'))
            parts.append(
                f'<rect x="{LEFT}" y="{y + 3}" width="{wide:g}" height="{ROW - 7}" rx="2" '
                f'fill="{OURS if one.ours else THEIRS}"/>'
            )
            parts.append(text(LEFT + wide + 6, y + 16, one.figure, more=OVER))
            y += ROW
        y += 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" '
        f'height="{y}" font-family="system-ui, sans-serif" role="img">\n'
        "<title>Measured; the figures are those of measured.md</title>\n"
        f'<rect width="{WIDTH}" height="{y}" fill="{colour("paper")}"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    markdown = (HERE / "measured.md").read_text(encoding="utf-8")
    (HERE / "measured.svg").write_text(draw(markdown), encoding="utf-8")
