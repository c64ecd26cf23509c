"""Draws measured.svg out of the tables of measured.md: ``python docs/draw_measured.py``."""

from __future__ import annotations

from charts import Bar, Chart, Row, bar, page_of, picture_of, table


def short(row: Row, name: str, value: str, ours: bool) -> Bar:
    """Without what stands in brackets behind a name."""
    one = bar(row, name, value, ours)
    return Bar(one.name.partition(" (")[0], one.length, one.figure, one.ours)


def charts(markdown: str) -> list[Chart]:
    calls = table(markdown, "Single calls")
    tasks = [row for row in table(markdown, "Many asyncio tasks") if row["tasks"] == "50"]
    herds = table(markdown, "A stampede")
    served = [
        short(row, "backend", "operations a second", "django-redis-core" in row["backend"])
        for row in tasks
    ]
    sites = [
        short(row, "Django's request handler", "requests a second", one.startswith("**"))
        for row in table(markdown, "An ASGI site")
        if (one := row["Django's request handler"])
    ]
    return [
        Chart(
            "Single calls: CPU time, redis-py’s bare command = 1",
            "shorter is better; ours also makes keys and serializes",
            [short(row, "workload", "ours / redis-py", True) for row in calls],
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
            [short(row, "client", "computed", row["client"].startswith("herd")) for row in herds],
        ),
    ]


if __name__ == "__main__":
    title = "Measured; the figures are those of measured.md"
    picture_of(__file__, charts(page_of(__file__)), title)
