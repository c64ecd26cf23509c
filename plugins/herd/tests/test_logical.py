"""What has expired is not there, although it is kept: for every operation, in both formats.

Among them each of the faults that django-redis' herd client has.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.testing.busy import seconds

Wait = Callable[[Callable[[float], Any]], None]
KEPT = 60_000  # HERD_TIMEOUT in milliseconds


@pytest.fixture
def expired(cache: RedisCache, raw: Any, let_expire: Wait) -> RedisCache:
    """A cache in which "k" and the number "n" have expired, and both are kept."""
    let_expire(lambda seconds: cache.set_many({"k": "old", "n": 5}, seconds))
    assert raw.exists(cache.make_key("k"), cache.make_key("n")) == 2
    return cache


def test_a_value_is_kept_past_its_expiry(cache: RedisCache, raw: Any) -> None:
    cache.set("k", 1, 10)
    assert 5_000 < cache.pttl("k") <= 10_000
    assert KEPT + 5_000 < raw.pttl(cache.make_key("k")) <= KEPT + 10_000


def test_without_a_timeout_a_value_is_stored_as_every_client_stores_it(
    cache: RedisCache, raw: Any, make_cache: Callable[..., RedisCache]
) -> None:
    plain = make_cache({}, KEY_PREFIX=cache.key_prefix)
    for value in ("text", 5, {"a": 1}):
        cache.set("k", value, None)
        assert plain.get("k") == value
        plain.set("k", [value], 10)
        assert cache.get("k") == [value]
        assert 5_000 < cache.pttl("k") <= 10_000


def test_one_reader_is_elected_and_the_others_get_the_old_value(expired: RedisCache) -> None:
    assert [expired.get("k", "miss") for _ in range(4)] == ["miss", "old", "old", "old"]
    expired.set("k", "new", 10)
    assert expired.get("k") == "new"


def test_get_many_elects_once_and_never_gives_none(expired: RedisCache) -> None:
    expired.set("fresh", 1, 10)
    assert expired.get_many(["k", "n", "fresh", "nowhere"]) == {"fresh": 1}
    assert expired.get_many(["k", "n", "fresh"]) == {"k": "old", "n": 5, "fresh": 1}


def test_get_or_set_stores_in_the_stale_window(expired: RedisCache) -> None:
    assert expired.get_or_set("k", lambda: "new", 10) == "new"
    assert expired.get("k") == "new"
    assert 5_000 < expired.pttl("k") <= 10_000


def test_the_one_who_is_not_elected_gets_the_old_value_of_get_or_set(expired: RedisCache) -> None:
    assert expired.get("k") is None
    assert expired.get_or_set("k", lambda: pytest.fail("computed")) == "old"


def test_what_another_worker_stored_meanwhile_wins(expired: RedisCache) -> None:
    def slow() -> str:
        expired.set("k", "theirs", 10)
        return "mine"

    assert expired.get_or_set("k", slow, 10) == "theirs"
    assert expired.get("k") == "theirs"


def test_an_elected_worker_that_dies_is_followed_by_another(
    make_cache: Callable[..., RedisCache], herd_format: str, let_expire: Wait
) -> None:
    options = {"CLIENT": "herd", "HERD_LEASE": 0.3, "HERD_FORMAT": herd_format}
    cache = make_cache(options, KEY_PREFIX=f"herd-{uuid4().hex[:8]}")
    let_expire(lambda seconds: cache.set("k", "old", seconds))
    for _ in range(2):
        for _ in range(6):  # on a machine that is busy, a lease may end meanwhile
            seen = []
            took = seconds(lambda seen=seen: seen.extend(cache.get("k") for _ in range(3)))  # type: ignore[misc]
            if took < 0.3:
                break
            time.sleep(0.31)
        assert seen == [None, "old", "old"]
        time.sleep(0.31)


def test_a_lease_ends_with_the_value_that_it_was_for(cache: RedisCache, let_expire: Wait) -> None:
    for value in ("one", "two"):
        let_expire(lambda seconds, value=value: cache.set("k", value, seconds))  # type: ignore[misc]
        assert [cache.get("k") for _ in range(2)] == [None, value]


@pytest.mark.parametrize("leased", [False, True], ids=["expired", "leased"])
class TestAbsent:
    """Each operation on an entry that is only kept, before and after somebody was elected."""

    @pytest.fixture(autouse=True)
    def elect(self, expired: RedisCache, leased: bool) -> None:
        if leased:
            assert expired.get_many(["k", "n"]) == {}

    def test_it_is_not_there(self, expired: RedisCache) -> None:
        assert expired.has_key("k") is False
        assert "n" not in expired
        assert (expired.ttl("k"), expired.pttl("k")) == (0, 0)

    def test_xx_does_not_store(self, expired: RedisCache, raw: Any) -> None:
        before = raw.get(expired.make_key("k"))
        assert expired.set("k", "new", 10, xx=True) is False
        assert expired.set("k", "new", 0, xx=True) is False or before is None
        assert expired.has_key("k") is False

    def test_nx_and_add_store(self, expired: RedisCache) -> None:
        assert expired.set("k", "new", 10, nx=True) is True
        assert expired.add("n", "new", 10) is True
        assert expired.get_many(["k", "n"]) == {"k": "new", "n": "new"}
        assert 5_000 < expired.pttl("k") <= 10_000

    def test_nx_with_no_time_says_that_it_is_free(self, expired: RedisCache) -> None:
        assert expired.set("k", "new", 0, nx=True) is True

    def test_incr_does_not_find_it(self, expired: RedisCache) -> None:
        for method in (expired.incr, expired.decr):
            with pytest.raises(ValueError, match="'n' not found"):
                method("n")

    def test_incr_may_start_anew(self, expired: RedisCache) -> None:
        assert expired.incr("n", 3, ignore_key_check=True) == 3
        assert expired.ttl("n") is None

    def test_incr_with_a_timeout_starts_anew(self, expired: RedisCache) -> None:
        assert expired.incr("n", 3, timeout=10) == 3
        assert expired.incr("n", 3, timeout=99) == 6
        assert 5_000 < expired.pttl("n") <= 10_000

    def test_no_operation_revives_it(self, expired: RedisCache) -> None:
        later = datetime.now(UTC) + timedelta(minutes=5)
        assert expired.touch("k", 60) is False
        assert expired.touch("k", None) is False
        assert expired.expire("k", 60) is False
        assert expired.pexpire("k", 60_000) is False
        assert expired.expire_at("k", later) is False
        assert expired.pexpire_at("k", later) is False
        assert expired.persist("k") is False
        assert expired.getex("k", 60, "miss") == "miss"
        assert expired.has_key("k") is False

    def test_incr_version_does_not_move_it(self, expired: RedisCache) -> None:
        with pytest.raises(ValueError, match="'k' not found"):
            expired.incr_version("k")
        assert expired.has_key("k", version=2) is False

    def test_getdel_removes_it_and_misses(self, expired: RedisCache, raw: Any) -> None:
        assert expired.getdel("k", "miss") == "miss"
        assert raw.exists(expired.make_key("k")) == 0

    def test_delete_removes_it_and_says_that_it_was_not_there(
        self, expired: RedisCache, raw: Any
    ) -> None:
        expired.set("there", 1, 10)
        assert expired.delete("k") is False
        assert expired.delete_many(["n", "there", "nowhere"]) == 1
        assert raw.exists(*map(expired.make_key, ["k", "n", "there"])) == 0


class TestPresent:
    """The same operations on an entry that is there: both of its expiries go together."""

    @pytest.fixture(autouse=True)
    def fresh(self, cache: RedisCache) -> None:
        cache.set_many({"k": "value", "n": 5}, 30)

    def both(self, cache: RedisCache, raw: Any, milliseconds: int, key: str = "k") -> None:
        assert milliseconds - 5000 < cache.pttl(key) <= milliseconds
        left = raw.pttl(cache.make_key(key))
        assert KEPT + milliseconds - 5000 < left <= KEPT + milliseconds

    def test_xx_stores(self, cache: RedisCache, raw: Any) -> None:
        assert cache.set("k", "new", 10, xx=True) is True
        assert cache.set("nowhere", "new", 10, xx=True) is False
        assert cache.get_many(["k", "nowhere"]) == {"k": "new"}
        self.both(cache, raw, 10_000)

    def test_nx_and_add_do_not_store(self, cache: RedisCache) -> None:
        assert cache.set("k", "new", 10, nx=True) is False
        assert cache.set("k", "new", 0, nx=True) is False
        assert cache.add("k", "new", 10) is False
        assert cache.get("k") == "value"

    @pytest.mark.parametrize(
        "change",
        [
            lambda cache: cache.touch("k", 10),
            lambda cache: cache.expire("k", 10),
            lambda cache: cache.pexpire("k", 10_000),
            lambda cache: cache.expire_at("k", datetime.now(UTC) + timedelta(seconds=10)),
            lambda cache: cache.pexpire_at("k", int(time.time() * 1000) + 10_000),
            lambda cache: cache.getex("k", 10) == "value",
        ],
        ids=["touch", "expire", "pexpire", "expire_at", "pexpire_at", "getex"],
    )
    def test_a_new_expiry(
        self, cache: RedisCache, raw: Any, change: Callable[[RedisCache], bool]
    ) -> None:
        assert change(cache) is True
        self.both(cache, raw, 10_000)
        assert cache.get("k") == "value"

    def test_an_expiry_that_was_changed_is_the_one_that_counts(
        self, cache: RedisCache, let_expire: Wait
    ) -> None:
        let_expire(lambda seconds: cache.expire("k", seconds))
        assert [cache.get("k") for _ in range(2)] == [None, "value"]

    def test_persist(self, cache: RedisCache, raw: Any) -> None:
        assert cache.persist("k") is True
        assert cache.persist("k") is False
        assert cache.ttl("k") is None
        assert raw.ttl(cache.make_key("k")) == -1
        assert cache.get("k") == "value"
        assert cache.touch("k", 10) is True
        assert 5_000 < cache.pttl("k") <= 10_000

    @pytest.mark.parametrize("seconds", [0, -1])
    def test_no_time_removes_it(self, cache: RedisCache, raw: Any, seconds: int) -> None:
        assert cache.touch("k", seconds) is True
        assert cache.expire_at("n", time.time() + seconds - 1) is True
        assert raw.exists(cache.make_key("k"), cache.make_key("n")) == 0

    def test_incr_keeps_both_expiries(self, cache: RedisCache, raw: Any) -> None:
        assert [cache.incr("n", 7), cache.decr("n", 10), cache.decr("n", 4)] == [12, 2, -2]
        assert cache.get("n") == -2
        self.both(cache, raw, 30_000, "n")

    @pytest.mark.parametrize(
        ("start", "delta"),
        [
            (10**15 - 1, 1),
            (-(10**15) + 1, -2),
            (2**53 - 1, 2),
            (2**63 - 1, 1),
            (10**40, -1),
            (1, 2**53),
            (1, 10**30),
            (1.5, 1),
            (1, 0.25),
        ],
    )
    def test_incr_is_exact(self, cache: RedisCache, raw: Any, start: Any, delta: Any) -> None:
        cache.set("n", start, 30)
        assert cache.incr("n", delta) == start + delta
        assert cache.get("n") == start + delta
        self.both(cache, raw, 30_000, "n")

    def test_incr_loses_nothing(self, cache: RedisCache) -> None:
        cache.set("big", 2**64, 30)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: [cache.incr("n"), cache.incr("big")], range(200)))
        assert cache.get_many(["n", "big"]) == {"n": 205, "big": 2**64 + 200}

    def test_incr_version_keeps_both_expiries(self, cache: RedisCache, raw: Any) -> None:
        cache.set("brief", 1, 10.9)
        left = raw.pttl(cache.make_key("brief"))
        assert cache.incr_version("brief") == 2
        assert left - 5000 < raw.pttl(cache.make_key("brief", 2)) <= left
        assert 0 < cache.pttl("brief", version=2) <= 10_900
        assert cache.get("brief", version=2) == 1

    def test_other_data_types_keep_redis_expiry(self, cache: RedisCache, raw: Any) -> None:
        cache.hset("hash", "field", 1)
        assert cache.has_key("hash") is True
        assert cache.ttl("hash") is None
        assert cache.expire("hash", 10) is True
        assert 5_000 < cache.pttl("hash") <= 10_000
        assert raw.pttl(cache.make_key("hash")) <= 10_000
        assert cache.add("hash", 1) is False
        assert cache.persist("hash") is True
        assert cache.delete("hash") is True

    def test_a_lock_stays_a_lock(self, cache: RedisCache) -> None:
        lock = cache.lock("lock", timeout=10)
        assert lock.acquire()
        assert cache.get("lock") is None
        assert cache.add("lock", 1) is False
        assert cache.touch("lock", 20) is True
        assert 11_000 < cache.pttl("lock") <= 20_000
        assert lock.owned()
        lock.release()


def test_leases_do_not_show_in_the_keyspace(expired: RedisCache, raw: Any) -> None:
    before = set(raw.keys("*"))
    assert expired.get_many(["k", "n"]) == {}  # elected for both
    assert sorted(expired.keys("*")) == ["k", "n"]
    leases = set(raw.keys("*")) - before
    # In the native format the entry has its lease in itself.
    assert len(leases) == (2 if expired.client.writes_tuples else 0)  # type: ignore[attr-defined]
    assert expired.delete_pattern("*") == 2
    for key in leases:
        assert 0 < raw.pttl(key) <= 10_000  # it ends by itself


async def test_asyncio_and_pipelines_are_the_same_client(expired: RedisCache) -> None:
    assert await expired.aget("k", "miss") == "miss"
    with expired.pipeline() as pipeline:
        got = pipeline.get("k")
        number = pipeline.get("n", "miss")
        there = pipeline.has_key("k")
    assert (got.value, number.value, there.value) == ("old", "miss", False)
    async with expired.apipeline() as apipeline:
        stored = apipeline.add("k", "new", 10)
        counted = apipeline.incr("n", ignore_key_check=True)
    assert (stored.value, counted.value) == (True, 1)
    assert await expired.aget_many(["k", "n"]) == {"k": "new", "n": 1}


def test_a_server_that_forgot_its_scripts_elects_all_the_same(
    cache: RedisCache, raw: Any, let_expire: Wait
) -> None:
    let_expire(lambda seconds: cache.set_many({"a": 1, "b": 2}, seconds))
    raw.script_flush()
    assert cache.get_many(["a", "b"]) == {}
    raw.script_flush()
    assert cache.get_many(["a", "b"]) == {"a": 1, "b": 2}
    assert cache.touch("a", 1) is False
