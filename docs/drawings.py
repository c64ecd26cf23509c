"""Drawings that take the colours of the page that shows them, in light and dark.

An image is a document of its own and knows nothing of the page's scheme. So an SVG that asks for
those colours (``var(--drawn-ink, …)``) is put into the page itself; where the checkout is browsed
it is an image, with the colours that stand behind the commas.
"""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

HERE = Path(__file__).resolve().parent

_IMAGE = re.compile(r'<img alt="([^"]*)" src="([^"]+\.svg)" ?/?>')


#: style.css has these names, for light and for dark pages. Behind the comma of a colour stands what
#: it is where nothing is asked of a page: then the paper is white, on whatever page it lies.
COLOURS = {
    "paper": "#ffffff",
    "ink": "#20262c",
    "grey": "#5d6771",
    "line": "#8b95a0",
    "box": "#f3f6f4",
    "ours": "#1f7a4d",
    "theirs": "#b8c0c8",
    "tint": "#dff0e6",
    "warn": "#a8520f",
    "warn-tint": "#fbeadb",
}


def colour(name: str) -> str:
    return f"var(--drawn-{name}, {COLOURS[name]})"


def with_drawings(html: str) -> str:
    """``html`` with each of those images replaced by its drawing."""

    def drawing(image: re.Match[str]) -> str:
        path = HERE / Path(image[2]).name
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if "var(--drawn-" not in text:
            return image[0]
        text = re.sub(r"<title>.*?</title>\n?", "", text)
        alt = unescape(image[1]).replace("&", "&amp;").replace("<", "&lt;")
        opened, end, rest = text.partition(">")
        return f'<span class="drawing">{opened}{end}<title>{alt}</title>{rest.strip()}</span>'

    return _IMAGE.sub(drawing, html)
