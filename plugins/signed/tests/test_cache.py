"""Signing begins on a real server that has values; what all sealers promise is in the contract."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import SealError
from django_redis_core.testing.fixtures import MakeCache


def test_unsigned_values_are_accepted_for_a_time(
    make_cache: MakeCache, unreadable: list[type[Exception]]
) -> None:
    def cache(**options: Any) -> RedisCache:
        return make_cache(options, KEY_PREFIX="signed-move")

    def signing(until: datetime) -> dict[str, Any]:
        return {"NAME": "signed", "OPTIONS": {"accept_unsigned_until": until}}

    now = datetime.now(UTC)
    cache().set_many({"k": ["unsigned"], "moved": "unsigned", "n": 5})
    moving = cache(SEALER=signing(now + timedelta(hours=1)))
    assert moving.get_many(["k", "moved", "n"]) == {"k": ["unsigned"], "moved": "unsigned", "n": 5}
    moving.set("k", ["signed"])
    assert moving.incr_version("moved") == 2
    moved = cache(SEALER=signing(now - timedelta(hours=1)))
    moving.set("left", "signed")
    cache().set("left", "unsigned")
    assert unreadable == []
    assert moved.get_many(["k", "left", "n"]) == {"k": ["signed"], "n": 5}
    assert moved.get("moved", version=2) == "unsigned"
    assert unreadable == [SealError]
