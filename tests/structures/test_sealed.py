"""Members under a sealer, which binds them to their key and may make other bytes each time."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from django_redis_core._codec.codec import Codec
from django_redis_core._engine.assembly import Unreadable
from django_redis_core._plugins.defaults.client import DefaultClient
from django_redis_core._plugins.defaults.pickle import PickleSerializer
from django_redis_core.cache import RedisCache
from django_redis_core.commands.running import run
from django_redis_core.exceptions import SealError, SerializationError
from django_redis_core.interfaces import Sealer
from django_redis_core.interfaces.client import ClientContext
from django_redis_core.testing.fixtures import MakeCache


class Checksum(Sealer):
    """Bound to the key, and the same for the same data."""

    name = "checksum"
    deterministic: ClassVar[bool] = True

    def mark(self, key: str, data: bytes) -> bytes:
        return b"#" + hashlib.sha256(key.encode() + data).digest()

    def seal(self, key: str, data: bytes) -> bytes:
        return self.mark(key, data) + data

    def unseal(self, key: str, data: bytes) -> bytes:
        mark, rest = data[:33], data[33:]
        if mark != self.mark(key, rest):
            raise SealError("swapped")
        return rest


class Nonce(Checksum):
    """Other bytes each time."""

    name = "nonce"
    deterministic = False

    def seal(self, key: str, data: bytes) -> bytes:
        return super().seal(key, secrets.token_bytes(8) + data)

    def unseal(self, key: str, data: bytes) -> bytes:
        return super().unseal(key, data)[8:]


Do = Callable[..., Any]


@pytest.fixture
def cache(make_cache: MakeCache) -> RedisCache:
    return make_cache()


def doer(cache: RedisCache, sealer: Sealer) -> Do:
    report = Unreadable("sealed", cache._engine.logger)
    codec = Codec([PickleSerializer()], sealer=sealer, report=report)
    client = DefaultClient(ClientContext("sealed", cache._engine.naming, codec, 300))

    def do(name: str, *args: Any, **kwargs: Any) -> Any:
        return run(getattr(client, name)(*args, **kwargs), cache._driver.execute)

    return do


@pytest.fixture
def do(cache: RedisCache) -> Iterator[Do]:
    return doer(cache, Checksum())


def test_members_are_found(do: Do) -> None:
    assert do("sadd", "a", "x", "y", 1) == 3
    assert do("sadd", "a", "x") == 0
    assert do("sismember", "a", "y") is True
    assert do("smembers", "a") == {"x", "y", 1}
    assert do("zadd", "z", {"x": 1, 7: 2}) == 2
    assert do("zscore", "z", 7) == 2
    assert do("rpush", "l", "x", "y") == 2
    assert do("lrem", "l", 0, "x") == 1
    assert do("hset", "h", "f", "x") == 1
    assert do("hget", "h", "f") == "x"


def test_sets_are_combined_though_their_bytes_differ(do: Do) -> None:
    do("sadd", "a", "x", "y")
    do("sadd", "b", "y", "z")
    assert do("sinter", "a", "b") == {"y"}
    assert do("sunion", "a", "b") == {"x", "y", "z"}
    assert do("sdiff", "a", "b") == {"x"}


def test_a_moved_member_is_sealed_for_its_new_key(do: Do) -> None:
    do("sadd", "a", "x", 1)
    assert do("smove", "a", "b", "x") is True
    assert do("smove", "a", "b", 1) is True
    assert do("smove", "a", "b", "missing") is False
    assert do("smembers", "b") == {"x", 1}
    assert do("smembers", "a") == set()


@pytest.mark.parametrize("name", ["sdiffstore", "sinterstore", "sunionstore"])
def test_the_server_cannot_store_for_another_key(do: Do, name: str) -> None:
    do("sadd", "a", "x")
    with pytest.raises(SerializationError, match=name):
        do(name, "d", "a", "b")


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("sadd", ("x",)),
        ("srem", ("x",)),
        ("sismember", ("x",)),
        ("smismember", ("x",)),
        ("smove", ("b", "x")),
        ("zadd", ({"x": 1},)),
        ("zadd", ({7: 1},)),
        ("zscore", ("x",)),
        ("zmscore", ("x",)),
        ("zincrby", (1, "x")),
        ("lrem", (0, "x")),
    ],
)
def test_what_would_never_be_found_again_is_refused(
    cache: RedisCache, name: str, args: tuple[Any, ...]
) -> None:
    with pytest.raises(SerializationError, match="'nonce' seals it"):
        doer(cache, Nonce())(name, "k", *args)
    assert cache.has_key("k") is False


def test_hashes_and_lists_need_no_such_thing(cache: RedisCache) -> None:
    do = doer(cache, Nonce())
    do("hset", "h", "f", "x")
    do("rpush", "l", "x")
    assert do("hgetall", "h") == {"f": "x"}
    assert do("lpop", "l") == "x"


@pytest.mark.parametrize("sealer", [Checksum(), Nonce()], ids=lambda sealer: sealer.name)
def test_a_version_is_changed_by_sealing_for_the_new_key(cache: RedisCache, sealer: Sealer) -> None:
    do = doer(cache, sealer)
    do("set", "k", ["x"], 100)
    do("set", "n", 5, None)
    do("hset", cache.make_key("k", version=2), "f", "in the way")
    assert do("incr_version", "k") == do("incr_version", "n") == 2
    assert do("get_many", ["k", "n"], version=2) == {"k": ["x"], "n": 5}
    assert (do("has_key", "k"), do("ttl", "k", version=2), do("ttl", "n", version=2)) == (
        False,
        100,
        None,
    )
    assert do("decr_version", "k", version=2) == 1
    assert do("get", "k") == ["x"]
    assert do("incr_version", "k", 0) == 1
    assert do("get", "k") == ["x"]


def test_a_version_moves_what_is_stored_at_that_moment(cache: RedisCache) -> None:
    do = doer(cache, Checksum())
    do("set", "k", "first")
    looked: list[Any] = []

    def execute(request: Any) -> Any:
        reply = cache._driver.execute(request)
        if isinstance(request, list) and not looked:  # it has looked, and now writes
            looked.append(reply)
            do("set", "k", "second")
        return reply

    codec = Codec([PickleSerializer()], sealer=Checksum(), report=lambda *args: None)
    client = DefaultClient(ClientContext("sealed", cache._engine.naming, codec, 300))
    assert run(client.incr_version("k"), execute) == 2
    assert looked
    assert do("get", "k", version=2) == "second"
    assert do("has_key", "k") is False


def test_a_data_structure_stays_under_its_version(do: Do) -> None:
    do("sadd", "a", "x")
    with pytest.raises(SerializationError, match=r"incr_version cannot move.*'checksum'"):
        do("incr_version", "a")
    assert do("smembers", "a") == {"x"}
