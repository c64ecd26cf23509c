"""What the table of the docs says of servers that are down, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.clients import PATIENCE, wait_until
from django_redis_core.testing.servers import Server
from django_redis_core_mirror import marks
from django_redis_core_mirror.phases import Phase

from .conftest import MakeCache, add


@pytest.fixture
def cache(make_cache: MakeCache, there: Server, here: Server) -> RedisCache:
    add("goes", {"LOCATION": there.url, "OPTIONS": PATIENCE})
    mirror = {"CLIENT": "mirror", "MIRROR_OF": "goes", "MIRROR_AGE": 0.01, **PATIENCE}
    return make_cache(mirror, LOCATION=here.url)


def values_work(cache: Any) -> None:
    assert cache.set("k", "new", 100) is True
    assert cache.get("k") == "new"
    assert cache.get("missing", "default") == "default"
    assert cache.get_many(["k", "missing"]) == {"k": "new"}
    assert cache.set_many({"a": 1, "b": 2}) == []
    assert cache.has_key("missing") is False
    assert cache.touch("a", 50) is True
    assert cache.delete("b") is True
    with cache.pipeline() as pipeline:
        result = pipeline.get("a")
        pipeline.set("c", 3)
    assert (result.value, cache.get("c")) == (1, 3)


@pytest.mark.parametrize("phase", [Phase.BOTH, Phase.NEW, Phase.LEAVE])
def test_the_old_cache_is_down(
    cache: RedisCache, there: Server, phase: Phase, caplog: pytest.LogCaptureFixture
) -> None:
    cache.set("k", "before", 100)
    cache.set("deleted", "before", 100)
    there.kill()
    values_work(cache)
    assert cache.delete("deleted") is True
    told = [record for record in caplog.records if record.name == marks.__name__]
    assert len(told) == 1, "it is said once, and not with each call"
    assert "'goes'" in told[0].getMessage()
    assert cache.built.client.numbers()["mirror_old_troubles"] > 1
    if phase is Phase.LEAVE:
        assert cache.incr("n", ignore_key_check=True) == 1
    else:
        with pytest.raises(ConnectionInterrupted):
            cache.incr("n", ignore_key_check=True)
        with pytest.raises(ConnectionInterrupted):
            cache.add("taken", 1)
    if phase is Phase.NEW:
        cache.set("counter", 1)
        assert cache.incr("counter") == 2, "of what the new cache has the old one is not asked"


def answers(cache: Any) -> bool:
    try:
        return cache.get("anything", True)  # type: ignore[no-any-return]
    except ConnectionInterrupted:
        return False


@pytest.mark.parametrize("phase", [Phase.BOTH, Phase.NEW])
def test_what_the_old_cache_missed_is_shown_to_nobody(
    cache: RedisCache, here: Server, there: Server, phase: Phase
) -> None:
    from django.core.cache import caches

    old = caches["goes"]
    old.set_many({"written": "before", "deleted": "before", "left": "before"}, 100)
    there.stop()
    cache.set("written", "after", 100)
    cache.delete("deleted")
    there.start()
    # As if it had not been away: with what it had before.
    wait_until(lambda: answers(old), "its breaker lets somebody through")
    old.set_many({"written": "before", "deleted": "before", "left": "before"}, 100)
    cache.raw_client().delete(cache.make_key("written"))  # evicted
    assert cache.get_many(["written", "deleted", "left"]) == {"left": "before"}
    assert cache.has_key("deleted") is False


@pytest.mark.parametrize("phase", [Phase.OLD])
def test_the_new_cache_is_down_before_anything_has_begun(
    cache: RedisCache, here: Server, phase: Phase
) -> None:
    here.kill()
    values_work(cache)
    assert cache.incr("n", ignore_key_check=True) == 1


@pytest.mark.parametrize("phase", [Phase.ALONE])
def test_the_old_cache_is_down_after_the_move(
    cache: RedisCache, there: Server, phase: Phase
) -> None:
    there.kill()
    values_work(cache)
    assert cache.incr("n", ignore_key_check=True) == 1


@pytest.mark.parametrize("phase", [Phase.BOTH])
def test_the_new_cache_is_down(cache: RedisCache, here: Server, phase: Phase) -> None:
    cache.set("k", 1)
    here.kill()
    for call in (
        lambda: cache.get("k"),
        lambda: cache.set("k", 2),
        lambda: cache.delete("k"),
        lambda: cache.incr("k"),
    ):
        with pytest.raises(ConnectionInterrupted):
            call()


@pytest.mark.parametrize("phase", [Phase.BOTH])
def test_a_server_that_is_lost_for_good_is_left(
    cache: RedisCache, there: Server, phase: Phase
) -> None:
    from django_redis_core_mirror.client import MirrorClient

    client = cache.built.part(MirrorClient)
    cache.set("k", 1)
    there.kill()
    with pytest.raises(ConnectionInterrupted):
        cache.built.run(client.move_to(Phase.ALONE, 0))
    cache.built.run(client.move_to(Phase.ALONE, 0, force=True))
    assert cache.incr("k") == 2


@pytest.mark.parametrize("phase", [Phase.BOTH])
def test_what_the_old_cache_missed_is_not_counted_on(
    cache: RedisCache, there: Server, phase: Phase
) -> None:
    """Counters are the old cache's, which comes back with what it had before it went."""
    from django.core.cache import caches

    old = caches["goes"]
    before = {"set": 5, "deleted": 5, "touched": 5, "read": 5}
    there.stop()
    cache.set_many({"set": 70, "touched": 70, "read": 70}, 600)
    assert cache.delete("deleted") is False  # as far as the new one knows
    there.start()
    wait_until(lambda: answers(old), "its breaker lets somebody through", timeout=30)
    old.set_many(before, 600)
    assert cache.incr("set") == 71
    assert old.get("set") == 71
    assert cache.incr("deleted", ignore_key_check=True) == 1
    # Nor does a longer life make it anybody's: of a key that is evicted afterwards.
    cache.touch("touched", 500)
    cache.raw_client().delete(cache.make_key("touched"), cache.make_key("read"))
    assert cache.get("touched") is None
    assert cache.getex("read", 500) is None


@pytest.mark.parametrize("phase", [Phase.BOTH])
def test_new_servers_that_are_lost_are_left(cache: RedisCache, here: Server, phase: Phase) -> None:
    from django_redis_core_mirror.client import MirrorClient

    client = cache.built.part(MirrorClient)
    cache.set("k", 1)
    here.kill()
    with pytest.raises(ConnectionInterrupted):
        cache.built.run(client.move_to(Phase.OLD, 0))
    cache.built.run(client.move_to(Phase.OLD, 0, force=True))
    values_work(cache)
    assert cache.incr("a") == 2
