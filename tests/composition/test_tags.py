"""``["near", "tags", "herd", "shard"]`` with a serializer, a compressor and a sealer: the whole
operation suite once, and what only tags together with the others can do wrong."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction

from django_redis_core.exceptions import ConnectionInterrupted, SerializationError
from django_redis_core.testing.caller import Caller
from django_redis_core.testing.calls import watched
from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.operations import Operations
from django_redis_core.testing.operations.strings import VALUES
from django_redis_core.testing.servers import Server

from .conftest import Place

STACK = {
    "CLIENT": ["near", "tags", "herd", "shard"],
    "SERIALIZER": "msgpack",
    "COMPRESSOR": "zstd",
    "SEALER": "signed",
}

#: What msgpack has no type for.
NOT_OF_MSGPACK = {"int subclass", "tuple", "set", "datetime", "decimal"}


class TestTheStack(Operations):
    """In blocking code alone: its operations are the ones of every way."""

    name = "tags"
    limits = {"test_expire_at_takes_a_moment": "MessagePack has no type for datetime"}

    @pytest.fixture(params=["blocking"])
    def way(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def location(self, four_servers: list[Server]) -> Any:
        return [server.url for server in four_servers]

    @pytest.fixture
    def options(self) -> Mapping[str, Any]:
        return STACK

    @pytest.mark.parametrize("name", [name for name in VALUES if name not in NOT_OF_MSGPACK])
    def test_a_value_comes_back_equal_and_of_its_type(self, cache: Caller, name: str) -> None:
        super().test_a_value_comes_back_equal_and_of_its_type(cache, VALUES[name])


#: Each topology, and the clients that are put together there.
PLACES: dict[str, list[str]] = {
    "one_server": ["near", "tags", "herd"],
    "primary_and_replicas": ["tags", "herd"],
    "service": ["near", "tags", "herd", "shard"],
    "on_cluster": ["near", "tags", "herd"],
    "several_servers": ["near", "tags", "herd", "shard"],
}
DATA = {f"page-{number}": f"text {number}" for number in range(30)}


@pytest.fixture(params=PLACES)
def placed(request: pytest.FixtureRequest, make_cache: MakeCache) -> tuple[Any, Place]:
    place: Place = request.getfixturevalue(request.param)
    client = PLACES[request.param]
    options = {**STACK, "CLIENT": client, **place.options}
    location = place.sharded if "shard" in client else place.alone
    return make_cache(options, LOCATION=location), place


def test_tags_on_every_topology(placed: tuple[Any, Place]) -> None:
    """Entries and tags are anywhere, each where its own key lives."""
    cache, place = placed
    for number, (key, value) in enumerate(DATA.items()):
        cache.set(key, value, tags=["all", f"tag-{number % 7}"])
    cache.set_many({"plain": 1, "many": "too"}, tags=["tag-0"])
    place.settle()
    assert cache.get_many(list(DATA)) == DATA
    assert cache.incr("plain") == 2
    assert cache.invalidate_tags("tag-3", "tag-4", "unknown") == 2
    # Also where replicas answer, which may not know it yet.
    left = {
        key: value for number, (key, value) in enumerate(DATA.items()) if number % 7 not in (3, 4)
    }
    assert cache.get_many(list(DATA)) == left
    assert cache.get("page-3") is None
    assert cache.get("page-0") == "text 0"
    assert cache.get_or_set("page-3", lambda: "new", tags=["all"]) == "new"
    place.settle()
    assert cache.get("page-3") == "new"
    assert cache.invalidate_tags("all") == 1
    assert cache.get_many([*DATA, "many"]) == {"many": "too"}


async def test_tags_on_every_topology_on_asyncio(placed: tuple[Any, Place]) -> None:
    cache, place = placed
    snapshot = await cache.asnapshot_tags("all", "some")
    assert await cache.aset_many(DATA, tags=snapshot) == []
    place.settle()
    assert await cache.aget_many(list(DATA)) == DATA
    async with cache.apipeline() as queue:
        queue.invalidate_tags("some")
    assert await cache.aget_many(list(DATA)) == {}
    await cache.aclose()


def test_an_invalidation_is_one_round_trip_to_each_server(
    four_servers: list[Server], make_cache: MakeCache
) -> None:
    cache: Any = make_cache(STACK, LOCATION=[server.url for server in four_servers])
    tags = [f"tag-{number}" for number in range(40)]
    cache.set("k", 1, tags=tags)
    with watched(cache) as sent:
        assert cache.invalidate_tags(*tags) == 40
    assert len(sent.requests) == 1


def test_one_of_several_servers_is_down(make_cache: MakeCache, four_servers: list[Server]) -> None:
    """An invalidation that did not reach a tag's server is an error, and no number."""
    nowhere = "redis://127.0.0.1:1/0"
    options = {"CLIENT": ["tags", "shard"], "SHARD_NAMES": ["one", "two"]}
    cache: Any = make_cache(options, LOCATION=[four_servers[0].url, nowhere])
    ignoring: Any = make_cache(
        {**options, "IGNORE_EXCEPTIONS": True}, LOCATION=[four_servers[0].url, nowhere]
    )
    tags = [f"tag-{number}" for number in range(20)]
    with pytest.raises(ConnectionInterrupted):
        cache.invalidate_tags(*tags)
    assert ignoring.invalidate_tags(*tags) == 0


def test_near_keeps_what_has_no_tags(redis_server: Server, make_cache: MakeCache) -> None:
    """A copy would outlive its tag, whose end nobody tells of it."""
    here: Any = make_cache({"CLIENT": ["near", "tags", "herd"]}, KEY_PREFIX="shared")
    there: Any = make_cache({"CLIENT": ["tags", "herd"]}, KEY_PREFIX="shared")
    here.get("asked")
    tracking = here._engine.client.near_info
    wait_until(lambda: set(tracking().tracking.values()) == {True}, "near hears the server")
    there.set("plain", "text")
    there.set("tagged", "text", tags=["x"])
    there.set("list", [1], tags=["x"])
    for _ in range(4):
        assert here.get("plain") == "text"
        assert here.get_many(["tagged", "list"]) == {"tagged": "text", "list": [1]}
        assert here.get("tagged") == "text"
    with watched(here) as sent:
        assert here.get("plain") == "text"
        assert not sent.requests, "an entry without tags is kept as ever"
        assert here.get("tagged") == "text"
        assert sent.requests
    there.invalidate_tags("x")
    assert here.get("tagged") is None, "in the very moment, and not when near was told"
    assert here.get_many(["tagged", "list"]) == {}
    assert here.has_key("tagged") is False


def test_herd_shows_no_old_value_that_was_invalidated(make_cache: MakeCache) -> None:
    cache: Any = make_cache({"CLIENT": ["tags", "herd"]})
    cache.set("k", "old", 0.02, tags=["x"])
    cache.set("j", "old", 0.02, tags=["y"])
    time.sleep(0.04)
    assert cache.get("k") is None, "the first one is elected"
    assert cache.get("j") is None
    assert cache.get("k") == "old", "and the others have the old value"
    cache.invalidate_tags("x")
    assert cache.get("k") is None
    assert cache.get_many(["k", "j"]) == {"j": "old"}
    assert cache.get_or_set("k", lambda: "new", 60, tags=["x"]) == "new"
    assert cache.get("k") == "new"


@pytest.mark.parametrize("serializer", ["pickle", "json", "msgpack"])
@pytest.mark.parametrize("more", [{}, {"COMPRESSOR": "zstd"}, {"SEALER": "signed"}])
def test_who_does_not_know_tags_finds_an_entry_that_it_cannot_read(
    make_cache: MakeCache, serializer: str, more: dict[str, Any]
) -> None:
    options = {"SERIALIZER": serializer, **more}
    tagged: Any = make_cache({"CLIENT": "tags", **options}, KEY_PREFIX="shared")
    default = make_cache(options, KEY_PREFIX="shared")
    for value in ("text" * 200, 5):
        tagged.set("k", value, tags=["x"])
        assert default.get("k") is None
        assert default.get_many(["k"]) == {}
        tagged.set("k", value)
        assert default.get("k") == value


def test_recode_changes_the_value_and_keeps_the_tags(make_cache: MakeCache) -> None:
    old: Any = make_cache({"CLIENT": ["tags", "herd"]}, KEY_PREFIX="recoded")
    new: Any = make_cache(
        {"CLIENT": ["tags", "herd"], "SERIALIZER": ["json", "pickle"]}, KEY_PREFIX="recoded"
    )
    for key, value in (("text", "text"), ("int", 5)):
        old.set(key, value, 100, tags=["x"])
        full, raw = old.make_key(key), old.raw_client()
        before = raw.get(full)
        after = new._engine.client.recoded(full, before)
        assert new._engine.client.recoded(full, after) == after
        raw.set(full, after, keepttl=True)
        assert new.get(key) == value
    assert b'"text"' in raw.get(old.make_key("text"))
    new.invalidate_tags("x")
    assert new.get_many(["text", "int"]) == {}


def test_tuples_of_django_redis_have_no_room_for_tags(make_cache: MakeCache) -> None:
    options = {"CLIENT": ["tags", "herd"], "HERD_FORMAT": "django-redis"}
    cache: Any = make_cache(options)
    assert cache.set("k", "v" * 500, 100) is True
    assert cache.get("k") == "v" * 500
    assert cache.has_key("k") is True
    assert 90 <= cache.ttl("k") <= 101
    assert cache.touch("k", 50) is True
    with pytest.raises(SerializationError, match="has no room for tags"):
        cache.set("k", "v", tags=["x"])
    with pytest.raises(SerializationError, match="without room for tags"):
        cache.touch("k", tags=["x"])
    assert cache.get("k") == "v" * 500


@pytest.mark.parametrize(
    ("clients", "words"),
    [(["herd", "tags"], "Write ['tags', 'herd']"), (["tags", "near"], "['near', 'tags']")],
)
def test_another_order_is_refused(make_cache: MakeCache, clients: list[str], words: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        make_cache({"CLIENT": clients}).get("k")
    assert words in str(caught.value)


def test_what_waits_for_a_commit_passes_all_clients(make_cache: MakeCache, tmp_path: Path) -> None:
    """near drops its copies of what is written at the commit, and herd stores in its envelope."""
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "database")}
    connections.settings["tags"] = connections.configure_settings({"default": {}, "tags": sqlite})[
        "tags"
    ]
    options = {"TAGS_ON_COMMIT": "writes", "TAGS_DATABASE": "tags"}
    cache: Any = make_cache({"CLIENT": ["near", "tags", "herd"], **options})
    try:
        cache.set_many({"a": "old", "b": "old", "c": "old"})
        for _ in range(3):
            assert cache.get_many("abc") == dict.fromkeys("abc", "old")
        with transaction.atomic(using="tags"):
            cache.set("a", "new", 60, tags=["x"])
            cache.delete("b")
            cache.set_many({"c": "new"})
            assert cache.get_many("abc") == dict.fromkeys("abc", "old")
        assert cache.get_many("abc") == {"a": "new", "c": "new"}
        assert cache.get("c") == "new"
        with transaction.atomic(using="tags"):
            cache.invalidate_tags("x")
            assert cache.get("a") == "new"
        assert cache.get("a") is None
    finally:
        connections["tags"].close()
        del connections["tags"], connections.settings["tags"]
