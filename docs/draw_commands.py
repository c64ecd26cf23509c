"""Takes the pictures of commands: ``python docs/draw_commands.py``, with all plugins installed.

It starts a server of its own, fills it, lets a small site use it, runs each command of
``manage.py redis_cache`` in a terminal, and draws what stood there. So a picture shows what a
command really prints; who changes that takes them anew.
"""

from __future__ import annotations

import os
import pty
import random
import re
import select
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path

HERE = Path(__file__).resolve().parent

COLUMNS, LINES = 94, 40
#: By the file's name: the words behind ``manage.py redis_cache``.
COMMANDS = {
    "command-top": ["top", "--alias", "default"],
    "command-stats": ["stats", "--alias", "default"],
    "command-doctor": ["doctor"],
}
SETTINGS = """
SECRET_KEY = "of the pictures, and of nothing else: 0123456789"
INSTALLED_APPS = ["django_redis_core"]
USE_TZ, TIME_ZONE = True, "UTC"
CACHES = {
    "default": {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": ["redis://127.0.0.1:%(primary)d/0", "redis://127.0.0.1:%(replica)d/0"],
        "KEY_PREFIX": "shop",
        "OPTIONS": {"SERIALIZER": "msgpack", "COMPRESSOR": "zstd", "CLIENT": "herd"},
    },
    "sessions": {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": "redis://127.0.0.1:%(away)d/0",
        "KEY_PREFIX": "sessions",
        "OPTIONS": {"SEALER": "signed"},
    },
}
"""

# --- what a terminal showed -> a picture ----------------------------------------------------------

WIDE, HIGH, SIZE, EDGE, BAR = 8.0, 19, 13, 16, 34
PAPER, INK, DIM = "#14201a", "#d7e0db", "#8fa39a"
#: The colours that Django's styles ask a terminal for (SGR 30 to 37), on this paper.
SHADES = ["#14201a", "#ff8b80", "#7fdb9f", "#f0c674", "#8ab8ff", "#d7a6ff", "#7fd7d7", "#ffffff"]
_SGR = re.compile(r"\x1b\[([\d;]*)m")
_OTHER = re.compile(r"\x1b\[[\d;?]*[A-Za-ln-z]")


def last_frame(written: str) -> list[str]:
    """The lines that stood in the terminal at the end, with their colours."""
    text = written.rsplit("\x1b[H", maxsplit=1)[-1]
    lines = _OTHER.sub("", text).replace("\r\n", "\n").rstrip().split("\n")
    shown = [line.rsplit("\r", maxsplit=1)[-1] for line in lines]
    while shown and not _SGR.sub("", shown[-1]).strip():
        shown.pop()
    return shown


def spans(line: str) -> Iterator[tuple[int, str, str]]:
    """The parts of a line: the column where it begins, its colour, its text."""
    column, shade = 0, INK
    for place, part in enumerate(_SGR.split(line)):
        if place % 2:
            codes = [int(code) for code in part.split(";") if code]
            shade = next((SHADES[code - 30] for code in codes if 30 <= code <= 37), INK)
        elif part:
            yield column, shade, part
            column += len(part)


def picture(command: str, lines: Sequence[str]) -> str:
    """An SVG of a terminal in which ``command`` has printed ``lines``."""
    width, rows = int(COLUMNS * WIDE + 2 * EDGE), len(lines) + 1
    height = BAR + rows * HIGH + EDGE
    parts = [
        f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}"/>',
        *(f'<circle cx="{EDGE + 4 + at * 18}" cy="17" r="5.5" fill="#3b4c43"/>' for at in range(3)),
    ]
    for row, line in enumerate([f"$ {command}", *lines]):
        y = BAR + (row + 1) * HIGH - 5
        for column, shade, text in spans(line):
            shown = text.rstrip()
            if not shown.strip():
                continue
            start = column + len(shown) - len(shown.lstrip())
            shown = shown.lstrip()
            # The width is said, so that columns stand below each other in whatever font there is.
            parts.append(
                f'<text x="{EDGE + start * WIDE:g}" y="{y}" textLength="{len(shown) * WIDE:g}" '
                f'fill="{DIM if not row else shade}">{kept(shown)}</text>'
            )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" font-size="{SIZE}" '
        "font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\">\n"
        f"<title>{escape(command)}</title>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def kept(text: str) -> str:
    """``text`` for an SVG, which would make one space of several."""
    return escape(text, quote=False).replace(" ", "\N{NO-BREAK SPACE}")


# --- commands in a terminal -----------------------------------------------------------------------


def run(arguments: Sequence[str], environment: dict[str, str]) -> str:
    """What ``manage.py redis_cache`` writes to a terminal; a live one is left after some frames."""
    import fcntl
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "django", "redis_cache", *arguments, "--force-color"],
        env=environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    written, left = bytearray(), False
    while True:
        if select.select([master], [], [], 0.2)[0]:
            try:
                if not (some := os.read(master, 65536)):
                    break
            except OSError:  # Linux' way to say that nobody writes to it any more
                break
            written += some
        if not left and written.count(b"(q: quit)") == 4:
            os.write(master, b"q")
            left = True
    os.close(master)
    process.wait(timeout=30)
    return written.decode()


@contextmanager
def site() -> Iterator[None]:
    """The cache filled, and a thread that reads and writes until the end."""
    from django.core.cache import caches

    cache = caches["default"]
    chance = random.Random(7)
    for family, count, size in (("user", 24_000, 40), ("page", 6_000, 4_000), ("cart", 2_500, 300)):
        for start in range(0, count, 500):
            cache.set_many(
                {
                    f"{family}:{number}": {"of": number, "text": chance.randbytes(size // 2).hex()}
                    for number in range(start, start + 500)
                },
                timeout=chance.randint(3_000, 90_000),
            )
    over = threading.Event()

    def visit() -> None:
        while not over.is_set():
            number = int(chance.expovariate(1 / 4_000))
            page = cache.get(f"page:{number}")
            cache.get_many([f"user:{number + extra}" for extra in range(5)])
            if page is None:
                cache.set(f"page:{number}", {"of": number}, timeout=600)
            if not number % 40:
                cache.incr("visits") if cache.add("visits", 0) is False else None
            time.sleep(0.0008)

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def main() -> None:
    import django

    from django_redis_core.testing.servers import Server

    limits = {"maxmemory": "256mb", "maxmemory-policy": "noeviction"}
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(port=16379, config=limits) as primary,
        Server(port=16380, config=limits, replica_of=primary),
    ):
        ports = {"primary": 16379, "replica": 16380, "away": 16381}
        (Path(folder) / "pictured.py").write_text(SETTINGS % ports)
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "pictured",
            "PYTHONPATH": folder,
            "DJANGO_COLORS": "dark",
            "TERM": "xterm-256color",
            "COLUMNS": str(COLUMNS),
            "LINES": str(LINES),
        }
        sys.path.insert(0, folder)
        os.environ["DJANGO_SETTINGS_MODULE"] = "pictured"
        django.setup()
        with site():
            time.sleep(2)  # so that the server has something to tell
            for name, words in COMMANDS.items():
                lines = last_frame(run(words, environment))
                drawn = picture(f"python manage.py redis_cache {' '.join(words)}", lines)
                (HERE / f"{name}.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
