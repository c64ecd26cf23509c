"""Draws rivals.svg out of the tables of rivals.md: ``python docs/draw_rivals.py``."""

from __future__ import annotations

from charts import Chart, bar, is_figure, page_of, picture_of, table

OURS = "django-redis-core"
BACKEND = "beside redis-py"
#: No backends, but what they are made of.
BARE = ("redis-py again", "valkey-py", "socket and hiredis")
PICKLE = ["get 100 B", "get dict 2 KB", "set 100 B", "incr", "get_many 100", "set_many 100"]
MSGPACK = ["get dict 2 KB", "get_many 100", "set_many 100"]


def chart(markdown: str, heading: str, number: int, column: str, title: str, note: str) -> Chart:
    bars = [
        bar(row, BACKEND, column, OURS in row[BACKEND])
        for row in table(markdown, heading, number)
        if row[BACKEND] not in BARE and is_figure(row[column])
    ]
    bars.sort(key=lambda one: one.length, reverse=number == 1)
    return Chart(title, note, bars, (1, ""))


def charts(markdown: str) -> list[Chart]:
    shorter = "CPU time; the line is redis-py’s own client; shorter is better"
    longer = "the line is redis-py’s own asyncio client; longer is better"
    blocking = [
        chart(markdown, f"Blocking, {name}", 0, column, f"{column}, {name}", shorter)
        for name, columns in (("pickle", PICKLE), ("msgpack", MSGPACK))
        for column in columns
    ]
    reading = [
        chart(markdown, "asyncio, pickle", 1, column, f"asyncio, {column}: aget a second", longer)
        for column in ("1 task", "50 tasks", "300 tasks")
    ]
    return [*blocking, *reading]


if __name__ == "__main__":
    title = "Beside the others; the figures are those of rivals.md"
    picture_of(__file__, charts(page_of(__file__)), title)
