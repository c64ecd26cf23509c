"""Locks between workers."""

from __future__ import annotations

import time
from typing import ClassVar

import pytest
from redis.exceptions import LockError, LockNotOwnedError

from ..._operations import locks
from ..._operations.declare import Family
from ..caller import Caller
from .suite import Make, Suite, in_threads


class LocksSuite(Suite):
    covers: ClassVar[type[Family]] = locks.Locks

    def test_one_holds_it_at_a_time(self, cache: Caller) -> None:
        first, second = cache.lock("k", timeout=10), cache.lock("k", timeout=10)
        assert cache.wait(first.acquire, blocking=False) is True
        assert cache.wait(second.acquire, blocking=False) is False
        cache.wait(first.release)
        assert cache.wait(second.acquire, blocking=False) is True
        with pytest.raises(LockError):
            cache.wait(first.release)
        cache.wait(second.release)

    def test_blocking_code_and_asyncio_exclude_each_other(self, cache: Caller) -> None:
        mine = cache.lock("k", timeout=10)
        theirs = Caller(cache.cache, "blocking" if cache.asynchronous else "async", cache.loop)
        other = theirs.lock("k", timeout=10)
        assert cache.wait(mine.acquire, blocking=False) is True
        assert theirs.wait(other.acquire, blocking=False) is False
        cache.wait(mine.release)
        assert theirs.wait(other.acquire, blocking=False) is True
        theirs.wait(other.release)

    def test_keys_and_versions_are_locks_of_their_own(self, cache: Caller) -> None:
        held = [cache.lock("k"), cache.lock("other"), cache.lock("k", version=2)]
        assert [cache.wait(lock.acquire, blocking=False) for lock in held] == [True] * 3
        for lock in held:
            cache.wait(lock.release)

    def test_it_ends_with_its_timeout(self, cache: Caller) -> None:
        lost, next_ = cache.lock("k", timeout=0.05), cache.lock("k", timeout=10, sleep=0.01)
        cache.wait(lost.acquire)
        assert cache.wait(next_.acquire, blocking_timeout=30) is True
        with pytest.raises(LockNotOwnedError):
            cache.wait(lost.release)
        cache.wait(next_.release)

    def test_waiting_has_an_end(self, cache: Caller) -> None:
        held = cache.lock("k")
        cache.wait(held.acquire)
        began = time.monotonic()
        waiting = cache.lock("k", sleep=0.01, blocking_timeout=0.05)
        assert cache.wait(waiting.acquire) is False
        assert cache.wait(cache.lock("k", blocking=False).acquire) is False
        assert 0.03 < time.monotonic() - began < 30
        cache.wait(held.release)

    def test_without_a_timeout_it_is_held_until_released(self, cache: Caller) -> None:
        held = cache.lock("k")
        cache.wait(held.acquire)
        assert cache.ttl("k") is None
        cache.wait(held.release)
        assert cache.has_key("k") is False

    def test_it_lives_under_the_caches_key(self, cache: Caller) -> None:
        held = cache.lock("k", timeout=10)
        cache.wait(held.acquire)
        client, full = cache.raw("k")
        assert client.exists(full)
        assert cache.has_key("k") is True
        assert 5 < cache.ttl("k") <= 10
        cache.wait(held.release)

    @pytest.mark.parametrize("delete_unreadable", [False, True])
    def test_get_on_a_held_lock_is_a_miss_and_leaves_it(
        self, make: Make, delete_unreadable: bool
    ) -> None:
        cache = make({"DELETE_UNREADABLE": delete_unreadable})
        held = cache.lock("k", timeout=10)
        cache.wait(held.acquire)
        assert cache.get("k", "default") == "default"
        assert cache.get_many(["k"]) == {}
        assert cache.wait(cache.lock("k").acquire, blocking=False) is False
        cache.wait(held.release)

    def test_four_threads_take_turns(self, cache: Caller) -> None:
        inside: list[int] = []
        worst: list[int] = []

        def work(mine: Caller) -> None:
            lock = mine.lock("k", timeout=10, sleep=0.005)
            mine.wait(lock.acquire)
            inside.append(1)
            worst.append(len(inside))
            time.sleep(0.005)
            inside.pop()
            mine.wait(lock.release)

        in_threads(4, cache, work)
        assert worst == [1, 1, 1, 1]

    def test_its_holder_may_bring_a_token_and_ask_and_prolong(self, cache: Caller) -> None:
        lock = cache.lock("k", timeout=50)
        assert cache.wait(lock.acquire, token="mine") is True
        assert cache.wait(lock.locked) is True
        assert cache.wait(lock.owned) is True
        assert cache.wait(cache.lock("k", timeout=5).owned) is False
        assert cache.wait(lock.extend, 20) is True
        assert 55 < cache.ttl("k") <= 70
        assert cache.wait(lock.reacquire) is True
        assert 40 < cache.ttl("k") <= 50
        cache.wait(lock.release)
        assert cache.wait(lock.locked) is False
