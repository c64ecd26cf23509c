"""What ``check`` and ``doctor`` say of ``accept_unsigned_until``."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.core.management import call_command
from django.test import override_settings

from django_redis_core.management.commands.redis_cache import Command
from django_redis_core.testing.servers import Server

PAST = "2024-02-29T12:00:00+00:00"


def caches(until: str | None, url: str = "redis://127.0.0.1:1") -> dict[str, Any]:
    sealer = {"NAME": "signed", "OPTIONS": {"accept_unsigned_until": until} if until else {}}
    entry = {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": url,
        "OPTIONS": {"SEALER": sealer},
    }
    return {"default": entry}


def checked(until: str | None) -> list[CheckMessage]:
    from django_redis_core.checks import check_caches

    with override_settings(CACHES=caches(until)):
        messages: list[CheckMessage] = check_caches()
        return messages


def test_a_time_that_is_over_is_a_warning() -> None:
    [message] = checked(PAST)
    assert message.id == "django_redis_core_signed.W001"
    assert message.msg == (
        "CACHES['default']: accept_unsigned_until of the sealer signed is over since "
        "2024-02-29T12:00:00+00:00."
    )


@pytest.mark.parametrize("until", [None, "2999-01-01T00:00:00+00:00"])
def test_what_is_not_over_is_none(until: str | None) -> None:
    assert checked(until) == []


def test_doctor_says_until_when_nothing_is_protected(redis_server: Server) -> None:
    def advice(until: str | None) -> list[str]:
        out = io.StringIO()
        with override_settings(CACHES=caches(until, redis_server.url)):
            call_command(Command(), "doctor", "--json", stdout=out, stderr=io.StringIO())
        [report] = json.loads(out.getvalue())["reports"]
        of = "django-redis-core-signed"
        return [one["text"] for one in report["findings"] if one.get("plugin") == of]

    later = datetime.now(UTC) + timedelta(days=1)
    [text] = advice(later.isoformat())
    assert text.startswith(f"Until {later.isoformat(timespec='seconds')} what bears no signature")
    assert advice(None) == []
    assert advice(PAST) == []
