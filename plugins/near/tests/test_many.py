"""Keys that are read together, all of which have copies: what a look at many must not overlook."""

from __future__ import annotations

import time
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.interfaces import CacheKey
from django_redis_core.testing.clients import wait_until
from django_redis_core_near.store import NEVER, Store

from .conftest import Make, kept

VALUES = {f"key{number}": number for number in range(10)}


@pytest.fixture
def store(cache: RedisCache) -> Store:
    """That of a cache which has a copy of each of ``VALUES``, and of ``odd``, a list."""
    cache.set_many({**VALUES, "odd": [1]}, None)
    wait_until(lambda: all(kept(cache, key) for key in [*VALUES, "odd"]), "copies of all")
    store: Store = cache._engine.client._store
    return store


def served(cache: RedisCache, *keys: Any) -> bool:
    """Whether ``keys`` are answered, and all of them by copies."""
    before = cache.client.near_info().misses
    values = cache.get_many(keys)
    assert values == {key: [1] if key == "odd" else VALUES[key] for key in keys}
    return bool(cache.client.near_info().misses == before)


def test_each_hit_counts(cache: RedisCache, store: Store) -> None:
    hits = store.hits
    assert served(cache, *VALUES)
    assert store.hits == hits + len(VALUES)
    assert served(cache, "key1", "key2", "key1")
    assert store.hits == hits + len(VALUES) + 3


def test_one_that_has_ended_is_asked_for(cache: RedisCache, store: Store) -> None:
    copy = store.names["key5"]
    copy.given = copy.until = time.monotonic()
    assert not served(cache, *VALUES)


def test_a_value_that_may_be_changed_is_each_readers_own(cache: RedisCache, store: Store) -> None:
    names = ["key1", "odd", "key2"]
    assert served(cache, *names)
    cache.get_many(names)["odd"].append(2)
    assert served(cache, *names)


def test_a_key_as_it_is_stored_is_no_name(cache: RedisCache, store: Store) -> None:
    """Though it is equal to one."""
    assert cache.get_many([CacheKey("key1"), CacheKey("key2")]) == {}
    assert cache.get_many(["key1", CacheKey("key2")]) == {"key1": 1}


def test_nothing_is_served_while_a_server_is_silent(cache: RedisCache, store: Store) -> None:
    (session,) = store.sessions
    with cache._engine.client._only._lock:  # nobody renews it meanwhile
        lease, session.lease = session.lease, time.monotonic()
        assert not served(cache, *VALUES)
        session.lease = lease
    assert served(cache, *VALUES)


def test_copies_of_a_listener_that_has_left_are_dropped(cache: RedisCache, store: Store) -> None:
    """Where a server has lost its part, whoever listened to it may not know of the store any more;
    they would be in the way of all that are kept since."""
    (session,) = store.sessions
    with cache._engine.client._only._lock:
        session.lease = NEVER
        assert not served(cache, *VALUES)
    assert session not in store.sessions
    assert session not in [copy.session for copy in list(store.copies.values())]


def test_a_copy_that_was_looked_up_before_its_session_left_is_void(
    make_near: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader has the copies, then they are dropped, and then it asks who is heard."""
    cache = make_near({"NEAR_TTL": 601})
    cache.set_many(VALUES, None)
    wait_until(lambda: all(kept(cache, key) for key in VALUES), "copies of all")
    client = cache._engine.client
    store, names = client._store, dict(client._names)
    (session,) = store.sessions
    session.lease = time.monotonic()
    store.drop(session)
    assert store.sessions == ()
    monkeypatch.setattr(client, "_names", names)
    assert not served(cache, *VALUES)
