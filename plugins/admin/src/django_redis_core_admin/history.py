"""What ``redis_cache sample`` has kept of a cache, as plots that the server draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

from django.db import DatabaseError, transaction
from django.http import HttpResponse
from django.utils import timezone

from django_redis_core.operating import OperatedCache, share, size

from .charts import Line, Plot
from .models import Sample
from .page import Page

#: Hours that can be looked at, and what they are called.
SPANS = {1: "an hour", 24: "a day", 168: "a week", 720: "30 days"}


def page(page: Page, cache: OperatedCache) -> HttpResponse:
    written = page.request.GET.get("hours", "")
    hours = int(written) if written.isdecimal() and int(written) in SPANS else 24
    until = timezone.now()
    since = until - timedelta(hours=hours)
    rows = Sample.objects.filter(alias=cache.alias, taken__gte=since).order_by("taken", "pk")
    trouble = ""
    try:
        with transaction.atomic():
            samples = list(rows)
    except DatabaseError as error:
        samples, trouble = [], f"{error}. Has manage.py migrate been run?"
    if samples and samples[0].taken < samples[-1].taken:
        since = samples[0].taken  # a history that has just begun fills the width too
    by_server: dict[str, list[Sample]] = {}
    for sample in samples:
        by_server.setdefault(sample.server, []).append(sample)
    return page.show(
        "history",
        f"History of {cache.alias}",
        alias=cache.alias,
        tab="history",
        plots=plots(by_server, since.timestamp(), until.timestamp()) if samples else [],
        failures=[sample for sample in samples if sample.error][-10:],
        trouble=trouble,
        hours=hours,
        spans=SPANS.items(),
        since=since,
        until=until,
    )


def plots(by_server: dict[str, list[Sample]], since: float, until: float) -> list[Plot]:
    def made(
        title: str, read: Callable[[Sequence[Sample]], Any], words: Callable[[float], str]
    ) -> Plot:
        lines = [
            Line(name, list(read([one for one in rows if not one.error])))
            for name, rows in by_server.items()
        ]
        return Plot(title, [line for line in lines if line.points], since, until, words)

    return [
        made("Commands a second", lambda rows: rates(rows, "commands"), _rate),
        made("Hit ratio", hit_ratios, lambda value: share(value, 1)),
        made("Memory", lambda rows: states(rows, "used_memory"), size),
        made(
            "Keys in the database", lambda rows: states(rows, "keys"), lambda value: f"{value:,.0f}"
        ),
        made("Evicted a second", lambda rows: rates(rows, "evicted_keys"), _rate),
        made(
            "Round trip",
            lambda rows: states(rows, "round_trip_ms"),
            lambda value: f"{value:.2f} ms",
        ),
    ]


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def states(rows: Sequence[Sample], name: str) -> Any:
    for row in rows:
        if (value := getattr(row, name)) is not None:
            yield row.taken.timestamp(), float(value)


def rates(rows: Sequence[Sample], name: str) -> Any:
    for first, last in pairwise(rows):
        grown = _grown(first, last, name)
        if grown is not None:
            yield last.taken.timestamp(), grown / (last.taken - first.taken).total_seconds()


def hit_ratios(rows: Sequence[Sample]) -> Any:
    """Of the look-ups between two samples, where there were any."""
    for first, last in pairwise(rows):
        hits, misses = _grown(first, last, "hits"), _grown(first, last, "misses")
        if hits is not None and misses is not None and hits + misses:
            yield last.taken.timestamp(), hits / (hits + misses)


def _grown(first: Sample, last: Sample, name: str) -> int | None:
    """The growth of a counter; None where a restart came between."""
    before, after = getattr(first, name), getattr(last, name)
    if before is None or after is None or first.run != last.run or last.taken <= first.taken:
        return None
    return after - before if after >= before else None
