"""``get``, ``ttl``, ``delete``, ``clear``: one entry, some, or all."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from django_redis_core.interfaces import Serializer
from django_redis_core.operating import OperatedCache
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import replicated

from .conftest import Ran


def test_get_shows_the_value_as_callers_see_it(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    cache = site(default={"OPTIONS": {"COMPRESSOR": "zlib"}})
    cache.set("k", {"a": [1, "zwö"]}, 100)
    cache.set("k", ("set", {1}), None, version=2)
    ran = manage("get", "k", "--json")
    assert ran.json["value"] == {"a": [1, "zwö"]}
    assert (ran.json["type"], ran.json["found"]) == ("dict", True)
    assert 95 < ran.json["ttl"] <= 100
    ran = manage("get", "k", "--json", "--key-version", "2")
    assert (ran.json["value"], ran.json["repr"]) == (None, "('set', {1})")
    text = manage("get", "k").out
    assert text.startswith("{'a': [1, 'zwö']}\n(dict, ")
    cache.set("long", "x" * 5000)
    assert len(manage("get", "long").out) < 2_200


def test_get_says_why_there_is_no_value(
    site: Callable[..., Any], manage: Callable[..., Ran], redis_server: Server
) -> None:
    cache = site(default={})
    with redis_server.client() as raw:
        raw.set(cache.make_key("garbage"), b"\xffgarbage")
        cache.sadd("set", "member")
        lock = cache.lock("lock", timeout=10)
        assert lock.acquire()
        for key, words in (
            ("nothing", "There is no"),
            ("garbage", "unreadable: UnpicklingError"),
            ("set", "a set, which get does not read"),
            ("lock", "a lock"),
        ):
            ran = manage("get", key)
            assert ran.code == 1
            assert words in ran.error
            ran = manage("get", key, "--json")
            assert (ran.code, ran.json["found"]) == (1, False)
        lock.release()


LENIENT = {"accept_unsigned_until": "2999-01-01T00:00+00:00"}


class OwnPickle(Serializer):
    """As a site may have one: nothing says what it does for bytes of others."""

    name = "own"
    dumps = staticmethod(pickle.dumps)  # type: ignore[assignment]
    loads = staticmethod(pickle.loads)  # type: ignore[assignment]


class Named:
    """What a pickle can only be read with by looking up a class."""


def test_get_reads_nothing_that_may_run_code_unless_it_is_told_to(
    site: Callable[..., Any], manage: Callable[..., Ran], tmp_path: Path, redis_server: Server
) -> None:
    cache = site(default={"OPTIONS": {"COMPRESSOR": "zlib"}})
    trace = tmp_path / "ran"
    attack = b"cposix\nsystem\n(Vtouch %b\ntR." % str(trace).encode()
    with redis_server.client() as raw:
        raw.set(cache.make_key("attack"), attack)
    ran = manage("get", "attack")
    assert (ran.code, trace.exists()) == (0, False)
    assert ran.out.startswith("b'cposix")
    assert "not decoded, " in ran.out
    assert "the pickle needs posix.system, which to look up may run code" in ran.out
    cache.set("named", [Named(), "x" * 5000], 100)
    ran = manage("get", "named", "--json")
    assert (ran.json["found"], ran.json["decoded"], ran.json["value"]) == (True, False, None)
    assert ran.json["bytes"] > 20
    assert ran.json["ttl"] > 90
    assert len(manage("get", "named").out) < 1_000
    assert manage("get", "named", "--decode").out.startswith("[<")
    assert manage("get", "attack", "--decode").code == 0
    assert trace.exists()


@pytest.mark.parametrize(
    ("options", "decoded"),
    [
        ({"CLIENT": "herd"}, False),
        ({"CLIENT": "herd", "HERD_FORMAT": "django-redis"}, False),
        ({"SERIALIZER": ["json", "pickle"]}, False),
        ({"SERIALIZER": OwnPickle}, False),
        ({"PICKLE_ALLOW": [f"{__name__}.Named"]}, True),
        ({"SEALER": "signed"}, True),
        ({"SEALER": "signed", "CLIENT": ["near", "herd"]}, True),
        ({"SEALER": {"NAME": "signed", "OPTIONS": LENIENT}}, False),
    ],
    ids=str,
)
def test_what_get_reads_at_once(
    site: Callable[..., Any],
    manage: Callable[..., Ran],
    redis_server: Server,
    options: Any,
    decoded: bool,
) -> None:
    cache = site(default={"OPTIONS": options})
    if isinstance(options.get("SERIALIZER"), list):
        with redis_server.client() as raw:
            raw.set(cache.make_key("named"), pickle.dumps(Named()))
    else:
        cache.set("named", Named(), 100)
    cache.set("number", 5, 100)
    assert manage("get", "named", "--json").json["decoded"] is decoded
    assert manage("get", "named", "--decode", "--json").json["decoded"] is True
    assert manage("get", "number", "--json").json["value"] == 5


def test_get_while_the_primary_is_away(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    with replicated(1) as group:
        cache = site(default={"LOCATION": group.urls})
        cache.set("k", "value", 100)
        group.wait_in_sync()
        ran = manage("get", "k", "--json")
        assert (ran.json["value"], ran.json["from_replica"]) == ("value", False)
        group.primary.kill()
        ran = manage("get", "k")
        assert (ran.code, ran.out.splitlines()[0]) == (0, "'value'")
        assert "read from a replica" in ran.out
        group.replicas[0].kill()
        ran = manage("get", "k")
        assert ran.code == 1
        assert f"{group.primary.port}" in ran.error


def test_looking_elects_nobody(site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
    """The herd client's own ``get`` would make its caller the one who computes the next value."""
    cache = site(default={"OPTIONS": {"CLIENT": "herd"}})
    cache.set("k", "old", 0.02)
    while cache.has_key("k"):
        pass
    assert "expired and kept" in manage("get", "k").error
    assert manage("ttl", "k").code == 1
    assert cache.get("k") is None, "the first reader is still to be elected"
    assert cache.get("k") == "old"


def test_ttl(site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
    cache = site(default={})
    cache.set("k", 1, 5000)
    cache.set("forever", 1, None)
    report = manage("ttl", "k", "--json").json
    assert 4_990 < report["ttl"] <= 5_000
    assert datetime.fromisoformat(report["expires"]).tzinfo is not None
    assert "expires in 83" in manage("ttl", "k").out
    assert manage("ttl", "forever", "--json").json["ttl"] is None
    assert manage("ttl", "forever").out == "never expires\n"
    assert manage("ttl", "nothing").code == 1


def test_delete_keys_asks_first(site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
    cache = site(default={})
    cache.set_many({"a": 1, "b": 2, "c": 3})
    ran = manage("delete", "a", "b", answer="no\n")
    assert (ran.code, ran.error) == (1, "Nothing was deleted.")
    assert "Delete 2 keys" in ran.err
    assert manage("delete", "a", "b").error.endswith("write --no-input.")
    assert cache.get_many("abc") == {"a": 1, "b": 2, "c": 3}
    ran = manage("delete", "a", "b", "--json", answer="y\n")
    assert ran.json == {"alias": "default", "deleted": 2}
    assert cache.get_many("abc") == {"c": 3}
    assert manage("delete", "c", "gone", "--no-input").out == "1 key of default deleted\n"


def test_delete_by_pattern(site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
    cache = site(default={})
    cache.set_many({f"user:{number}": number for number in range(2_500)})
    cache.set("page:1", 1)
    ran = manage("delete", "--pattern", "user:*", answer="n\n")
    assert "2,500" in ran.err
    assert ran.code == 1
    assert manage("delete", "--pattern", "user:*", "--no-input", "--json").json["deleted"] == 2_500
    assert cache.keys("*") == ["page:1"]
    assert manage("delete", "--pattern", "user:*").out == "0 keys of default deleted\n"
    for wrong in (["delete"], ["delete", "k", "--pattern", "*"]):
        assert "either keys or --pattern" in manage(*wrong).error


def test_clear_empties_what_the_cache_would(
    site: Callable[..., Any], manage: Callable[..., Ran], own_server: Server
) -> None:
    own = {"LOCATION": own_server.url}
    shop = site(
        shop={**own, "KEY_PREFIX": "shop"},
        whole={**own, "KEY_PREFIX": ""},
        flush={**own, "KEY_PREFIX": "flush", "OPTIONS": {"CLEAR": "flushdb"}},
    )
    from django.core.cache import caches

    def fill() -> None:
        own_server.cli("FLUSHALL")
        for alias in ("shop", "whole", "flush"):
            caches[alias].set_many({"a": 1, "b": 2})
            caches[alias].set("a", 3, version=2)
        own_server.cli("SET", "somebody", "else")

    fill()
    ran = manage("clear", "--alias", "shop", answer="y\n")
    assert "prefix 'shop', which are 3" in ran.err
    assert (shop.get("a"), own_server.cli("DBSIZE")) == (None, 7)

    for alias in ("whole", "flush"):
        fill()
        ran = manage("clear", "--alias", alias, answer="n\n")
        assert f"Empty the database redis://127.0.0.1:{own_server.port}/0 (10 keys)" in ran.err
        assert own_server.cli("DBSIZE") == 10
        ran = manage("clear", "--alias", alias, "--no-input", "--json")
        assert (ran.json["deleted"], own_server.cli("DBSIZE")) == (10, 0)

        fill()
        ran = manage("clear", "--alias", alias, "--prefix", "--no-input", "--json")
        assert (ran.json["deleted"], own_server.cli("DBSIZE")) == (3, 7)

    fill()
    ran = manage("clear", "--alias", "flush", "--prefix", "shop", "--no-input", "--json")
    assert (ran.json["deleted"], shop.get("a")) == (3, None)


def test_trouble_is_an_error_and_not_a_traceback(
    site: Callable[..., Any], manage: Callable[..., Ran], own_server: Server
) -> None:
    """Also where the cache itself would hide it."""
    site(default={"LOCATION": own_server.url, "OPTIONS": {"IGNORE_EXCEPTIONS": True}})
    own_server.kill()
    for command in (
        ["get", "k"],
        ["ttl", "k"],
        ["delete", "k", "--no-input"],
        ["delete", "--pattern", "k", "--no-input"],
        ["clear", "--no-input"],
        ["recode"],
    ):
        ran = manage(*command)
        assert ran.code == 1, command
        assert "Connection refused" in ran.error or "failed moments ago" in ran.error, command


def test_refused_settings_are_an_error(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    site(default={}, typo={"OPTIONS": {"SERIALISER": "json"}})
    assert "Did you mean 'SERIALIZER'" in manage("get", "k", "--alias", "typo").error


def test_what_is_known_is_told_where_the_time_is_refused(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    """A user who may not ask for times to live reads and writes all the same."""
    with Server(users={"site": "on >secret ~* +@all -pttl"}) as server:
        cache = site(default={"LOCATION": server.url.replace("redis://", "redis://site:secret@")})
        ran = manage("set", "k", "value")
        assert (ran.code, cache.get("k")) == (0, "value")
        assert "does not tell this user" in ran.out
        ran = manage("get", "k")
        assert ran.code == 0
        assert ran.out.startswith("'value'\n")
        assert "does not tell this user" in ran.out
        report = manage("get", "k", "--json").json
        assert (report["found"], report["ttl"], report["ttl_refused"]) == (True, None, True)
        assert manage("touch", "k", "60").code == 0
        assert manage("touch", "nothing").error.startswith("There is no")
        cache.hset("hash", "field", 1)
        told = OperatedCache("default").entry("hash")
        assert (told["length"], told["ttl"], told["ttl_refused"]) == (1, None, True)
        ran = manage("ttl", "k")
        assert ran.code == 1, "there is nothing else to tell"
        assert "'pttl'" in ran.error
