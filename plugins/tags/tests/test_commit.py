"""What waits for the database's commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, transaction

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted, SerializationError
from django_redis_core.signals import exception_ignored
from django_redis_core.testing.processes import free_port
from django_redis_core.testing.servers import Server

Make = Callable[..., RedisCache]


@pytest.fixture(autouse=True)
def database(tmp_path: Path, ready: None) -> Iterator[str]:
    """A database of these tests alone, whatever settings say."""
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "database")}
    alias = "tags-tests"
    configured = connections.configure_settings({"default": {}, alias: sqlite})
    connections.settings[alias] = configured[alias]
    yield alias
    connections[alias].close()
    del connections[alias], connections.settings[alias]


@pytest.fixture
def make(make_cache: Make, database: str) -> Callable[..., Any]:
    def make(on_commit: str = "invalidate", **more: Any) -> Any:
        options = {"CLIENT": "tags", "TAGS_ON_COMMIT": on_commit, "TAGS_DATABASE": database}
        entry = {name: more.pop(name) for name in ("LOCATION", "KEY_PREFIX") if name in more}
        return make_cache({**options, **more}, **entry)

    return make


def atomic() -> Any:
    return transaction.atomic(using="tags-tests")


def rolled_back(work: Callable[[], Any]) -> None:
    with atomic():
        work()
        transaction.set_rollback(True, using="tags-tests")


def test_an_invalidation_waits(make: Any) -> None:
    cache = make()
    cache.set("k", 1, tags=["x"])
    with atomic():
        assert cache.invalidate_tags("x") == 0
        assert cache.get("k") == 1
        cache.set("j", 2, tags=["y"])
        cache.delete("j")
        assert cache.get("j") is None, "nothing else waits"
    assert cache.get("k") is None


def test_what_is_rolled_back_was_not_invalidated(make: Any) -> None:
    cache = make()
    cache.set("k", 1, tags=["x"])
    rolled_back(lambda: cache.invalidate_tags("x"))
    assert cache.get("k") == 1
    with atomic():
        rolled_back(lambda: cache.invalidate_tags("x"))  # a savepoint
    assert cache.get("k") == 1


def test_without_a_transaction_and_by_option_it_does_not_wait(make: Any) -> None:
    cache, never = make(), make("never", KEY_PREFIX="never")
    cache.set("k", 1, tags=["x"])
    assert cache.invalidate_tags("x") == 1
    never.set("k", 1, tags=["x"])
    with atomic():
        assert never.invalidate_tags("x") == 1
        assert never.get("k") is None


def test_bad_tags_are_refused_in_their_line(make: Any) -> None:
    with atomic(), pytest.raises(TypeError, match="of type str"):
        make().invalidate_tags(3)


def test_writes_wait_by_option(make: Any) -> None:
    cache = make("writes")
    cache.set_many({"a": "old", "b": "old", "c": "old", "d": "old"})
    with atomic():
        value = ["new"]
        assert cache.set("a", value, tags=["x"]) is True
        value.append("changed after it was set")
        assert cache.delete("b") is False
        assert cache.delete_many(["c"]) == 0
        assert cache.delete_many([]) is None
        assert cache.set_many({"d": "new", "e": 5}, 60, tags=["y"]) == []
        assert cache.get_or_set("f", lambda: "computed", tags=["x"]) == "computed"
        assert cache.get_many("abcdef") == dict.fromkeys("abcd", "old")
        assert cache.add("g", 1) is True, "whose answer decides, does not wait"
        assert cache.get("g") == 1
    assert cache.get_many("abcdef") == {"a": ["new"], "d": "new", "e": 5, "f": "computed"}
    cache.invalidate_tags("x")
    assert cache.get_many("abcdef") == {"d": "new", "e": 5}
    rolled_back(lambda: (cache.set("a", 1), cache.delete("d")))
    assert cache.get_many("ad") == {"d": "new"}


def test_what_cannot_be_stored_is_an_error_of_its_line(make: Any) -> None:
    cache = make("writes")
    with atomic():
        for call in (
            lambda: cache.set("k", lambda: 1),
            lambda: cache.set_many({"k": lambda: 1}),
        ):
            with pytest.raises(SerializationError):
                call()


def test_what_waits_is_invalidated_by_others_meanwhile(make: Any) -> None:
    cache, other = make("writes", KEY_PREFIX="shared"), make("never", KEY_PREFIX="shared")
    with atomic():
        cache.set("k", "computed of what was read", tags=["x"])
        other.invalidate_tags("x")
    assert cache.get("k") is None


def test_in_pipelines(make: Any) -> None:
    cache = make()
    cache.set("k", 1, tags=["x"])
    with atomic():
        with cache.pipeline() as queue:
            queue.invalidate_tags("x")
        assert cache.get("k") == 1
    assert cache.get("k") is None


def test_on_asyncio_nothing_waits(make: Any) -> None:
    cache = make("writes")

    async def use() -> None:
        await cache.aset("k", 1, tags=["x"])
        assert await cache.ainvalidate_tags("x") == 1
        assert await cache.aget("k") is None
        await cache.aclose()

    asyncio.run(use())


def test_a_class_that_makes_keys_itself(redis_server: Server, database: str) -> None:
    class Own(RedisCache):
        def make_key(self, key: Any, version: Any = None) -> str:
            return f"own-{super().make_key(key, version)}"

    options = {"CLIENT": "tags", "TAGS_ON_COMMIT": "writes", "TAGS_DATABASE": database}
    cache: Any = Own(redis_server.url, {"KEY_PREFIX": "own-keys", "OPTIONS": options})
    cache.set("k", 1, tags=["x"])
    with atomic():
        cache.set("j", 2, tags=["y"])
        cache.invalidate_tags("x")
        cache.delete("j")
        cache.set("i", 3, tags=["y"])
    assert cache.get_many(["k", "j", "i"]) == {"i": 3}
    cache.delete("i")
    cache.close()


def test_a_server_that_is_down_at_the_commit(make: Any) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    with pytest.raises(ConnectionInterrupted), atomic():
        make(LOCATION=nowhere).invalidate_tags("x")
    told: list[str] = []

    def tell(operation: str, **kwargs: Any) -> None:
        told.append(operation)

    exception_ignored.connect(tell)
    try:
        with atomic():
            make(LOCATION=nowhere, IGNORE_EXCEPTIONS=True).invalidate_tags("x")
            assert told == []
        assert told == ["invalidate_tags"]
    finally:
        exception_ignored.disconnect(tell)
