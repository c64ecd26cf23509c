"""Subclasses of the backend that make keys and times themselves: every operation asks them."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache.backends.base import CacheKeyWarning
from django.core.exceptions import ImproperlyConfigured

from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server

from .djangos import DjangoCache

BACKENDS: dict[str, type[Any]] = {"ours": RedisCache, "django": DjangoCache}
Made = Callable[..., Any]


@pytest.fixture
def make(redis_server: Server) -> Iterator[Made]:
    """``make(cls, **params)``: a backend object on a database of its own."""
    url = f"{redis_server.url.rpartition('/')[0]}/9"

    def make(cls: type[Any], **params: Any) -> Any:
        return cls(url, params)

    yield make
    DjangoCache(url, {}).clear()


class Tenant:
    """Whose keys are made. It is an attribute of the object, so that two may be at work at once."""

    tenant = "a"

    def make_key(self, key: Any, version: Any = None) -> str:
        return str(super().make_key(f"{self.tenant}:{key}", version))  # type: ignore[misc]

    def make_pattern(self, pattern: str, version: Any = None) -> str:
        """Django's backend never calls it."""
        return str(super().make_pattern(f"{self.tenant}:{pattern}", version))  # type: ignore[misc]


@pytest.fixture(params=BACKENDS)
def two(request: pytest.FixtureRequest, make: Made) -> tuple[Any, Any]:
    cls = type("TenantCache", (Tenant, BACKENDS[request.param]), {})
    a, b = make(cls), make(cls)
    b.tenant = "b"
    return a, b


def test_a_tenant_reads_nothing_of_another_one(two: tuple[Any, Any]) -> None:
    """Django's own operations, on Django's backend too."""
    a, b = two
    assert a.make_key("k") == ":1:a:k"
    assert a.make_and_validate_key("k", version=2) == ":2:a:k"
    a.set("k", 1)
    a.set_many({"m": 1, "n": 2})
    assert b.get("k") is None
    assert b.get_many(["k", "m"]) == {}
    assert b.has_key("k") is False
    assert "k" not in b
    assert b.add("k", 5) is True
    assert b.touch("m") is False
    assert b.delete("m") is False
    b.delete_many(["m", "n"])
    assert a.get_many(["m", "n"]) == {"m": 1, "n": 2}
    assert b.get_or_set("m", 7) == 7
    assert a.incr("k") == 2
    assert b.get("k") == 5
    assert a.incr_version("k") == 2
    assert b.get("k", version=2) is None
    with pytest.raises(ValueError, match="not found"):
        b.incr("n")

    async def asynchronous() -> None:
        assert await b.aget("n") is None
        assert await b.aget_many(["n"]) == {}
        assert await b.aget_or_set("n", 9) == 9
        assert await a.aget("n") == 2
        await b.aset("n", 3)
        assert await a.aget("n") == 2

    asyncio.run(asynchronous())


@pytest.fixture
def ab(make: Made) -> tuple[Any, Any]:
    cls = type("TenantCache", (Tenant, RedisCache), {})
    a, b = make(cls), make(cls)
    b.tenant = "b"
    return a, b


def test_what_django_has_not_asks_too(ab: tuple[Any, Any]) -> None:
    a, b = ab
    a.hset("h", "f", 1)
    a.sadd("s", 1)
    a.rpush("l", 1)
    a.zadd("z", {"m": 1})
    assert (b.hlen("h"), b.scard("s"), b.llen("l"), b.zcard("z")) == (0, 0, 0, 0)
    assert a.hget("h", "f") == 1
    assert a.raw_client().exists(":1:a:h", ":1:a:s", ":1:a:l", ":1:a:z") == 4
    a.set("k", 1, 60)
    assert b.ttl("k") == 0
    assert b.getdel("k") is None
    assert a.pttl("k") > 0
    with a.pipeline() as pipeline:
        found = pipeline.get("k")
        pipeline.set("p", 1)
    assert found.value == 1
    with b.pipeline() as pipeline:
        missing = pipeline.get("p")
    assert missing.value is None
    with a.lock("lock", timeout=5), b.lock("lock", timeout=5, blocking_timeout=0.1):
        assert a.raw_client().exists(":1:a:lock", ":1:b:lock") == 2
    assert a.client.get("k") == 1
    assert b.client.get("k") is None
    assert a.client.make_key("k") == ":1:a:k"
    raw = a.raw_client(key="k")
    assert a.get("k", client=raw) == 1
    assert b.get("k", client=raw) is None
    assert b.incr("count", ignore_key_check=True) == 1
    assert a.get("count") is None


async def test_asyncio_has_the_keys_of_the_object_whose_call_it_is(ab: tuple[Any, Any]) -> None:
    a, b = ab

    async def work(cache: Any, own: str, name: str) -> None:
        for _ in range(30):
            await cache.aset("who", own)
            await asyncio.sleep(0)
            assert await cache.aget("who") == own
            async with cache.apipeline() as pipeline:
                found = pipeline.get("who")
            assert found.value == own
            assert [key async for key in cache.aiter_keys("w*")] == ["who"]
            lock = cache.alock(name)
            assert await lock.acquire(blocking=False)
            await lock.release()

    await asyncio.gather(work(a, "a", "1"), work(b, "b", "1"), work(a, "a", "2"))


def test_iterating_over_two_at_once_mixes_nothing(ab: tuple[Any, Any]) -> None:
    a, b = ab
    for number in range(50):
        a.set(f"a{number}", 1)
        b.set(f"b{number}", 1)
    pairs = list(zip(a.iter_keys("*", itersize=5), b.iter_keys("*", itersize=5), strict=False))
    assert pairs
    assert all(first[0] == "a" and second[0] == "b" for first, second in pairs)


def test_scans_find_the_keys_of_one(ab: tuple[Any, Any]) -> None:
    a, b = ab
    for cache in ab:
        cache.set_many({"x1": 1, "x2": 2, "[y]": 3})
        cache.set("x1", 1, version=2)
    assert sorted(a.keys("*")) == ["[y]", "x1", "x2"]
    assert a.keys("x*", version=2) == ["x1"]
    assert a.delete_pattern("x*") == 2
    assert sorted(b.keys("x*")) == ["x1", "x2"]
    assert a.clear() is True
    assert b.get("x1") is None, "without KEY_PREFIX the database is emptied, as Django does it"


def test_clear_with_a_prefix_removes_what_the_object_can_have_stored(make: Made) -> None:
    cls = type("TenantCache", (Tenant, RedisCache), {})
    a, b = make(cls, KEY_PREFIX="mi*ne"), make(cls, KEY_PREFIX="mi*ne")
    b.tenant = "b"
    for cache in (a, b):
        cache.set("k", 1)
        cache.set("k", 1, version=5)
    assert a.clear() is True
    assert a.get_many(["k"]) == a.get_many(["k"], version=5) == {}
    assert b.get("k") == b.get("k", version=5) == 1


class Own:
    def make_key(self, key: Any, version: Any = None) -> str:
        return f"my:{version or 1}:{key}!"

    def make_pattern(self, pattern: str, version: Any = None) -> str:
        return f"my:{version or 1}:{pattern}!"


class Versionless:
    def make_key(self, key: Any, version: Any = None) -> str:
        return f"my:{key}"

    def make_pattern(self, pattern: str, version: Any = None) -> str:
        return f"my:{pattern}"


@pytest.mark.parametrize("mixin", [Own, Versionless])
def test_patterns_of_its_own_find_keys_that_are_not_under_the_prefix(
    make: Made, mixin: type
) -> None:
    cache = make(type("Site", (mixin, RedisCache), {}), KEY_PREFIX="mine")
    other = make(RedisCache, KEY_PREFIX="other")
    other.set("k", 1)
    cache.set("k", 1)
    cache.set("k", 1, version=5)
    assert cache.keys("*") == ["k"]
    assert cache.delete_pattern("k") == 1
    cache.set("k", 1)
    assert cache.clear() is True
    assert cache.get_many(["k"]) == cache.get_many(["k"], version=5) == {}
    assert other.get("k") == 1


class Upper:
    def make_key(self, key: Any, version: Any = None) -> str:
        return str(super().make_key(str(key).upper(), version))  # type: ignore[misc]


class Some:
    """Whose keys no trial would tell."""

    def make_key(self, key: Any, version: Any = None) -> str:
        own = key if str(key).startswith("global:") else f"a:{key}"
        return str(super().make_key(own, version))  # type: ignore[misc]


class Hashing:
    def make_key(self, key: Any, version: Any = None) -> str:
        return f"h:{hash((key, version))}"


class Whole:
    def make_and_validate_key(self, key: Any, version: Any = None) -> str:
        return f"site:{key}"


MIXINS = [Upper, Some, Hashing, Whole]


@pytest.mark.parametrize("mixin", MIXINS)
def test_without_a_pattern_of_its_own_work_by_patterns_is_refused(make: Made, mixin: type) -> None:
    cache = make(type("Site", (mixin, RedisCache), {}))
    cache.set("k", 1)
    assert cache.get("k") == 1

    async def iterated() -> Any:
        return [key async for key in cache.aiter_keys("*")]

    for call in (
        lambda: cache.keys("*"),
        lambda: list(cache.iter_keys("*")),
        lambda: asyncio.run(iterated()),
        lambda: cache.delete_pattern("*"),
        lambda: cache.client.make_pattern("*"),
    ):
        with pytest.raises(ImproperlyConfigured, match=r"a method of Site.*give it make_pattern"):
            call()
    assert cache.get("k") == 1
    assert cache.clear() is True, "without KEY_PREFIX the database is emptied, as ever"
    assert cache.get("k") is None


@pytest.mark.parametrize("mixin", MIXINS)
def test_clear_of_a_prefix_is_refused_where_it_cannot_know(make: Made, mixin: type) -> None:
    cls = type("Site", (mixin, RedisCache), {})
    cache = make(cls, KEY_PREFIX="mine")
    cache.set("k", 1)
    with pytest.raises(ImproperlyConfigured, match=r"make_pattern.*flushdb"):
        cache.clear()
    assert cache.get("k") == 1
    flushing = make(cls, KEY_PREFIX="mine", OPTIONS={"CLEAR": "flushdb"})
    assert flushing.clear() is True
    assert cache.get("k") is None


def reversed_some(full: str) -> str:
    name = full.split(":", 2)[2]
    return name.removeprefix("a:")


def test_a_reverse_key_function_finds_keys_one_by_one(make: Made) -> None:
    cls = type("Site", (Some, RedisCache), {})
    cache = make(cls, REVERSE_KEY_FUNCTION=reversed_some)
    cache.set_many({"k": 1, "global:k": 2})
    cache.set("k", 1, version=2)
    cache.raw_client().set("strange", 1)
    assert sorted(cache.keys("*")) == ["global:k", "k"]
    assert cache.keys("global:*") == ["global:k"]
    assert cache.keys("k", version=2) == ["k"]
    assert cache.delete_pattern("*") == 2
    assert cache.get("k", version=2) == 1
    assert cache.raw_client().exists("strange") == 1


def test_a_plain_backend_makes_patterns_too(make: Made) -> None:
    cache = make(RedisCache, KEY_PREFIX="a*b")
    assert cache.make_pattern("k*") == r"a\*b:1:k*"
    assert cache.make_pattern("k*", version="*") == r"a\*b:*:k*"


def test_a_key_that_is_no_text_is_refused_by_name(make: Made) -> None:
    class Site(RedisCache):
        def make_key(self, key: Any, version: Any = None) -> Any:
            return 5 if key == "int" else None

    cache = make(Site)
    for key in ("int", "none"):
        with pytest.raises(TypeError, match=r"Site must return a key as text, not"):
            cache.set(key, 1)


def test_a_prefix_of_the_callers_is_asked_for_or_refused(make: Made) -> None:
    tenant = make(type("TenantCache", (Tenant, RedisCache), {}), KEY_PREFIX="mine")
    tenant.raw_client().set("x:1:a:k", 1)
    assert tenant.delete("k", prefix="x") is True
    own = make(type("Site", (Own, RedisCache), {}), KEY_PREFIX="mine")
    own.set("k", 1)
    with pytest.raises(ValueError, match=r"prefix='x' cannot be had: make_key\(\) of Site"):
        own.delete("k", prefix="x")
    assert own.get("k") == 1


@pytest.mark.parametrize("base", BACKENDS.values(), ids=BACKENDS)
def test_validate_key_decides_over_warnings(make: Made, base: Any) -> None:
    class Site(base):  # type: ignore[misc]
        def validate_key(self, key: str) -> None:
            if key.endswith("bad"):
                raise KeyError(key)

    cache, plain = make(Site), make(base)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.set("a b", 1, 9)
        assert cache.get_many(["a b"]) == {"a b": 1}
        assert plain.make_key("a b") == ":1:a b"
    with pytest.raises(KeyError, match=":1:bad"):
        cache.get("bad")
    with pytest.raises(KeyError, match=":1:bad"):
        cache.set_many({"bad": 1})
    with pytest.warns(CacheKeyWarning) as warned:
        plain.get("a b")
    assert len(warned) == 1


@pytest.mark.parametrize("base", BACKENDS.values(), ids=BACKENDS)
def test_make_and_validate_key_is_what_operations_ask(make: Made, base: Any) -> None:
    class Site(base):  # type: ignore[misc]
        def make_and_validate_key(self, key: Any, version: Any = None) -> str:
            return f"site:{key}"

    cache = make(Site)
    cache.set("k", 1)
    assert cache.get("k") == 1
    assert make(RedisCache).raw_client().exists("site:k") == 1


@pytest.mark.parametrize("base", BACKENDS.values(), ids=BACKENDS)
def test_get_backend_timeout_is_asked_for_every_timeout(make: Made, base: Any) -> None:
    class Site(base):  # type: ignore[misc]
        def get_backend_timeout(self, *args: Any) -> Any:
            found = super().get_backend_timeout(*args)
            return 90 if found is None else min(found, 90)

    cache, lives = make(Site, TIMEOUT=1000), make(RedisCache).ttl
    cache.set("set", 1)
    cache.set("none", 1, None)
    cache.add("add", 1, 500)
    cache.set_many({"many": 1}, 500)
    cache.get_or_set("gos", 1, 500)
    cache.set("short", 1, 50)
    cache.set("touch", 1, 5)
    cache.touch("touch")
    for key in ("set", "none", "add", "many", "gos", "touch"):
        assert 80 < lives(key) <= 90, key
    assert 40 < lives("short") <= 50


def test_the_times_are_djangos_with_parts_of_seconds() -> None:
    ours, theirs = RedisCache("redis://127.0.0.1:1", {}), DjangoCache("redis://127.0.0.1:1", {})
    for timeout in (None, 0, -5, 60):
        assert ours.get_backend_timeout(timeout) == theirs.get_backend_timeout(timeout)
    assert ours.get_backend_timeout() == theirs.get_backend_timeout() == 300
    assert ours.get_backend_timeout(1.5) == 1.5
    assert ours.get_backend_timeout("60") == theirs.get_backend_timeout("60") == 60
    with pytest.raises(TypeError, match="A timeout must be"):
        ours.get_backend_timeout("soon")


@pytest.mark.parametrize("base", BACKENDS.values(), ids=BACKENDS)
def test_attributes_that_are_properties_are_read_for_every_key(make: Made, base: Any) -> None:
    class Site(base):  # type: ignore[misc]
        tenant = "a"

        @property
        def key_prefix(self) -> str:
            return self.tenant

        @key_prefix.setter
        def key_prefix(self, prefix: str) -> None:
            pass

    cache = make(Site)
    cache.set("k", 1)
    assert cache.make_key("k") == "a:1:k"
    cache.tenant = "b"
    assert cache.get("k") is None
    assert cache.make_key("k") == "b:1:k"


@pytest.mark.parametrize("base", BACKENDS.values(), ids=BACKENDS)
def test_plain_attributes_of_a_class_are_settings_as_ever(make: Made, base: Any) -> None:
    cache = make(type("Site", (base,), {"version": 7, "default_timeout": 1}), VERSION=3)
    assert (cache.version, cache.default_timeout) == (3, 300)
    assert cache.make_key("k") == ":3:k"
    cache.version = 4
    cache.set("k", 1)
    assert cache.get("k", version=4) == 1


@pytest.mark.parametrize("base", BACKENDS.values(), ids=BACKENDS)
def test_make_key_set_on_an_object_counts_for_that_one(make: Made, base: Any) -> None:
    cache, other = make(base), make(base)
    cache.make_key = lambda key, version=None: f"mine:{key}"
    cache.set("k", 1)
    assert cache.get("k") == 1
    assert other.get("k") is None
    del cache.make_key
    assert cache.get("k") is None


def test_objects_share_what_is_behind_them(ab: tuple[Any, Any]) -> None:
    a, b = ab
    assert a._engine is b._engine
