"""``cache_built``: every cache of the process once, those of before too, and none kept alive."""

from __future__ import annotations

import contextvars
import gc
import logging
import os
import threading
import uuid
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings

from django_redis_core._engine import built
from django_redis_core._engine.assembly import engine_for
from django_redis_core.cache import RedisCache
from django_redis_core.interfaces import BuiltCache, Client
from django_redis_core.testing.servers import Server

BACKEND = "django_redis_core.cache.RedisCache"
Acting = Callable[..., object]


def entry(location: str = "redis://127.0.0.1:1/0", **more: Any) -> dict[str, Any]:
    return {"BACKEND": BACKEND, "LOCATION": location, "KEY_PREFIX": uuid.uuid4().hex, **more}


class Watcher:
    def __init__(self) -> None:
        self.told: list[tuple[str, BuiltCache]] = []

    def cache_built(self, alias: str, cache: BuiltCache) -> None:
        self.told.append((alias, cache))

    def living(self) -> list[str]:
        return [alias for alias, cache in self.told if cache.alive]


def watching(acting: Acting, source: str = "acme 1.0") -> Watcher:
    watcher = Watcher()
    acting(source, cache_built=lambda alias, cache: watcher.cache_built(alias, cache))
    watcher.told = [one for one in watcher.told if one[0].startswith("t-")]  # and not other tests'
    return watcher


def test_each_cache_is_told_once_whichever_was_first(acting: Acting) -> None:
    before = watching(acting)
    with override_settings(CACHES={"t-a": entry(), "t-b": entry()}):
        assert [alias for alias, _ in before.told] == []
        caches["t-a"].make_key("x")
        between = watching(acting)
        caches["t-b"].make_key("x")
        threads = [threading.Thread(target=lambda: caches["t-a"].make_key("x")) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = watching(acting)
        for watcher in (before, between, after):
            assert sorted(alias for alias, _ in watcher.told) == ["t-a", "t-b"]


def test_many_threads_that_build_and_register_tell_each_cache_once(acting: Acting) -> None:
    """Whoever registers meanwhile knows all of them in the end, and none twice."""
    names = [f"t-{number}" for number in range(12)]
    watchers: list[Watcher] = []
    together = threading.Barrier(12)

    def work(alias: str) -> None:
        together.wait()
        if alias.endswith(("3", "7")):
            watchers.append(watching(acting))
        caches[alias].make_key("x")

    with override_settings(CACHES={name: entry() for name in names}):
        threads = [threading.Thread(target=work, args=[name]) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(watchers) == 2
        for watcher in watchers:
            built_here = [alias for alias, _ in watcher.told if alias.startswith("t-")]
            assert sorted(built_here) == sorted(names)


def test_changed_settings_build_a_cache_that_is_told_anew_and_the_old_one_goes(
    acting: Acting,
) -> None:
    watcher = watching(acting)
    with override_settings(CACHES={"t-a": entry(TIMEOUT=1)}):
        caches["t-a"].make_key("x")
    with override_settings(CACHES={"t-a": entry(TIMEOUT=2)}):
        caches["t-a"].make_key("x")
        gc.collect()
        assert [alias for alias, _ in watcher.told] == ["t-a", "t-a"]
        (_, old), (_, new) = watcher.told
        assert (old.alive, new.alive) == (False, True)
        assert new.options.timeout == 2
        with pytest.raises(ReferenceError, match="'t-a'"):
            old.options  # noqa: B018
        late = watching(acting)
        assert len(late.told) == 1, "the forgotten one is in nobody's history"
        assert repr(old) == "<BuiltCache 't-a', forgotten>"


def test_a_watcher_keeps_no_cache_alive(acting: Acting) -> None:
    watcher = watching(acting)

    def build() -> weakref.ref[Any]:
        caches["t-a"].make_key("x")
        return weakref.ref(caches["t-a"]._engine)

    with override_settings(CACHES={"t-a": entry()}):
        # A context of its own, for asgiref keeps backend objects as long as that.
        engine = contextvars.copy_context().run(build)
        assert watcher.living() == ["t-a"]
    gc.collect()
    assert engine() is None
    assert len(watcher.told) == 1
    assert len(built._known) == 0


def test_who_raises_is_named_in_the_log_and_the_cache_works(
    acting: Acting, caplog: pytest.LogCaptureFixture, redis_server: Server
) -> None:
    def broken(alias: str) -> None:
        if alias == "t-a":
            raise RuntimeError("cannot count")

    first, _, last = watching(acting), acting("acme 1.0", cache_built=broken), watching(acting)
    with (
        caplog.at_level(logging.ERROR),
        override_settings(CACHES={"t-a": entry(redis_server.url)}),
    ):
        caches["t-a"].set("k", 1)
        assert caches["t-a"].get("k") == 1
    [record] = caplog.records
    assert record.getMessage() == (
        "acme 1.0: its hook cache_built raised RuntimeError: cannot count"
    )
    assert record.exc_info
    assert [alias for alias, _ in first.told] == [alias for alias, _ in last.told] == ["t-a"]


def test_a_hook_may_use_the_cache_that_it_is_told_of(acting: Acting, redis_server: Server) -> None:
    """In the middle of the first call: nothing is locked, and nobody is told again."""
    told = []

    def hook(alias: str) -> None:
        if alias == "t-a":
            told.append(caches["t-a"].make_key("k"))
            thread = threading.Thread(target=lambda: caches["t-b"].make_key("k"))
            thread.start()
            thread.join(30)
            assert not thread.is_alive()
            told.append("done")

    acting(cache_built=hook)
    with override_settings(CACHES={"t-a": entry(KEY_PREFIX="p"), "t-b": entry()}):
        caches["t-a"].make_key("x")
    assert told == ["p:1:k", "done"]


def test_what_a_hook_is_handed(acting: Acting, redis_server: Server) -> None:
    class Mine(Client):
        name = "mine"

    watcher = watching(acting)
    options = {"CLIENT": [Mine, "default"], "IGNORE_EXCEPTIONS": True}
    with override_settings(CACHES={"t-a": entry(redis_server.url, OPTIONS=options, TIMEOUT=9)}):
        cache: RedisCache = caches["t-a"]
        cache.set("k", [1])
        [(alias, seen)] = watcher.told
        assert alias == seen.alias == "t-a"
        assert seen.options.timeout == 9
        assert seen.options.ignore_exceptions is True
        assert isinstance(seen.part(Mine), Mine)
        assert seen.part(Mine) is seen.client
        assert {part.name for part in seen.parts} == {"mine+default", "pickle", "none", "single"}
        with pytest.raises(LookupError, match=r"CACHES\['t-a'\] has no part that is a Watcher"):
            seen.part(Watcher)
        assert seen.call("get", "k") == [1]
        [server] = seen.topology.nodes()
        assert server.name == f"redis://127.0.0.1:{redis_server.port}/0"


def test_an_object_with_settings_of_its_own_is_no_other_cache(acting: Acting) -> None:
    watcher = watching(acting)
    with override_settings(CACHES={"t-a": entry()}):
        caches["t-a"].version = 5
        assert len(watcher.told) == 1


def test_a_backend_that_a_program_makes_is_told_under_no_name(acting: Acting) -> None:
    told: list[str] = []
    acting(cache_built=lambda alias: told.append(alias))
    del told[:]
    engine = engine_for("redis://127.0.0.1:1/0", {"KEY_PREFIX": uuid.uuid4().hex})
    assert told == ["?"]
    assert engine.alias == "?"


def test_a_forked_child_can_tell_while_a_thread_of_the_parent_had_the_lock() -> None:
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with built._lock:
            held.set()
            free.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork: that is the test
        child = os.fork()
    if child == 0:
        os._exit(0 if built._lock.acquire(timeout=30) else 1)
    free.set()
    holder.join()
    assert os.waitpid(child, 0)[1] == 0
