"""What tags mean for each operation, in every way of calling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_redis_core.cache import RedisCache
from django_redis_core.interfaces import MISSING
from django_redis_core.management.commands.redis_cache import Command

Make = Callable[..., RedisCache]


def invalid(cache: Any, key: str = "k", value: Any = "old", **kwargs: Any) -> None:
    """An entry that lies there and was invalidated."""
    cache.set(key, value, tags=["gone"], **kwargs)
    cache.invalidate_tags("gone", version=kwargs.get("version"))


def test_every_entry_that_bears_a_tag_is_forgotten_and_no_other(cache: Any) -> None:
    cache.set("a", 1, tags=["x"])
    cache.add("b", "2", tags=["x", "y"])
    cache.set_many({"c": 3.5, "d": [4]}, tags=["y"])
    cache.get_or_set("e", lambda: "5", tags=["z"])
    cache.set("f", 6)
    everything = {"a": 1, "b": "2", "c": 3.5, "d": [4], "e": "5", "f": 6}
    assert cache.get_many(everything) == everything
    assert cache.invalidate_tags("x") == 1
    assert cache.get_many(everything) == {"c": 3.5, "d": [4], "e": "5", "f": 6}
    assert cache.invalidate_tags("y", "z", "unknown") == 2
    assert cache.get_many(everything) == {"f": 6}
    assert cache.invalidate_tags() == 0


def test_what_is_stored_after_an_invalidation_is_there(cache: Any) -> None:
    for value in range(3):
        cache.set("k", value, tags=["x"])
        assert cache.get("k") == value
        cache.invalidate_tags("x")
        assert cache.get("k", "none") == "none"


def test_what_was_invalidated_is_not_there_for_any_operation(cache: Any) -> None:
    invalid(cache)
    assert cache.get("k") is None
    assert cache.get_many(["k"]) == {}
    assert cache.has_key("k") is False
    assert "k" not in cache
    assert cache.ttl("k") == 0
    assert cache.pttl("k") == 0
    assert cache.touch("k") is False
    assert cache.touch("k", None) is False
    assert cache.touch("k", 60, tags=["more"]) is False
    assert cache.expire("k", 60) is False
    assert cache.pexpire("k", 60) is False
    assert cache.expire_at("k", 2**40) is False
    assert cache.pexpire_at("k", 2**42) is False
    assert cache.persist("k") is False
    assert cache.getex("k", 60) is None
    assert cache.set("k", "new", xx=True) is False
    invalid(cache)
    assert cache.getdel("k", "none") == "none"
    invalid(cache)
    with pytest.raises(ValueError, match="not found"):
        cache.incr_version("k")
    invalid(cache, value=7)
    with pytest.raises(ValueError, match="not found"):
        cache.incr("k")


def test_it_does_not_stand_in_the_way_of_a_new_one(cache: Any) -> None:
    for store in (
        lambda: cache.add("k", "new"),
        lambda: cache.add("k", "new", tags=["x"]),
        lambda: cache.set("k", "new", nx=True),
        lambda: cache.get_or_set("k", "new") == "new",
        lambda: cache.get_or_set("k", "new", tags=["x"]) == "new",
        lambda: cache.get_or_set("k", "new", lock=True) == "new",
    ):
        invalid(cache)
        assert store() is True
        assert cache.get("k") == "new"
    invalid(cache, value=7)
    assert cache.incr("k", 5, timeout=60) == 5
    assert cache.get("k") == 5


def test_a_tagged_entry_is_there_for_every_operation(cache: Any) -> None:
    cache.set("k", "value", 100, tags=["x"])
    assert cache.has_key("k") is True
    assert 90 <= cache.ttl("k") <= 100
    assert cache.touch("k", 50) is True
    assert cache.pttl("k") <= 50_000
    assert cache.getex("k", 40) == "value"
    assert cache.persist("k") is True
    assert cache.ttl("k") is None
    assert cache.add("k", "other") is False
    assert cache.set("k", "newer", xx=True, tags=["x"]) is True
    assert cache.get_or_set("k", "other", tags=["y"]) == "newer"
    assert cache.getdel("k") == "newer"
    assert cache.get("k") is None


def test_a_number_with_tags_counts_and_keeps_them(cache: Any, raw: Any) -> None:
    cache.set("k", 5, 100, tags=["x"])
    assert cache.incr("k", 3) == 8
    assert cache.decr("k") == 7
    assert cache.incr("k", 0.5) == 7.5
    assert cache.get("k") == 7.5
    assert 90 <= cache.ttl("k") <= 100
    cache.invalidate_tags("x")
    assert cache.get("k") is None
    cache.set("n", 5)
    assert raw.get(cache.make_key("n")) == b"5", "without tags it is a plain int of the server's"


def test_touch_adds_tags_and_takes_none_away(cache: Any) -> None:
    cache.set("plain", 1)
    cache.set("tagged", "v", tags=["old"])
    assert cache.touch("plain", 50, tags=["new"]) is True
    assert cache.touch("tagged", 50, tags=["new", "old"]) is True
    assert cache.touch("missing", 50, tags=["new"]) is False
    assert cache.get_many(["plain", "tagged"]) == {"plain": 1, "tagged": "v"}
    assert cache.ttl("tagged") <= 50
    cache.invalidate_tags("old")
    assert cache.get_many(["plain", "tagged"]) == {"plain": 1}
    cache.invalidate_tags("new")
    assert cache.get("plain") is None


def test_a_snapshot_is_older_than_what_is_invalidated_since(cache: Any) -> None:
    before = cache.snapshot_tags("x")
    cache.invalidate_tags("x")
    after = cache.snapshot_tags("x")
    assert cache.set("before", 1, tags=before)
    assert cache.set("after", 2, tags=after)
    assert cache.get_many(["before", "after"]) == {"after": 2}


def test_a_tag_that_the_server_lost_forgets_and_never_revives(cache: Any, raw: Any) -> None:
    cache.set("k", 1, tags=["x"])
    home = cache.make_key("tag:x:generation")
    first = raw.get(home)
    raw.delete(home)
    assert cache.get("k") is None
    cache.set("other", 2, tags=["x"])
    assert raw.get(home) != first
    assert cache.get_many(["k", "other"]) == {"other": 2}


def test_a_foreign_value_where_a_generation_lives_is_replaced(cache: Any, raw: Any) -> None:
    raw.set(cache.make_key("tag:x:generation"), "long ago")
    raw.set(cache.make_key("tag:x:generation"), "something of another program")
    assert cache.set("k", 1, tags=["x"]) is True
    assert cache.get("k") == 1


def test_tags_belong_to_version_and_prefix(make_cache: Make) -> None:
    one: Any = make_cache({"CLIENT": "tags"}, KEY_PREFIX="one")
    two: Any = make_cache({"CLIENT": "tags"}, KEY_PREFIX="two")
    for cache in (one, two):
        cache.set("k", 1, tags=["x"])
    one.set("k", 2, tags=["x"], version=2)
    one.invalidate_tags("x")
    assert (one.get("k"), one.get("k", version=2), two.get("k")) == (None, 2, 1)
    one.invalidate_tags("x", version=2)
    assert one.get("k", version=2) is None


def test_an_entry_that_moves_bears_the_tags_of_its_new_version(cache: Any) -> None:
    cache.set("k", "v", 100, tags=["x"])
    assert cache.incr_version("k") == 2
    assert cache.get("k", version=2) == "v"
    assert 90 <= cache.ttl("k", version=2) <= 100
    cache.invalidate_tags("x")
    assert cache.get("k", version=2) == "v"
    cache.invalidate_tags("x", version=2)
    assert cache.get("k", version=2) is None


# In other ways of calling


def test_pipelines_store_and_invalidate(cache: Any) -> None:
    with cache.pipeline() as queue:
        queue.set("a", 1, tags=["x"])
        queue.add("b", 2, tags=["y"])
        known = queue.invalidate_tags("unknown")
    assert known.value == 0
    with cache.pipeline() as queue:
        both = queue.get_many(["a", "b"])
        one = queue.get("a")
    assert (both.value, one.value) == ({"a": 1, "b": 2}, 1)
    with cache.pipeline() as queue:
        queue.invalidate_tags("x")
        queue.invalidate_tags("y")
    assert cache.get_many(["a", "b"]) == {}


def test_asyncio_computes_and_stores(cache: Any) -> None:
    async def compute() -> str:
        await cache.ainvalidate_tags("x")
        return "computed"

    async def use() -> None:
        assert await cache.aget_or_set("k", compute, tags=["x"]) == "computed"
        assert await cache.aget("k") is None, "it was invalidated while it was computed"
        assert await cache.aget_or_set("k", lambda: 1, tags=["x"]) == 1
        assert await cache.aget_or_set("k", lambda: 2, tags=["x"]) == 1
        assert await cache.aset("j", 3, tags=await cache.asnapshot_tags("x"))
        assert await cache.ainvalidate_tags("x") == 1
        assert await cache.aget_many(["k", "j"]) == {}
        await cache.aclose()

    asyncio.run(use())


def test_what_get_or_set_computes_is_as_old_as_its_beginning(cache: Any) -> None:
    def compute() -> str:
        cache.invalidate_tags("x")
        return "computed"

    assert cache.get_or_set("k", compute, tags=["x"]) == "computed"
    assert cache.get("k") is None
    assert cache.get_or_set("k", lambda: "again", tags=["x"]) == "again"
    assert cache.get("k") == "again"


def test_keys_may_be_of_a_function_of_the_site(make_cache: Make) -> None:
    cache: Any = make_cache(
        {"CLIENT": "tags"}, KEY_FUNCTION=lambda key, prefix, version: f"{key}@{version:03d}"
    )
    cache.set("k", 1, tags=["x"])
    assert cache.get("k") == 1
    assert cache.invalidate_tags("x") == 1
    assert cache.get("k") is None


def test_the_command_shows_what_callers_see(site: Any) -> None:
    def shown() -> str:
        out = StringIO()
        try:
            call_command(Command(), "get", "k", stdout=out)
        except CommandError as error:
            return str(error)
        return out.getvalue()

    site.set("k", ["value"], tags=["x"])
    assert "['value']" in shown()
    site.invalidate_tags("x")
    assert "the client does not show it" in shown()


def test_clear_forgets_tags_too(cache: Any, raw: Any) -> None:
    cache.set("k", 1, tags=["x"])
    cache.clear()
    assert raw.exists(cache.make_key("tag:x:generation")) == 0
    assert cache.get("k", MISSING) is MISSING
