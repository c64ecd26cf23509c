"""Django's sessions over the cache."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.core.cache import caches
from django.db import connection
from django.test import override_settings

from django_redis_core.testing.servers import Server


@pytest.fixture(scope="module")
def table() -> Iterator[None]:
    """The table of ``cached_db``."""
    from django.contrib.sessions.models import Session

    with connection.schema_editor() as editor:
        editor.create_model(Session)
    yield
    with connection.schema_editor() as editor:
        editor.delete_model(Session)
    connection.close()


@pytest.fixture
def sessions_cache(redis_server: Server, table: None) -> Iterator[None]:
    entry = {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": redis_server.url,
        "KEY_PREFIX": "test-sessions",
    }
    with override_settings(CACHES={"default": entry}):
        yield
        caches["default"].clear()


@pytest.fixture(params=["cache", "cached_db"])
def store(request: pytest.FixtureRequest, sessions_cache: None) -> Any:
    return import_module(f"django.contrib.sessions.backends.{request.param}").SessionStore


@pytest.fixture
def cache_store(sessions_cache: None) -> Any:
    return import_module("django.contrib.sessions.backends.cache").SessionStore


def test_a_session_is_created_saved_and_loaded(store: Any) -> None:
    session = store()
    session["cart"] = ["book"]
    session.save()
    assert session.session_key
    again = store(session.session_key)
    assert again["cart"] == ["book"]
    again["cart"] = ["book", "pen"]
    again.save()
    assert store(session.session_key).load() == {"cart": ["book", "pen"]}
    assert store().exists(session.session_key) is True


def test_a_session_lives_as_long_as_it_says(store: Any) -> None:
    session = store()
    session.set_expiry(100)
    session.create()
    key = f"{session.cache_key_prefix}{session.session_key}"
    session["k"] = 1
    session.save()
    assert 90 < caches["default"].ttl(key) <= 100


def test_the_key_is_djangos(cache_store: Any, redis_server: Server) -> None:
    session = cache_store()
    session.create()
    stored = f"test-sessions:1:django.contrib.sessions.cache{session.session_key}"
    assert redis_server.cli("EXISTS", stored) == 1


def test_cycling_keeps_the_data_under_another_key(store: Any) -> None:
    session = store()
    session["k"] = 1
    session.save()
    before = session.session_key
    session.cycle_key()
    assert session.session_key != before
    assert store(session.session_key)["k"] == 1
    assert store().exists(before) is False


def test_flushing_removes_it(store: Any) -> None:
    session = store()
    session["k"] = 1
    session.save()
    key = session.session_key
    session.flush()
    assert session.session_key is None
    assert store().exists(key) is False
    assert store(key).load() == {}


def test_a_session_that_was_deleted_meanwhile_is_not_saved_again(store: Any) -> None:
    session = store()
    session.create()
    store().delete(session.session_key)
    session["k"] = 1
    with pytest.raises(UpdateError):
        session.save()


def test_two_sessions_never_get_one_key(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = store()
    first.create()
    keys = iter([first.session_key, "a" * 32])
    monkeypatch.setattr(store, "_get_new_session_key", lambda self: next(keys))
    second = store()
    second.create()
    assert second.session_key == "a" * 32
    second.delete()


async def test_the_asynchronous_methods_do_the_same(cache_store: Any) -> None:
    session = cache_store()
    await session.aset("cart", ["book"])
    await session.asave()
    again = cache_store(session.session_key)
    assert await again.aload() == {"cart": ["book"]}
    await again.acycle_key()
    assert await again.aget("cart") == ["book"]
    assert await cache_store().aexists(session.session_key) is False
    await again.aflush()
    assert await cache_store().aexists(session.session_key) is False
