"""Numbers as words, and shares as the width of a bar."""

from __future__ import annotations

from typing import Any

from django import template

from django_redis_core.operating import counted, share, size, span

register = template.Library()


def bytes_(value: Any) -> str:
    return "–" if value is None else size(value)


def lasting(seconds: Any) -> str:
    return "never expires" if seconds is None else span(seconds)


def ratio(value: Any) -> str:
    return "–" if value is None else share(value, 1)


def number(value: Any) -> str:
    return "–" if value is None else f"{value:,}"


def part_of(value: Any, whole: Any) -> str:
    """Percent of ``whole``, as SVG takes a width."""
    return f"{min(100 * value / whole, 100):.1f}%" if value and whole else "0%"


def percent_of(value: Any, whole: Any) -> str:
    return share(value or 0, whole or 0)


def of(value: Any, noun: str) -> str:
    return "–" if value is None else counted(value, noun)


def shortened(text: str, most: int = 2000) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


register.filter("rc_bytes", bytes_)
for function in (lasting, ratio, number, part_of, percent_of, of, shortened):
    register.filter(f"rc_{function.__name__}", function)
