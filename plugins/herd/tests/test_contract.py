"""The core's whole operation suite on herd, in both formats."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import pytest

from django_redis_core.testing import ClientContract
from django_redis_core.testing.caller import Caller

EXAMPLES: list[Any] = [
    ("get_or_set", ["new", "first"], {"recompute": True}),
    ("get_or_set", ["new", "second"], {"recompute": True}),
    ("get_or_set", ["new", "never"], {"recompute": "due"}),
    ("get_or_set", ["gone", "never"], {"recompute": "due"}),
    ("get_or_set", ["new", "never"], {"enqueue": print}),
    ("get_many", [["new", "gone"]], {}),
]


class TestHerd(ClientContract):
    name = "herd"
    examples: ClassVar = EXAMPLES
    round_trips = {"getex": 1, "incr_version": 1, "decr_version": 1}


class TestTuples(ClientContract):
    name = "herd"
    examples: ClassVar = [one for one in EXAMPLES if "due" not in one[2].values()]
    # What is in a tuple, the server cannot judge or change.
    round_trips = {
        **dict.fromkeys(["add", "incr", "decr", "incr_version", "decr_version"], 1),
        **dict.fromkeys(["touch", "expire", "pexpire", "expire_at", "pexpire_at", "persist"], 2),
        "getex": 3,
    }

    @pytest.fixture(params=["blocking"])
    def way(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def options(self) -> Any:
        return {"HERD_FORMAT": "django-redis"}

    def test_an_entry_is_gone_after_its_time(self, cache: Caller) -> None:
        """That format has whole seconds, so the test begins just before the end of one: again
        where a busy machine took all of the rest for it."""
        for _ in range(6):
            cache.clear()
            time.sleep((0.7 - time.time()) % 1)
            second = int(time.time())
            cache.set("set", 1, 0.05)
            cache.add("add", 1, 0.05)
            cache.get_or_set("get_or_set", 1, 0.05)
            cache.set_many({"set_many": 1, "touch": 1, "pexpire": 1}, 60)
            cache.touch("touch", 0.05)
            cache.pexpire("pexpire", 50)
            if time.time() < second + 0.95:
                break
        keys = ["set", "add", "get_or_set", "set_many", "touch", "pexpire"]
        time.sleep((0.01 - time.time()) % 1)
        assert cache.get_many(keys) == {"set_many": 1}
        assert [key for key in keys if cache.has_key(key)] == ["set_many"]
