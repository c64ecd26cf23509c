"""Every row of docs/combining.md is true: on real servers, of every topology, in every way to call.

The tables are read from the page, so it cannot say what is not so. What no table here knows (a new
topology, another reason for a "no") fails until it is added.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import SerializationError
from django_redis_core.testing.caller import WAYS, Caller
from django_redis_core.testing.cluster import Cluster
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.processes import free_port
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import Replicated, Sentinels

from .conftest import SERVICES, Place

PAGE = (Path(__file__).parents[2] / "docs" / "combining.md").read_text(encoding="utf-8")

BIG = {"name": "Ada", "tags": ["new", "sale"] * 30, "price": 1.5, "nothing": None}
SMALL = "ä"

#: The page's name of a topology, and the fixture that is it.
TOPOLOGIES = {
    "one server": "one_server",
    "a primary and its replicas": "primary_and_replicas",
    "a service": "service",
    "a cluster": "on_cluster",
    "several servers": "several_servers",
}

#: The page's reason for a "no", and words of the error.
REFUSALS = {
    "a client twice is refused": "names 'herd' twice",
    "near stands outside of all others": "it has to see what the others write",
    "mirror stands outside of all others": "it decides which cache is asked",
    "without `MIRROR_OF`, the alias of the old cache": "needs to know the old cache",
    "that format is a pickle": "stores pickles, so SERIALIZER must be or begin with",
    "tags stands outside of herd, which cannot hand on `tags=`": "cannot hand on tags=",
}


def rows(first: str) -> list[list[str]]:
    """The cells of the table whose first head cell is ``first``."""
    found: list[list[str]] = []
    inside = False
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        inside = line.startswith("|") and (inside or cells[0] == first)
        if inside and not set(line) <= set("|- "):
            found.append(cells)
    assert len(found) > 1, f"the page has no table {first!r}"
    return found[1:]


def spans(cell: str) -> list[str]:
    """The code spans of a cell."""
    return re.findall(r"`([^`]+)`", cell)


def of_kind(kind: str) -> list[str]:
    (names,) = (core + ours for head, core, ours in rows("kind")[:5] if head.startswith(kind))
    return spans(names)


CLIENTS: list[tuple[Any, str]] = [(eval(spans(row[0])[0]), row[1]) for row in rows("`CLIENT`")]
GOOD = [client for client, says in CLIENTS if says.startswith("yes")]


def with_shard(client: Any) -> bool:
    return "shard" in ([client] if isinstance(client, str) else client)


def places(clients: list[Any]) -> list[Any]:
    """Each topology with each of ``clients`` that the page lets it have."""
    return [
        pytest.param(TOPOLOGIES[name], client, id=f"{name}-{client}")
        for (name, _, without, sharded), client in product(rows("topology"), clients)
        if (sharded if with_shard(client) else without).startswith("yes")
    ]


PLACES = places(GOOD)
ALONE = [TOPOLOGIES[row[0]] for row in rows("topology") if row[2].startswith("yes")]


def once_on_each(alone: Any, sharded: Any) -> list[Any]:
    """Each topology with one client: ``sharded`` where only that can be there."""
    return places([alone]) + [one for one in places([sharded]) if one.values[0] not in ALONE]


def codecs() -> Iterator[tuple[str, dict[str, str]]]:
    """Ways to call and codecs, so that any two of them meet: way and compressor, compressor and
    sealer and so on."""
    serializers, compressors, sealers = map(of_kind, ("serializer", "compressor", "sealer"))
    for (c, compressor), (w, way) in product(enumerate(compressors), enumerate(WAYS)):
        serializer = serializers[(w + c) % len(serializers)]
        sealer = sealers[(w + 2 * c) % len(sealers)]
        yield way, {"SERIALIZER": serializer, "COMPRESSOR": compressor, "SEALER": sealer}


def test_any_two_parts_of_a_codec_meet() -> None:
    every = [(way, *options.values()) for way, options in codecs()]
    parts = [WAYS, *map(of_kind, ("serializer", "compressor", "sealer"))]
    for one, other in product(range(4), repeat=2):
        if one < other:
            met = {(each[one], each[other]) for each in every}
            assert met == set(product(parts[one], parts[other]))


class Maker:
    """Makes caches on one topology."""

    def __init__(
        self, place: Place, make_cache: MakeCache, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.place = place
        self._make = make_cache
        self._loop = loop

    def cache(self, **options: Any) -> RedisCache:
        place = self.place
        location = place.sharded if with_shard(options.get("CLIENT", ())) else place.alone
        if "near" in options.get("CLIENT", ()):
            # These are dozens of caches, which are not to ask their servers all the time.
            options["NEAR_LEASE"] = 60
        return self._make({**place.options, **options}, LOCATION=location)

    def check(self, way: str = "blocking", **options: Any) -> None:
        """Says of a failure which cache it was."""
        try:
            round_trip(Caller(self.cache(**options), way, self._loop), self.place)
        except BaseException as error:
            error.add_note(f"{way}: {options}")
            raise


def round_trip(cache: Caller, place: Place) -> None:
    assert cache.set("big", BIG, 60) is True
    assert cache.set_many({"small": SMALL, "list": [BIG], "number": 5}, 60) == []
    assert cache.incr("number") == 6
    assert cache.get_or_set("made", lambda: [BIG], 60) == [BIG]
    place.settle()
    assert cache.get("big") == BIG
    assert cache.get("missing", "default") == "default"
    everything = {"big": BIG, "small": SMALL, "list": [BIG], "number": 6, "made": [BIG]}
    assert cache.get_many([*everything, "missing"]) == everything
    assert cache.get_or_set("big", lambda: SMALL) == BIG
    assert cache.touch("big", 100) is True
    assert cache.touch("missing", 100) is False
    place.settle()  # a replica may not have heard of it yet
    assert 60 < cache.ttl("big") <= 100
    assert sorted(cache.iter_keys("*")) == sorted(everything)
    assert cache.delete_many([*everything, "missing"]) == len(everything)
    place.settle()
    assert cache.get_many(list(everything)) == {}


@pytest.fixture
def maker(
    request: pytest.FixtureRequest, make_cache: MakeCache, cache_loop: asyncio.AbstractEventLoop
) -> Iterator[Maker]:
    yield Maker(request.getfixturevalue(request.param), make_cache, cache_loop)
    # With its caches go the threads of ``near``, which were nine hundred in the end.
    setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)


def refused(maker: Maker, says: str, **options: Any) -> None:
    """As the page says: "no: <reason>"."""
    words = REFUSALS[says.removeprefix("no: ")]
    with pytest.raises(ImproperlyConfigured, match=re.escape(words)):
        maker.cache(**options)


@pytest.mark.parametrize(("maker", "client"), PLACES, indirect=["maker"])
def test_every_client_and_codec_on_every_topology(maker: Maker, client: Any) -> None:
    for way, options in codecs():
        maker.check(way, CLIENT=client, **options)


@pytest.mark.parametrize("maker", ALONE, indirect=True)
def test_clients_that_cannot_work_together(maker: Maker) -> None:
    bad = [(client, says) for client, says in CLIENTS if client not in GOOD]
    assert bad
    for client, says in bad:
        refused(maker, says, CLIENT=client)


@pytest.mark.parametrize(("together", "says"), rows("with"))
@pytest.mark.parametrize(
    ("maker", "client"), once_on_each("herd", ["herd", "shard"]), indirect=["maker"]
)
def test_herds_formats_and_serializers(maker: Maker, client: Any, together: str, says: str) -> None:
    _, *others = spans(together)
    serializers: list[Any] = list(of_kind("serializer"))
    options: dict[str, Any] = {"CLIENT": client}
    if others:
        name, form = others[0].split(": ")
        options[name] = eval(form)
        serializers = [re.findall(r"\w+", others[1])]
    for serializer, sealer in product(serializers, of_kind("sealer")):
        every = {**options, "SERIALIZER": serializer, "SEALER": sealer}
        if says.startswith("yes"):
            for way in WAYS:
                maker.check(way, **every)
        else:
            refused(maker, says, **every)


@pytest.mark.parametrize(("sealer", "refuses"), rows("sealer"))
@pytest.mark.parametrize(("maker", "client"), once_on_each("default", "shard"), indirect=["maker"])
async def test_what_a_sealer_refuses(maker: Maker, client: str, sealer: str, refuses: str) -> None:
    cache = maker.cache(CLIENT=client, SEALER=spans(sealer)[0])
    combining = [("sdiffstore", "to", "a"), ("sinterstore", "to", "a"), ("sunionstore", "to", "a")]
    finding = [("sadd", "a", 1), ("srem", "a", 1), ("sismember", "a", 1), ("zadd", "b", {"m": 1})]
    finding.append(("lrem", "c", 0, 1))
    wrong = [*combining, *finding] if "these, and" in refuses else combining
    assert set(spans(refuses)) <= {name for name, *_ in wrong}
    for name, *arguments in (*combining, *finding):
        if (name, *arguments) in wrong:
            with pytest.raises(SerializationError):
                getattr(cache, name)(*arguments)
            with pytest.raises(SerializationError):
                await getattr(cache, f"a{name}")(*arguments)
        else:
            getattr(cache, name)(*arguments)
    cache.rpush("list", 1)
    with pytest.raises(SerializationError):
        cache.incr_version("list")
    assert cache.llen("list") == 1


# Connection factories and LOCATION

FACTORIES = {spans(row[0])[0]: row[1:] for row in rows("factory")}


def test_every_factory_is_in_its_table() -> None:
    assert list(FACTORIES) == of_kind("connection factory")


def test_several_locations_of_single(
    group: Replicated, primary_and_replicas: Place, make_cache: MakeCache
) -> None:
    assert FACTORIES["single"][0] == "a primary and its replicas"
    cache = make_cache(LOCATION=group.urls)
    for server in group.servers:
        server.cli("CONFIG", "RESETSTAT")
    cache.set("k", "value")
    primary_and_replicas.settle()
    assert [cache.get("k") for _ in range(40)] == ["value"] * 40
    asked = ["cmdstat_get" in server.info("commandstats") for server in group.servers]
    assert asked == [False, True, True]


def test_several_locations_of_sentinel(
    services: Sentinels, service: Place, make_cache: MakeCache
) -> None:
    assert FACTORIES["sentinel"][0] == "one service, for writes and reads"
    roles = [f"redis://{SERVICES[0]}/0?is_master={role}" for role in (1, 0)]
    cache = make_cache(service.options, LOCATION=roles)
    cache.set("k", "value")
    services.data.wait_in_sync()
    assert [cache.get("k") for _ in range(10)] == ["value"] * 10
    with pytest.raises(ImproperlyConfigured, match="names the services 'Orders' and 'Solo'"):
        make_cache(service.options, LOCATION=service.sharded)


def test_several_locations_of_cluster(
    three_nodes: Cluster, on_cluster: Place, make_cache: MakeCache
) -> None:
    assert FACTORIES["cluster"][0] == "nodes to ask for the others"
    nobody = f"redis://127.0.0.1:{free_port()}"
    cache = make_cache(on_cluster.options, LOCATION=[nobody, three_nodes.urls[1]])
    data = {f"k{number}": number for number in range(50)}
    assert cache.set_many(data) == []
    assert cache.get_many(data) == data
    assert all(int(node.cli("DBSIZE")) for node in three_nodes.nodes)


def test_several_locations_of_embedded(make_cache: MakeCache, tmp_path: Path) -> None:
    assert FACTORIES["embedded"][0] == "refused: it has no replicas"
    urls = [f"embedded://{tmp_path}/{name}" for name in "ab"]
    with pytest.raises(ImproperlyConfigured, match="stands alone; it has no replicas"):
        make_cache(LOCATION=urls)


def test_the_urls_of_one_location_are_of_one_factory(
    redis_server: Server, make_cache: MakeCache
) -> None:
    with pytest.raises(ImproperlyConfigured, match="of one connection factory, not of"):
        make_cache(LOCATION=[redis_server.url, "embedded://"])


def spread(cache: RedisCache) -> list[int]:
    """How many of forty keys each shard has, by the cache's own account."""
    data = {f"k{number}": number for number in range(40)}
    assert cache.set_many(data) == []
    assert cache.get_many(data) == data
    shards = [cache._engine.topology.place(cache.make_key(key)) for key in data]
    return sorted(Counter(shard[0] for shard in shards).values())  # type: ignore[index]


@pytest.mark.parametrize("factory", FACTORIES)
def test_each_location_is_a_shard(
    factory: str, make_cache: MakeCache, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"CLIENT": "shard"}
    if factory == "embedded":
        urls = [f"embedded://{tmp_path}/{name}" for name in "ab"] + [
            f"embedded://{tmp_path}/a?db=1"
        ]
    else:
        names = {"single": "several_servers", "sentinel": "service", "cluster": "on_cluster"}
        place = request.getfixturevalue(names[factory])
        urls, options = place.sharded, {**options, **place.options}
    counts = spread(make_cache(options, LOCATION=urls))
    assert len(counts) == len(urls)
    assert sum(counts) == 40
