"""The core's whole operation suite on a mirror, while values are the new cache's and the old one's.

Not in every way of calling in each phase: what differs between the phases is which side is asked,
and what differs between the ways is the core's.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from django_redis_core.testing import ClientContract
from django_redis_core_mirror.onesided import CHANGING, READING
from django_redis_core_mirror.phases import Phase

#: Round trips more than the default client takes, where the old cache has nothing either: a mark
#: and the old cache on a miss, and the new one once more, to which the key may have come;
#: new and old cache one after the other for writes, their marks along with them; a look at both
#: before what is done on one side, and what has the other one forget.
ROUND_TRIPS = {
    **dict.fromkeys(["set", "set_many", "delete", "delete_many", "iter_keys", "keys"], 1),
    **dict.fromkeys(["get", "get_many", "getex"], 2),
    **dict.fromkeys(["get_or_set", "has_key", "ttl", "pttl"], 3),
    **dict.fromkeys(["touch", "expire", "pexpire", "expire_at", "pexpire_at", "persist"], 2),
    **dict.fromkeys(["incr", "decr"], 2),
    **dict.fromkeys(["add", "getdel", "incr_version", "decr_version"], 3),
    "delete_pattern": 5,
    **dict.fromkeys(READING, 2),
    **dict.fromkeys(CHANGING, 3),
}


class Mirrored(ClientContract):
    name = "mirror"
    round_trips = ROUND_TRIPS
    limits: ClassVar = {
        "test_a_cache_object_may_be_given_another_key_function": "of one object cannot be changed",
        "test_a_cache_object_may_be_given_another_prefix": "of one object cannot be changed",
    }

    @pytest.fixture
    def options(self) -> dict[str, Any]:
        return {"MIRROR_AGE": 60}


class TestNew(Mirrored):
    """Counters, locks and structures are the new cache's."""

    @pytest.fixture(params=["blocking", "async-pipeline"])
    def way(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def phase(self) -> Phase:
        return Phase.NEW


class TestBoth(Mirrored):
    """They are the old cache's: where a test looks at the new servers, it does not see them."""

    limits: ClassVar = {
        **Mirrored.limits,
        "test_it_lives_under_the_caches_key": "",
    }

    @pytest.fixture(params=["async"])
    def way(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def phase(self) -> Phase:
        return Phase.BOTH

    # Counted in NEW, where they are more.
    test_no_operation_needs_more_round_trips = None
