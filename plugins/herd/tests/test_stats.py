"""The column of ``stats``: entries that are kept past their expiry."""

from __future__ import annotations

import io
import json
from typing import Any

from django.core.management import call_command
from django.test import override_settings

from django_redis_core.cache import RedisCache
from django_redis_core.management.commands.redis_cache import Command
from django_redis_core.testing.servers import Server

from .conftest import Clock


def test_expired_entries_are_counted_by_family(
    redis_server: Server, herd_format: str, clock: Clock
) -> None:
    from django.core.cache import caches

    entry: dict[str, Any] = {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": redis_server.url,
        "KEY_PREFIX": f"stats-{herd_format}",
        "OPTIONS": {"CLIENT": "herd", "HERD_FORMAT": herd_format},
    }
    out = io.StringIO()
    with override_settings(CACHES={"default": entry}):
        cache: RedisCache = caches["default"]
        cache.set_many({f"old:{number}": "x" for number in range(7)}, timeout=5)
        cache.set_many({f"new:{number}": "x" for number in range(3)}, timeout=500)
        cache.set("old:forever", "x", timeout=None)
        cache.incr("old:count", ignore_key_check=True)
        cache.hset("old:hash", "field", "x")
        clock.ahead += 20
        call_command(Command(), "stats", "--json", "--lookups", stdout=out, stderr=io.StringIO())
        cache.clear()
    [report] = json.loads(out.getvalue())["reports"]
    columns = {one["family"]: one["columns"] for one in report["families"]}
    assert columns == {
        "old": {"django-redis-core-herd": {"expired": 7}},
        "new": {"django-redis-core-herd": {"expired": 0}},
    }
    assert report["plugin_faults"] == []
