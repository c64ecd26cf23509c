"""Subclasses of the backend, as Django's contract has them.

Each programme runs on Django's own Redis backend too, whose calls are the ones that are expected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from types import MethodType
from typing import Any

import django
import pytest

from django_redis_core._engine.driver import Driver
from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server

from .djangos import DjangoCache

Made = Callable[..., Any]

BACKENDS: dict[str, type[Any]] = {"ours": RedisCache, "django": DjangoCache}

#: The operations that Django's Redis backend has, with arguments.
CALLS: dict[str, tuple[Any, ...]] = {
    "add": ("new", 1),
    "get": ("key",),
    "set": ("key", 1),
    "touch": ("key", 60),
    "delete": ("key",),
    "get_many": (["key", "miss"],),
    "get_or_set": ("miss", 5),
    "has_key": ("key",),
    "incr": ("key",),
    "set_many": ({"key": 1},),
    "delete_many": (["key"],),
    "clear": (),
    "decr": ("key",),
    "incr_version": ("key",),
    "decr_version": ("key2", 1, 2),
}
OVERRIDABLE = [*CALLS, *(f"a{name}" for name in CALLS)]


@pytest.fixture
def make(redis_server: Server) -> Iterator[Made]:
    """``make(cls, **params)``: a backend object on a database of its own."""
    url = f"{redis_server.url.rpartition('/')[0]}/9"

    def make(cls: type[Any], **params: Any) -> Any:
        return cls(url, {"KEY_PREFIX": "", **params})

    yield make
    DjangoCache(url, {}).clear()


def recording(base: type[Any], names: Any) -> type[Any]:
    """A subclass that notes each of ``names`` that is called."""

    def override(name: str) -> Any:
        if name.startswith("a") and name != "add":

            async def native(self: Any, *args: Any, **kwargs: Any) -> Any:
                self.seen.append(name)
                return await getattr(base, name)(self, *args, **kwargs)

            return native

        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            self.seen.append(name)
            return getattr(base, name)(self, *args, **kwargs)

        return method

    def init(self: Any, *args: Any) -> None:
        base.__init__(self, *args)
        self.seen = []

    return type(
        "Recording", (base,), {"__init__": init, **{name: override(name) for name in names}}
    )


def outcome(cache: Any, name: str, args: tuple[Any, ...]) -> tuple[Any, list[str]]:
    """The answer of a call on entries that are known, and which overrides it passed."""
    plain = DjangoCache(cache_url(cache), {})
    plain.clear()
    plain.set("key", 1)
    plain.set("key2", 1, version=2)
    cache.seen.clear()
    if name == "in":
        answer = "key" in cache
    elif name.startswith("a") and name != "add":
        answer = asyncio.run(getattr(cache, name)(*args))
    else:
        answer = getattr(cache, name)(*args)
    return answer, list(cache.seen)


def cache_url(cache: Any) -> str:
    options = getattr(getattr(cache, "_engine", None), "options", None)
    return str(cache._servers[0] if options is None else options.locations[0])


ALL_CALLS = [
    *CALLS.items(),
    *((f"a{name}", args) for name, args in CALLS.items()),
    ("in", ()),
]


@pytest.mark.parametrize(
    "overridden", [*([name] for name in OVERRIDABLE), OVERRIDABLE], ids="-".join
)
def test_an_override_is_called_where_django_calls_it(make: Made, overridden: list[str]) -> None:
    ours, theirs = [make(recording(base, overridden)) for base in BACKENDS.values()]
    for name, args in ALL_CALLS:
        answer, seen = outcome(ours, name, args)
        expected, wanted = outcome(theirs, name, args)
        assert seen == wanted, name
        if name.removeprefix("a") not in ("set", "delete_many"):  # which return more here
            assert answer == expected, name


@pytest.mark.parametrize("overridden", CALLS)
def test_a_method_set_on_an_object_is_called_where_a_subclass_has_it_called(
    make: Made, overridden: str
) -> None:
    """As debug panels and error trackers do it."""
    replaced, control = make(recording(RedisCache, [])), make(recording(RedisCache, [overridden]))
    original = getattr(replaced, overridden)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        replaced.seen.append(overridden)
        return original(*args, **kwargs)

    setattr(replaced, overridden, wrapper)
    for name, args in ALL_CALLS:
        assert outcome(replaced, name, args) == outcome(control, name, args), name
    setattr(replaced, overridden, original)
    assert type(replaced._driver) is Driver, "what is put back costs nothing"
    setattr(replaced, overridden, wrapper)
    delattr(replaced, overridden)
    assert type(replaced._driver) is Driver


def wrapped(cache: Any, names: Any) -> Any:
    """A cache on which methods are replaced by ones that note their calls."""
    cache.seen = []

    def replacing(name: str) -> Any:
        original = getattr(cache, name)

        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            self.seen.append(name)
            return original(*args, **kwargs)

        return MethodType(wrapper, cache)  # Django 6.1 fails on a plain function there

    for name in names:
        setattr(cache, name, replacing(name))
    return cache


@pytest.mark.parametrize("names", [*([name] for name in CALLS), [*CALLS]], ids="-".join)
def test_methods_set_on_an_object_are_called_where_djangos_are(
    make: Made, names: list[str]
) -> None:
    """One, or all of them at once, as a panel of calls does it."""
    ours, theirs = [wrapped(make(base), names) for base in BACKENDS.values()]
    for name, args in ALL_CALLS:
        if name in ("aget_or_set", "aincr_version", "adecr_version") and django.VERSION < (6, 1):
            continue  # there Django's pass by what is set on an object
        answer, seen = outcome(ours, name, args)
        expected, wanted = outcome(theirs, name, args)
        assert seen == wanted, name
        if name.removeprefix("a") not in ("set", "delete_many"):  # which return more here
            assert answer == expected, name


def test_a_method_replaced_on_the_class_counts_for_objects_made_afterwards(
    make: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def get(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append("get")
        return original(self, *args, **kwargs)

    assert type(make(RedisCache)._driver) is Driver
    original = RedisCache.get
    with monkeypatch.context() as patch:
        patch.setattr(RedisCache, "get", get)
        cache = make(RedisCache)
        asyncio.run(cache.aget("key"))
        cache.get_or_set("key", 1)
        assert seen == ["get"] * 3
    assert type(make(RedisCache)._driver) is Driver

    class Site(RedisCache):
        pass

    assert type(make(Site)._driver) is Driver
    Site.get = get  # type: ignore[method-assign]
    seen.clear()
    asyncio.run(make(Site).aget("key"))
    assert seen == ["get"]


def test_code_put_into_a_method_counts_too(make: Made) -> None:
    """A tracer may keep the function and give it other code."""
    method: Any = RedisCache.get
    code = method.__code__

    def closed(name: str) -> Any:
        def get(self: Any, *args: Any, **kwargs: Any) -> Any:
            return name, "traced"

        return get

    try:
        method.__code__ = closed("").__code__
        assert make(RedisCache).get_or_set("key", 1) == ("get", "traced")
        assert asyncio.run(make(RedisCache).aget("key")) == ("get", "traced")
    finally:
        method.__code__ = code
    assert type(make(RedisCache)._driver) is Driver


def test_mixins_and_super_reach_what_they_reach_in_django(make: Made) -> None:
    class Counting:
        seen: list[str]

        def get(self, *args: Any, **kwargs: Any) -> Any:
            self.seen.append("get")
            return super().get(*args, **kwargs)  # type: ignore[misc]

    class Outer:
        seen: list[str]

        async def aget(self, *args: Any, **kwargs: Any) -> Any:
            self.seen.append("aget")
            return await super().aget(*args, **kwargs)  # type: ignore[misc]

    for name, base in BACKENDS.items():
        cache = make(type("Site", (Outer, Counting, base), {"seen": []}))
        asyncio.run(cache.aget("miss"))
        assert cache.seen == ["aget", "get"]
        cache.seen.clear()
        asyncio.run(cache.aget_or_set(name, 1))
        assert cache.seen == ["aget", "get"] * 2


def test_an_override_with_names_of_its_own_gets_its_arguments(make: Made) -> None:
    class Named:
        def get(self, k: Any, d: Any = None, version: Any = None) -> Any:
            return super().get(k, d, version)  # type: ignore[misc]

        def set(self, k: Any, v: Any, t: Any = 60, version: Any = None) -> Any:
            return super().set(k, v, t, version=version)  # type: ignore[misc]

    for base in BACKENDS.values():
        cache = make(type("Site", (Named, base), {}))

        async def calls(cache: Any = cache) -> Any:
            await cache.aset("key", 1, timeout=30, version=2)
            return await cache.aget("key", default=7, version=2)

        assert asyncio.run(calls()) == 1
        assert cache.get_or_set("other", 3, timeout=30) == 3


def test_what_only_this_backend_takes_reaches_the_override(make: Made) -> None:
    class Site(RedisCache):
        def set(
            self, key: Any, value: Any, timeout: Any = 60, version: Any = None, **more: Any
        ) -> Any:
            self.more = more
            return super().set(key, value, timeout, version, **more)

        def iter_keys(self, *args: Any, **kwargs: Any) -> Any:
            for key in super().iter_keys(*args, **kwargs):
                yield f"site {key}"

        def ttl(self, key: Any, version: Any = None) -> Any:
            return super().ttl(key, version) or "none"

    cache = make(Site)

    async def calls() -> Any:
        assert await cache.aset("key", 1, None, nx=True) is True
        assert cache.more == {"nx": True}
        assert await cache.attl("key") == "none"
        return [key async for key in cache.aiter_keys("*")]

    assert asyncio.run(calls()) == ["site key"]


def test_get_or_set_of_overrides_keeps_its_turns_and_awaits(
    make: Made, redis_server: Server
) -> None:
    cache = make(recording(RedisCache, ["get"]))
    assert cache.get_or_set("turn", lambda: "value", lock=5) == "value"
    assert cache.get_or_set("turn", lambda: "other", lock=True) == "value"
    assert list(cache.keys("*")) == ["turn"], "the lock is gone"

    async def computed() -> str:
        await asyncio.sleep(0)
        return "awaited"

    assert asyncio.run(cache.aget_or_set("awaited", computed)) == "awaited"
    assert asyncio.run(cache.aget_or_set("locked", computed, lock=True)) == "awaited"
    whole = make(recording(RedisCache, ["get_or_set"]))
    assert asyncio.run(whole.aget_or_set("thread", lambda: 5)) == 5
    with pytest.raises(TypeError, match="only aget_or_set can await"):
        cache.get_or_set("coroutine", computed)


@pytest.mark.parametrize("way", ["blocking", "asyncio"])
def test_an_outage_is_ignored_as_without_overrides(way: str) -> None:
    cls = recording(RedisCache, ["get", "add", "aget"])
    cache = cls("redis://127.0.0.1:1/0", {"OPTIONS": {"IGNORE_EXCEPTIONS": True}})
    computed = []

    def default() -> int:
        computed.append(1)
        return 5

    if way == "blocking":
        assert cache.get_or_set("key", default) == 5
    else:
        assert asyncio.run(cache.aget_or_set("key", default)) == 5
    assert computed == [1]


def test_incr_version_of_overrides_keeps_the_expiry(make: Made) -> None:
    cache = make(recording(RedisCache, ["set"]))
    cache.set("key", 1, 50)
    assert cache.incr_version("key") == 2
    assert 40_000 < cache.pttl("key", version=2) <= 50_000
    assert asyncio.run(cache.aincr_version("key", version=2)) == 3
    assert 40_000 < cache.pttl("key", version=3) <= 50_000
    with pytest.raises(ValueError, match="not found"):
        cache.incr_version("key")


def test_a_client_of_the_callers_goes_the_same_way(make: Made, redis_server: Server) -> None:
    cache = make(recording(RedisCache, ["get", "add"]))
    with redis_server.client(db=5) as raw:
        try:
            assert cache.get_or_set("key", 1, client=raw) == 1
            assert cache.seen == ["get", "add", "get"]
            assert raw.exists(":1:key")
            assert cache.has_key("key") is False
        finally:
            raw.flushdb()


async def test_an_asyncio_client_is_refused_where_a_thread_would_use_it(make: Made) -> None:
    import redis.asyncio

    cache = make(recording(RedisCache, ["get"]))
    async with redis.asyncio.Redis() as client:
        with pytest.raises(TypeError, match=r"aget\(\) runs get\(\) of Recording in a thread"):
            await cache.aget("key", client=client)


async def test_aclose_is_close_where_that_is_overridden(make: Made) -> None:
    class Site(RedisCache):
        closed = False

        def close(self, **kwargs: Any) -> None:
            self.closed = True

    cache = make(Site)
    await cache.aclose()
    assert cache.closed
