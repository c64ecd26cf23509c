"""``set``, ``touch`` and ``expire``: one entry is written, or lives for another time."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError

from . import entries
from .console import Console
from .reports import on
from .targets import Misunderstood, Target, one_target


def write(
    console: Console,
    *,
    alias: str,
    key: str,
    value: str,
    timeout: Any,
    key_version: str | None,
    **options: Any,
) -> None:
    """With ``--json`` the value is JSON, as the report is."""
    data = _parsed(value) if console.as_json else value
    report = on(one_target(alias), _written, key, data, timeout, key_version)
    console.show(report, entries.ttl_lines)


def _parsed(value: str) -> Any:
    try:
        return json.loads(value, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Misunderstood(
            f"With --json the value is JSON, and {value[:80]!r} is none ({error}): write a text "
            "in double quotes, or leave --json out."
        ) from None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not in JSON")


def _written(
    target: Target, key: str, value: Any, timeout: Any, version: str | None
) -> dict[str, Any]:
    target.run(target.client.set(key, value, timeout, version))
    return entries.ttl_report(target, key, version, there=True)


def touch(
    console: Console,
    *,
    alias: str,
    key: str,
    seconds: Any,
    key_version: str | None,
    **options: Any,
) -> None:
    report = on(one_target(alias), _touched, key, seconds, key_version)
    console.show(report, entries.ttl_lines)
    if not report["found"]:
        raise CommandError(entries.absence(report))


def _touched(target: Target, key: str, timeout: Any, version: str | None) -> dict[str, Any]:
    touched = bool(target.run(target.client.touch(key, timeout, version)))
    return entries.ttl_report(target, key, version, there=touched)
