"""Draws the diagrams of the pages: ``python docs/draw_diagrams.py``.

Colours are asked of the page (see drawings.py); behind the comma stands what they are where the
checkout is browsed.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

from drawings import colour

HERE = Path(__file__).resolve().parent

MONO = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


class Drawing:
    """Parts of an SVG, in the order in which they are painted."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self.parts: list[str] = []

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 14,
        fill: str = "ink",
        anchor: str = "middle",
        mono: bool = False,
        bold: bool = False,
    ) -> None:
        font = f' font-family="{MONO}"' if mono else ""
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}" '
            f'fill="{colour(fill)}"{font}{weight}>{escape(words, quote=False)}</text>'
        )

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str = "box",
        edge: str = "line",
        dashed: bool = False,
    ) -> None:
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" '
            f'fill="{colour(fill)}" stroke="{colour(edge)}"{dash}/>'
        )

    def labelled(
        self, x: float, y: float, width: float, title: str, note: str = "", *, mono: bool = False,
        fill: str = "box", edge: str = "line", height: float = 0,
    ) -> None:  # fmt: skip
        """A box with a title and, below that, a line in grey."""
        high = height or (46 if note else 34)
        self.box(x, y, width, high, fill=fill, edge=edge)
        middle = x + width / 2
        self.text(middle, y + (19 if note else high / 2 + 5), title, mono=mono, bold=not mono)
        if note:
            self.text(middle, y + 37, note, size=12.5, fill="grey")

    def arrow(self, *points: tuple[float, float], edge: str = "line") -> None:
        """A line through ``points``, with a head at its end."""
        (bx, by), (ex, ey) = points[-2:]
        path = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
        self.parts.append(
            f'<path d="{path}" fill="none" stroke="{colour(edge)}" stroke-width="1.5"/>'
        )
        ux, uy = (ex > bx) - (ex < bx), (ey > by) - (ey < by)
        left = (ex - 7 * ux - 4 * uy, ey - 7 * uy - 4 * ux)
        right = (ex - 7 * ux + 4 * uy, ey - 7 * uy + 4 * ux)
        head = " ".join(f"{x:g},{y:g}" for x, y in ((ex, ey), left, right))
        self.parts.append(f'<polygon points="{head}" fill="{colour(edge)}"/>')

    def line(self, *points: tuple[float, float], edge: str = "line") -> None:
        path = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
        self.parts.append(
            f'<path d="{path}" fill="none" stroke="{colour(edge)}" stroke-width="1.5"/>'
        )

    def svg(self) -> str:
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" font-family="system-ui, sans-serif" '
            f'role="img">\n<title>{escape(self.title)}</title>\n'
            f'<rect width="{self.width}" height="{self.height}" fill="{colour("paper")}"/>\n'
            + "\n".join(self.parts)
            + "\n</svg>\n"
        )


def call() -> Drawing:
    """The way of a call: three ways in, one operation, one way to the server and back."""
    it = Drawing(680, 548, "The way of a call, from the cache to a server and back")
    ways = [
        (20, "cache.get(…)", "blocking"),
        (190, "await cache.aget(…)", "asyncio"),
        (380, "queue.get(…)", "a pipeline"),
    ]
    widths = [150, 170, 130]
    for (x, title, note), width in zip(ways, widths, strict=True):
        it.labelled(x, 12, width, title, note, mono=True)
        it.arrow((x + width / 2, 58), (x + width / 2, 96))
    it.labelled(
        20, 96, 490, "operation", "written once, as a generator: makes the key, yields GET",
        fill="tint", edge="ours",
    )  # fmt: skip
    it.arrow((265, 142), (265, 176))
    it.labelled(
        20, 176, 490, "driver", "waits, awaits, or goes in step with the rest of a pipeline"
    )
    it.arrow((265, 222), (265, 256))
    it.labelled(20, 256, 235, "topology", "which server? (shard, slot, role)")
    it.arrow((255, 279), (275, 279))
    it.labelled(275, 256, 235, "node", "breaker · pool · one retry")
    it.arrow((330, 302), (330, 322), (137, 322), (137, 346))
    it.arrow((392, 302), (392, 346))
    it.labelled(20, 346, 235, "link", "blocking: one caller at a time")
    it.labelled(275, 346, 235, "channel", "asyncio: all tasks of a loop")
    it.arrow((137, 392), (137, 426))
    it.arrow((392, 392), (392, 426))
    it.labelled(20, 426, 490, "server", "Redis or Valkey: one, replicas, shards, a cluster")
    it.arrow((510, 449), (595, 449), (595, 280), edge="ours")
    it.text(603, 372, "reply", size=13, fill="ours", anchor="start")
    it.labelled(532, 200, 126, "codec", "bytes → value", height=80, fill="tint", edge="ours")
    it.text(595, 258, "unseal, unpack, load", size=11.5, fill="grey")
    it.arrow((595, 200), (595, 119), (510, 119), edge="ours")
    it.text(603, 160, "value", size=13, fill="ours", anchor="start")
    it.text(20, 506,
            "Grey boxes know servers, and wait; green ones know keys and values, and never do.",
            size=13, fill="grey", anchor="start")  # fmt: skip
    it.text(20, 528, "A plugin changes an operation once, for all three ways in.", size=13,
            fill="grey", anchor="start")  # fmt: skip
    return it


def codec() -> Drawing:
    """What a value goes through, and who passes by."""
    it = Drawing(680, 214, "The stages of a value: serializer, compressor, sealer")
    it.labelled(12, 40, 92, "value", "any object", height=50)
    stages = [
        ("SERIALIZER", "pickle, msgpack …"),
        ("COMPRESSOR", "zstd, or as it is"),
        ("SEALER", "signed, or none"),
    ]
    x = 104
    for name, note in stages:
        it.arrow((x, 65), (x + 22, 65), edge="ours")
        it.labelled(x + 22, 40, 126, name, note, height=50, fill="tint", edge="ours")
        x += 148
    it.arrow((x, 65), (x + 22, 65), edge="ours")
    it.labelled(x + 22, 40, 92, "Redis", "bytes", height=50)
    it.arrow((58, 90), (58, 128), (594, 128), (594, 90))
    it.text(
        326, 120, "an int passes by all three: INCR counts it on the server", size=13, fill="grey"
    )
    it.text(326, 24, "set: from left to right", size=13, fill="ours")
    it.text(12, 164,
            "get goes back: the seal is checked before anything is unpacked, the bound on bytes",
            size=13, fill="grey", anchor="start")  # fmt: skip
    it.text(12, 184, "before anything is loaded. What cannot be read is a miss.",
            size=13, fill="grey", anchor="start")  # fmt: skip
    return it


#: The tree of errors, by depth. What is told apart is whether the server is in trouble.
ERRORS = [
    (0, "RedisCacheError"),
    (1, "ConnectionInterrupted"),
    (2, "ServerTimeout"),
    (3, "BudgetSpent"),
    (2, "CircuitOpen"),
    (2, "PoolExhausted"),
    (2, "ServerRefused"),
    (1, "ReplyError"),
    (2, "WrongTypeError"),
    (2, "NoScriptError"),
    (1, "NotANumberError"),
    (1, "CrossNodeError"),
    (1, "SerializationError"),
    (1, "CompressorError"),
    (1, "CallTooLarge"),
    (1, "SealError"),
    (0, "ImproperlyConfigured"),
    (1, "PluginError"),
    (2, "PluginNotFound"),
    (2, "PluginConflict"),
    (2, "PluginLoadError"),
    (0, "InvalidCacheKey"),
]


def errors() -> Drawing:
    row, top, left, step = 25, 14, 24, 30
    it = Drawing(680, top * 2 + row * len(ERRORS), "The errors, and which of them are answered")
    names = [name for _, name in ERRORS]

    def y(name: str) -> float:
        return top + row * names.index(name)

    trouble = y("ConnectionInterrupted")
    it.box(left + 20, trouble - 1, 612, row * 6, fill="warn-tint", edge="warn")
    settings = y("ImproperlyConfigured")
    for words, place in (
        ("The server is in trouble:", trouble + 66),
        ("IGNORE_EXCEPTIONS answers instead", trouble + 85),
    ):
        it.text(640, place, words, size=13, fill="warn", anchor="end")
    for words, place in (
        ("The program is wrong:", y("WrongTypeError") + 16),
        ("raised all the same", y("WrongTypeError") + 35),
        ("An entry cannot be read: a miss", y("CompressorError") + 16),
        ("Settings are wrong: raised before", settings + 56),
        ("anything is sent", settings + 75),
    ):
        it.text(640, place, words, size=13, fill="grey", anchor="end")
    last: dict[int, float] = {}
    for depth, name in ERRORS:
        middle = y(name) + row / 2
        x = left + depth * step
        if depth:
            it.line((x - 16, last[depth - 1] + 10), (x - 16, middle), (x - 4, middle))
        last[depth] = middle
        it.text(x, middle + 4.5, name, anchor="start", mono=True, size=13.5, bold=depth == 0)
    return it


#: The spans of a request: depth, where it begins and ends in hundredths, name, kind, attributes.
SPANS = [
    (0, 0, 100, "GET /book/7", "SERVER", "of Django's instrumentation"),
    (1, 8, 34, "cache.get", "INTERNAL", "source=server hits=0 misses=1"),
    (2, 12, 31, "GET", "CLIENT", "db.system.name=redis server.address=cache-1"),
    (1, 70, 94, "cache.set", "INTERNAL", "source=server"),
    (2, 74, 91, "SET", "CLIENT", "db.system.name=redis server.address=cache-1"),
]


def trace() -> Drawing:
    row, top, left, wide = 34, 12, 218, 446
    it = Drawing(680, top * 2 + row * len(SPANS), "A request's trace: operations and round trips")
    last: dict[int, float] = {}
    for place, (depth, begin, end, name, kind, more) in enumerate(SPANS):
        middle = top + row * place + row / 2
        x = 16 + depth * 24
        if depth:
            it.line((x - 14, last[depth - 1] + 10), (x - 14, middle), (x - 4, middle))
        last[depth] = middle
        it.text(x, middle + 4.5, name, anchor="start", mono=True, size=13.5, bold=not depth)
        it.text(left - 12, middle + 4.5, kind, anchor="end", size=11, fill="grey")
        mine = {"fill": "tint", "edge": "ours"} if kind == "INTERNAL" else {}
        it.box(left + wide * begin / 100, middle - 12, wide * (end - begin) / 100, 24, **mine)
        # Beside a bar where it would not fit into it, on the side where there is room.
        if depth == 0:
            it.text(left + 8, middle + 4.5, more, anchor="start", size=11.5, fill="grey")
        elif begin < 50:
            start = left + wide * end / 100 + 8
            it.text(start, middle + 4.5, more, anchor="start", size=11.5, fill="grey")
        else:
            start = left + wide * begin / 100 - 8
            it.text(start, middle + 4.5, more, anchor="end", size=11.5, fill="grey")
    return it


#: By the file's name.
DRAWINGS: dict[str, Callable[[], Drawing]] = {
    "call": call,
    "codec": codec,
    "errors": errors,
    "trace": trace,
}

if __name__ == "__main__":
    for name, draw in DRAWINGS.items():
        (HERE / f"{name}.svg").write_text(draw().svg(), encoding="utf-8")
