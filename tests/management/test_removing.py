"""What operators delete and replace holds no server up, however large it is.

A server's own counters tell: what was freed by another thread in one go, meanwhile whoever
allocates memory waits for it, and how often it was asked to free something itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

import pytest
from django.core.cache import caches

from django_redis_core import operating
from django_redis_core.cache import RedisCache
from django_redis_core.interfaces import Observer, Trip
from django_redis_core.management import removing
from django_redis_core.testing.cluster import cluster
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import shards

from .conftest import Ran

FAST = ("--rate", "1000000")
KINDS = ("hash", "list", "set", "zset")

Site = Callable[..., RedisCache]
Manage = Callable[..., Ran]


@pytest.fixture
def other() -> Iterator[Server]:
    with Server() as server:
        yield server


def fill(cache: RedisCache, count: int = 12_000) -> None:
    some = range(count)
    cache.hset("hash", mapping={f"field {one}": one for one in some})
    cache.rpush("list", *(f"an item that is long enough, with the number {one}" for one in some))
    cache.sadd("set", *(f"member {one}" for one in some))
    cache.zadd("zset", {f"member {one}": one for one in some})


def freed_in_one_go(server: Server) -> int:
    """How many values the other thread was given since the server's start."""
    memory = server.info("memory")
    return int(memory["lazyfreed_objects"]) + int(memory["lazyfree_pending_objects"])


def called(server: Server, command: str) -> int:
    stats = server.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})
    return int(stats["calls"])


def test_an_unlink_of_such_is_freed_in_one_go(site: Site, own_server: Server) -> None:
    """So the tests below would see it."""
    cache = site(default={"LOCATION": own_server.url})
    fill(cache)
    cache.delete_many(KINDS)
    assert freed_in_one_go(own_server) >= 3


@pytest.mark.parametrize(
    "words",
    [("clear",), ("delete", "--pattern", "*"), ("delete", *KINDS)],
    ids=["clear", "delete --pattern", "delete"],
)
def test_what_is_deleted_is_taken_apart(
    site: Site, manage: Manage, own_server: Server, words: tuple[str, ...]
) -> None:
    cache = site(default={"LOCATION": own_server.url})
    fill(cache)
    cache.set_many({"small": 1, "text": "value"})
    deleted = manage(*words, "--no-input", "--json").json["deleted"]
    left = own_server.cli("DBSIZE")
    assert (deleted, left) == ((4, 2) if words[-1] == "zset" else (6, 0))
    assert freed_in_one_go(own_server) == 0


def test_what_pages_delete_is_taken_apart(site: Site, own_server: Server) -> None:
    fill(site(default={"LOCATION": own_server.url}))
    [operated] = operating.operated_caches()
    report = operated.delete([*KINDS, "none"])
    assert (report["deleted"], report["error"]) == (4, None)
    assert (own_server.cli("DBSIZE"), freed_in_one_go(own_server)) == (0, 0)


@pytest.mark.parametrize("count", [12_000, 5], ids=["by large ones", "by small ones"])
def test_what_is_replaced_is_taken_apart(
    site: Site, manage: Manage, own_server: Server, other: Server, count: int
) -> None:
    first = site(default={"LOCATION": own_server.url}, new={"LOCATION": other.url})
    fill(first, count)
    fill(caches["new"])
    report = manage("copy", "--to", "new", "--replace", "--no-input", "--json", *FAST).json
    assert report["copied"] == 4
    assert manage("compare", "--with", "new", "--json", *FAST).json["same"] == 4
    assert other.cli("DBSIZE") == 4, "nothing is left of what was there"
    assert freed_in_one_go(other) == 0


def test_a_command_frees_few_bytes(site: Site, manage: Manage, own_server: Server) -> None:
    """Of text the server frees the memory before it answers anybody else."""
    cache = site(default={"LOCATION": own_server.url})
    cache.set_many({f"page:{one}": "x" * 300_000 for one in range(200)})
    assert manage("clear", "--no-input", "--json").json["deleted"] == 200
    assert own_server.cli("DBSIZE") == 0
    assert called(own_server, "unlink") >= 200 * 300_000 // removing.FREED


def test_small_ones_take_as_many_commands_as_pages(
    site: Site, manage: Manage, own_server: Server
) -> None:
    cache = site(default={"LOCATION": own_server.url})
    cache.set_many({f"user:{one}": one for one in range(10_000)})
    assert manage("clear", "--no-input", "--json").json["deleted"] == 10_000
    assert called(own_server, "unlink") * 2 <= called(own_server, "scan") <= 60


@pytest.mark.parametrize(
    "refused", ["-memory", "-rename", "-type", "-hscan -sscan -zscan -ltrim", "-hdel -srem -zrem"]
)
def test_what_a_server_refuses_is_deleted_all_the_same(
    site: Site, manage: Manage, refused: str
) -> None:
    with Server(users={"site": f"on >secret ~* +@all {refused}"}) as server:
        url = server.url.replace("redis://", "redis://site:secret@")
        fill(site(default={"LOCATION": url}))
        caches["default"].set("small", 1)
        assert manage("clear", "--no-input", "--json").json["deleted"] == 5
        assert server.cli("DBSIZE") == 0
        fill(caches["default"])
        assert manage("delete", *KINDS, "--no-input", "--json").json["deleted"] == 4
        assert server.cli("DBSIZE") == 0


def test_what_is_left_when_it_is_stopped_goes_by_itself(
    site: Site, manage: Manage, own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*args: object) -> Iterator[None]:
        raise KeyboardInterrupt

    cache = site(default={"LOCATION": own_server.url})
    fill(cache)
    with monkeypatch.context() as patched:
        patched.setattr(removing, "_in_pages", stopped)
        assert manage("clear", "--no-input").code == 130
    left = own_server.cli("KEYS", "*:deleting:*")
    assert len(left) == 1
    assert 0 < own_server.cli("PTTL", left[0]) <= 60_000
    assert len(cache.keys("*")) == own_server.cli("DBSIZE") - 1 >= 2
    assert manage("clear", "--no-input", "--json").json["deleted"] >= 2
    assert own_server.cli("KEYS", "*") == left


def test_on_shards_and_in_a_cluster(site: Site, manage: Manage) -> None:
    """The last two keys cannot be put aside where they are."""
    named = (*KINDS, "{tagged}:set", "with}before{", "an{}empty-tag")
    with shards(2) as servers, cluster(3, replicas=0) as group:
        site(
            default={
                "LOCATION": [server.url for server in servers],
                "OPTIONS": {"CLIENT": "shard"},
            },
            new={
                "LOCATION": [node.url for node in group.nodes],
                "OPTIONS": {"CONNECTION_FACTORY": "cluster"},
            },
        )
        for alias, nodes in (("default", servers), ("new", group.nodes)):
            for words in (("delete", *named), ("clear", "--prefix")):
                fill(caches[alias])
                for key in named[4:]:
                    caches[alias].sadd(key, *range(12_000))
                caches[alias].set_many(dict.fromkeys(map(str, range(100)), 1))
                ran = manage(*words, "--alias", alias, "--no-input", "--json")
                assert ran.json["deleted"] == (7 if words[0] == "delete" else 107), ran
            assert sum(node.cli("DBSIZE") for node in nodes) == 0
            assert sum(map(freed_in_one_go, nodes)) == 2 * 2


def test_a_turn_of_the_server_is_short_for_all_of_them(
    site: Site, manage: Manage, own_server: Server, other: Server
) -> None:
    """However many keys there are: a server reads 16 KB of commands before it turns to others."""
    cache = site(default={"LOCATION": own_server.url}, new={"LOCATION": other.url})
    cache.set_many({f"user:{one}": one for one in range(3_000)})
    for server in (own_server, other):
        server.cli("CONFIG", "RESETSTAT")
    for words in (
        ("stats", "--all", "--lookups"),
        ("top", "--once", "--hot"),
        ("keys", "*", "--limit", "5000"),
        ("recode", *FAST),
        ("copy", "--to", "new", *FAST),
        ("compare", "--with", "new", *FAST),
        ("delete", "--pattern", "user:1*", "--no-input"),
        ("clear", "--no-input"),
    ):
        ran = manage(*words, *(() if "--alias" in words else ("--alias", "default")))
        assert not ran.error, (words, ran)
    for server in (own_server, other):
        assert server.info("debug").get("eventloop_cmd_per_cycle_max", 0) <= 1_000


class Sizes(Observer):
    """The bytes of replies to each round trip with GETs in it."""

    name = "sizes"
    seen: ClassVar[list[int]] = []

    def round_trip_ended(self, trip: Trip) -> None:
        if "GET" in trip.commands:
            self.seen.append(trip.bytes_received or 0)


def test_compare_reads_few_bytes_at_once(site: Site, manage: Manage, other: Server) -> None:
    """The other cache's values may be longer by far, where this one compresses."""
    Sizes.seen.clear()
    first = site(
        default={"OPTIONS": {"COMPRESSOR": "zlib"}},
        new={"LOCATION": other.url, "OPTIONS": {"OBSERVERS": Sizes}},
    )
    values = {f"page:{one}": "x" * 300_000 for one in range(10)}
    first.set_many(values)
    caches["new"].set_many(values)
    assert manage("compare", "--with", "new", "--json", *FAST).json["same"] == 10
    assert sum(Sizes.seen) > 10 * 300_000
    assert max(Sizes.seen) < 1024 * 1024
