"""``recode`` moves entries to today's format, and harms none."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.interfaces import Client
from django_redis_core.management.recode import Cursors, Pace, steps
from django_redis_core.testing.servers import Server

from .conftest import Ran

FAST = ("--rate", "1000000")
LATER = "2999-01-01T00:00:00+00:00"
NEW = {"SERIALIZER": ["json", "pickle"], "COMPRESSOR": "zlib"}


@pytest.fixture
def sites(site: Callable[..., RedisCache]) -> Callable[..., tuple[RedisCache, RedisCache]]:
    """``sites(new, **old)``: a cache under its old options, and the same one, alias "new", under
    new ones."""
    from django.core.cache import caches

    def make(new: dict[str, Any], old: dict[str, Any] | None = None, **entry: Any) -> Any:
        first = site(
            default={"OPTIONS": dict(old or {}), **entry}, new={"OPTIONS": dict(new), **entry}
        )
        return first, caches["new"]

    return make


def raw(server: Server, cache: RedisCache, key: str, version: int = 1) -> bytes:
    with server.client() as client:
        data: bytes = client.get(cache.make_key(key, version))
        return data


def test_values_are_rewritten_and_all_else_is_left(
    sites: Callable[..., Any], manage: Callable[..., Ran], redis_server: Server
) -> None:
    old, new = sites(NEW)
    values = {f"k{number}": {"number": number, "text": "x" * 100} for number in range(250)}
    old.set_many(values, 500)
    old.set("forever", ["long" * 100], None)
    old.set("versioned", "value", 500, version=7)
    old.set("int", 12, 500)
    old.hset("hash", "field", "value")
    old.sadd("set", "member")
    old.lock("lock", timeout=100).acquire()
    with redis_server.client() as client:
        client.set(old.make_key("garbage"), b"\xff\xfegarbage")

    dry = manage("recode", "--alias", "new", "--dry-run", "--json", *FAST).json
    assert (dry["rewritten"], dry["dry_run"]) == (252, True)
    assert raw(redis_server, old, "forever") == pickle.dumps(["long" * 100])

    ran = manage("recode", "--alias", "new", "--json", *FAST)
    assert ran.code == 0
    report = ran.json
    assert report["complete"] is True
    assert report["keys"] == 257
    assert {name: report[name] for name in ("rewritten", "integers", "locks", "other_types")} == {
        "rewritten": 252,
        "integers": 1,
        "locks": 1,
        "other_types": 2,
    }
    assert (report["unreadable"], report["current"], report["changed"]) == (1, 0, 0)
    assert [*report["errors"].values()] == [1]
    assert 0 < report["bytes_after"] < report["bytes_before"]
    assert raw(redis_server, new, "forever").startswith(b"\x78")  # a frame of zlib
    assert raw(redis_server, new, "versioned", 7) == b'"value"'
    assert raw(redis_server, new, "garbage") == b"\xff\xfegarbage"
    assert new.get_many(values) == values
    assert all(490 < new.ttl(key) <= 500 for key in values)
    assert new.ttl("forever") is None
    assert 490 < new.ttl("versioned", version=7) <= 500
    assert new.incr("int") == 13
    assert old.hget("hash", "field") == "value"
    assert old.smembers("set") == {"member"}

    again = manage("recode", "--alias", "new", "--json", *FAST).json
    assert (again["rewritten"], again["current"]) == (0, 252)
    ran = manage("recode", "--alias", "new", "-v", "2", *FAST)
    assert f"'{old.make_key('garbage')}' is unreadable" in ran.err
    assert "252  are in today's format already" in ran.out


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {"COMPRESSOR": "zlib"}),
        ({"COMPRESSOR": "zlib"}, {"COMPRESSOR": ["lzma", "zlib"]}),
        ({"COMPRESSOR": "zlib"}, {"COMPRESSOR": ["identity", "zlib"]}),
        ({}, {"SERIALIZER": ["msgpack", "pickle"]}),
        ({"SERIALIZER": "json"}, {"SERIALIZER": ["pickle", "json"], "COMPRESSOR": "gzip"}),
        ({"SEALER": "signed"}, {"SEALER": "signed", "SERIALIZER": ["json", "pickle"]}),
        ({}, {"SEALER": {"NAME": "signed", "OPTIONS": {"accept_unsigned_until": LATER}}}),
    ],
)
def test_each_move_ends(
    sites: Callable[..., Any], manage: Callable[..., Ran], old: Any, new: Any
) -> None:
    """A second run finds nothing to do, whatever was short, long, or not to be compressed."""
    before, after = sites(new, old)
    values = {
        "short": "s",
        "long": "long " * 1000,
        "list": [1, 2.5, None, "text", {"a": [True]}],
        "dense": "".join(chr(33 + (number * 7919) % 90) for number in range(40)),
    }
    before.set_many(values, None)
    first = manage("recode", "--alias", "new", "--json", *FAST).json
    assert first["rewritten"] > 0
    assert first["unreadable"] == first["refused"] == 0
    assert after.get_many(values) == values
    second = manage("recode", "--alias", "new", "--json", *FAST).json
    assert (second["rewritten"], second["current"]) == (0, 4)


def test_a_sealer_that_never_makes_the_same_bytes_twice_seals_all_anew(
    sites: Callable[..., Any], manage: Callable[..., Ran], redis_server: Server
) -> None:
    """So its key is changed by a run."""
    old, _ = sites({}, {"SEALER": "encrypted"})
    old.set("k", {"a": 1}, 500)
    before = raw(redis_server, old, "k")
    assert manage("recode", "--json", *FAST).json["rewritten"] == 1
    assert raw(redis_server, old, "k") != before
    assert old.get("k") == {"a": 1}
    assert 400 < old.ttl("k") <= 500


def test_sets_are_current_although_they_pickle_otherwise_in_each_process(
    sites: Callable[..., Any], manage: Callable[..., Ran], redis_server: Server
) -> None:
    old, _ = sites({})
    with redis_server.client() as client:
        client.set(old.make_key("set"), pickle.dumps({"a"}, protocol=0))
    assert manage("recode", "--json", *FAST).json["current"] == 1


def test_what_the_new_format_cannot_hold_stays(
    sites: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    old, _ = sites(NEW)
    old.set("bytes", b"\x00", 500)
    report = manage("recode", "--alias", "new", "--json", *FAST).json
    assert (report["refused"], report["rewritten"]) == (1, 0)
    assert old.get("bytes") == b"\x00"


class Meddling(Client):
    """While the command works on an entry, another worker changes it."""

    name = "meddling"
    meddle: Callable[[str], None] = staticmethod(lambda key: None)

    def recoded(self, key: str, data: bytes) -> bytes:
        new = super().recoded(key, data)
        self.meddle(key)
        return new


@pytest.fixture
def meddling() -> Iterator[type[Meddling]]:
    yield Meddling
    Meddling.meddle = staticmethod(lambda key: None)


def test_a_concurrent_write_is_never_overwritten(
    sites: Callable[..., Any],
    manage: Callable[..., Ran],
    redis_server: Server,
    meddling: type[Meddling],
) -> None:
    old, _ = sites({**NEW, "CLIENT": meddling})
    old.set_many(dict.fromkeys(["set", "deleted", "retyped", "expiry", "left"], "value"), 500)
    with redis_server.client() as client:

        def meddle(key: str) -> None:
            match key.rpartition(":")[2]:
                case "set":
                    client.set(key, pickle.dumps("newer"), ex=50)
                case "deleted":
                    client.delete(key)
                case "retyped":
                    client.delete(key)
                    client.sadd(key, "member")
                case "expiry":
                    client.expire(key, 50)

        meddling.meddle = staticmethod(meddle)
        report = manage("recode", "--alias", "new", "--json", *FAST).json
    assert (report["changed"], report["rewritten"]) == (3, 2)
    assert old.get("set") == "newer"
    assert 20 < old.ttl("set") <= 50
    assert old.get("deleted") is None
    assert redis_server.cli("TYPE", old.make_key("retyped")) == "set"
    assert raw(redis_server, old, "expiry") == raw(redis_server, old, "left") == b'"value"'
    assert 20 < old.ttl("expiry") <= 50, "an expiry that was changed meanwhile stays changed"


class TestHerd:
    """Entries with a logical expiry keep it to the millisecond."""

    HERD = {**NEW, "CLIENT": "herd"}

    def test_native_entries(
        self, sites: Callable[..., Any], manage: Callable[..., Ran], redis_server: Server
    ) -> None:
        old, new = sites(self.HERD, {"CLIENT": "herd"})
        old.set("k", {"a": "x" * 100}, 500)
        old.set("expired", "old", 0.01)
        old.set("forever", "value", None)
        old.set("int", 5, 500)
        heads = {key: raw(redis_server, old, key)[:11] for key in ("k", "expired")}
        lives = {key: redis_server.cli("PEXPIRETIME", old.make_key(key)) for key in heads}
        time.sleep(0.02)
        report = manage("recode", "--alias", "new", "--json", *FAST).json
        assert (report["rewritten"], report["current"], report["unreadable"]) == (3, 1, 0)
        assert {key: raw(redis_server, old, key)[:11] for key in heads} == heads
        assert {key: redis_server.cli("PEXPIRETIME", old.make_key(key)) for key in heads} == lives
        assert raw(redis_server, old, "expired")[11:] == b'"old"'
        assert new.get("k") == {"a": "x" * 100}
        assert new.get("forever") == "value"
        assert new.incr("int") == 6
        assert new.get("expired") is None  # elected
        assert new.get("expired") == "old"

    @pytest.mark.parametrize("serializer", ["pickle", ["json", "pickle"]])
    def test_entries_of_django_redis(
        self,
        sites: Callable[..., Any],
        manage: Callable[..., Ran],
        redis_server: Server,
        serializer: Any,
    ) -> None:
        written = {"CLIENT": "herd", "HERD_FORMAT": "django-redis"}
        old, new = sites({"CLIENT": "herd", "SERIALIZER": serializer}, written)
        old.set("k", {"a": 1}, 500)
        before = old.pttl("k")
        report = manage("recode", "--alias", "new", "--json", *FAST).json
        assert report["rewritten"] == 1
        assert raw(redis_server, old, "k").startswith(b"\xc1hv")
        assert new.get("k") == {"a": 1}
        assert before - 500 < new.pttl("k") < before + 1000  # tuples have whole seconds
        assert manage("recode", "--alias", "new", "--json", *FAST).json["current"] == 1

    def test_entries_for_django_redis_stay_so(
        self, sites: Callable[..., Any], manage: Callable[..., Ran], redis_server: Server
    ) -> None:
        written = {"CLIENT": "herd", "HERD_FORMAT": "django-redis"}
        old, new = sites({**written, "COMPRESSOR": "zlib"}, written)
        old.set("k", "x" * 1000, 500)
        assert manage("recode", "--alias", "new", "--json", *FAST).json["rewritten"] == 1
        assert raw(redis_server, old, "k").startswith(b"\x78")
        assert new.get("k") == "x" * 1000
        assert manage("recode", "--alias", "new", "--json", *FAST).json["current"] == 1


def test_a_client_that_does_not_say_how_is_refused(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    class Stamped(Client):
        name = "stamped"

        def wrap(self, key: str, value: Any, milliseconds: int | None) -> Any:
            data, milliseconds = super().wrap(key, value, milliseconds)
            return b"stamp" + data, milliseconds

        def unwrap(self, key: str, data: bytes) -> Any:
            return super().unwrap(key, data[5:])

    cache = site(default={"OPTIONS": {"CLIENT": Stamped}})
    cache.set("k", "value")
    ran = manage("recode")
    assert ran.code == 1
    assert "'stamped'" in ran.error
    assert "no recoded()" in ran.error
    assert cache.get("k") == "value"


def test_a_user_who_may_not_count(site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
    with Server(users={"shop": "on >shop ~* +@all -info -dbsize"}) as server:
        location = f"redis://shop:shop@127.0.0.1:{server.port}/0"
        entry = {"LOCATION": location, "OPTIONS": {"SERIALIZER": ["json", "pickle"]}}
        cache = site(default={"LOCATION": location}, new=entry)
        cache.set_many({f"k{number}": [number] for number in range(50)})
        ran = manage("recode", "--alias", "new", "--json")
        assert (ran.code, ran.json["rewritten"]) == (0, 50)


def test_the_rate_is_kept(sites: Callable[..., Any], manage: Callable[..., Ran]) -> None:
    old, _ = sites(NEW)
    old.set_many({f"k{number}": "value" for number in range(120)})
    began = time.monotonic()
    report = manage("recode", "--alias", "new", "--json", "--rate", "100").json
    assert report["rewritten"] == 120
    assert 1.1 < time.monotonic() - began < 30


def test_pace_does_not_catch_up() -> None:
    pace = Pace(1000)
    assert pace.pause(100) == pytest.approx(0.1, abs=0.01)
    time.sleep(0.2)  # the server was slow
    assert pace.pause(100) == pytest.approx(0.1, abs=0.01)


def test_steps_are_bounded_by_keys_and_bytes() -> None:
    keys = [("a", 10), ("b", 600_000), ("c", 10), ("d", 500_000), ("e", 30_000), ("f", 1)]
    assert [*steps(keys, 2)] == [["a"], ["b"], ["c", "d"], ["e", "f"]]


def test_values_of_a_megabyte(sites: Callable[..., Any], manage: Callable[..., Ran]) -> None:
    old, new = sites(NEW)
    values = {f"big{number}": "x" * 1_000_000 for number in range(5)}
    old.set_many(values)
    assert manage("recode", "--alias", "new", "--json", *FAST).json["rewritten"] == 5
    assert new.get_many(values) == values


def test_cursors_read_what_they_print() -> None:
    cursors = Cursors("0123456789ab-0:77,0123456789ab-1:end")
    assert cursors.start("0123456789ab-0") == 77
    assert cursors.start("0123456789ab-1") is None
    assert cursors.start("ba9876543210-0") == 0
    assert not cursors.unknown
    cursors.reached("ba9876543210-0", 5)
    cursors.reached("0123456789ab-0", 0)
    assert str(cursors) == "0123456789ab-0:end,0123456789ab-1:end,ba9876543210-0:5"
    for wrong in ("x", "0123456789ab-0", "0123456789ab-0:7;", "0123456789ab-0:-1"):
        with pytest.raises(ValueError, match="interrupted recode"):
            Cursors(wrong)
