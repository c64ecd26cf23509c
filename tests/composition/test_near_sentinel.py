"""Copies of a service's values: of its primary's, for as long as a majority of the sentinels says
that it is the one."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.signals import setting_changed
from django.test import override_settings

from django_redis_core.cache import RedisCache
from django_redis_core.management.commands.redis_cache import Command
from django_redis_core.testing.clients import PATIENCE, wait_until
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.topologies import Sentinels, sentinels

from .conftest import KIND, PASSWORD, SERVICES, Place, two_services
from .readers import heard, kept, listening, reading, wait_for_copies, with_a_copy

LEASE = 0.5
#: The lease is longer than a busy machine keeps a thread waiting.
LONG = {"CLIENT": "near", "NEAR_TTL": 600, "NEAR_LEASE": 30}


@pytest.fixture(scope="module")
def services() -> Iterator[Sentinels]:
    """In place of those of all others: here primaries are ousted."""
    with two_services(down_after=0.5) as group:
        yield group


@pytest.fixture
def ousting() -> Iterator[Sentinels]:
    """A service for one test alone: after a failover it takes long to be as it was."""
    with sentinels(SERVICES[0], kind=KIND, password=PASSWORD, replicas=1) as group:
        yield group
        setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)


def test_no_copy_outlives_the_lease_of_a_primary_that_was_ousted(
    ousting: Sentinels, make_cache: MakeCache
) -> None:
    """It is cut off from the sentinels and stays reachable: it goes on saying that it is a primary
    and that nothing was written."""

    def make(number: int) -> RedisCache:
        options = {"CLIENT": "near", "NEAR_TTL": 600 + number, "NEAR_LEASE": LEASE}
        return make_cache(
            {**ousting.options, **options, "PASSWORD": PASSWORD},
            LOCATION=f"redis://{SERVICES[0]}/0",
            KEY_PREFIX="ousted",
        )

    full = make(0).make_key("k")
    due: list[float] = []
    before = ousting.current_primary()
    with before.client() as client:
        client.set(full, 0)
        assert client.wait(1, 10_000) == 1
    with reading(make, "k") as readers:
        ousting.isolate(before)
        after = ousting.wait_failover(before)
        assert before.cli("ROLE")[0] == "master"
        with after.client() as client:
            for number in range(1, 201):
                client.set(full, number)
                due.append(time.monotonic() + LEASE)
                time.sleep(0.002)
        wait_for_copies(readers, 200)
    for reader in readers:
        assert not reader.late(due), reader.way
        assert reader.copies[0][1] == 0


@pytest.fixture
def before_sentinels(services: Sentinels) -> Any:
    """A proxy before each sentinel."""
    with ExitStack() as stack:
        yield [stack.enter_context(FaultProxy(*each.address)) for each in services.sentinels]


def cut(*proxies: FaultProxy) -> None:
    for proxy in proxies:
        proxy.refuse()
        proxy.reset_all()


def test_without_a_majority_of_the_sentinels_nothing_is_kept(
    services: Sentinels,
    service: Place,
    make_cache: MakeCache,
    before_sentinels: list[FaultProxy],
) -> None:
    """Those that are left would not know of a switch that the others have agreed upon."""
    first, second, _ = before_sentinels
    options = {
        **service.options,
        "SENTINELS": [proxy.address for proxy in before_sentinels],
        "CLIENT": "near",
        "NEAR_TTL": 600,
        "NEAR_LEASE": 3,
    }
    cache = listening(make_cache(options, LOCATION=service.alone))
    cache.set("k", 0, None)
    cut(first)
    now = time.monotonic()
    [tracker] = cache._engine.client.trackers.values()
    wait_until(lambda: tracker._confirmed > now, "a majority is enough", timeout=30)
    with_a_copy(cache)
    cut(second)
    wait_until(lambda: not heard(cache), "the lease ends", timeout=30)
    assert not kept(cache, "k")
    assert cache.get("k") == 0, "the server answers as ever"
    [said] = cache.client.near_info().tracking.values()
    assert "1 of its 3 sentinels say which server is its primary" in str(said)
    for proxy in before_sentinels:
        proxy.heal()
    with_a_copy(listening(cache))


def test_who_names_too_few_sentinels_is_told(
    services: Sentinels, service: Place, make_cache: MakeCache
) -> None:
    options = {**service.options, **LONG, "SENTINELS": services.addresses[:1]}
    cache = make_cache(options, LOCATION=service.alone)
    cache.set("k", "value")

    def told() -> bool:
        assert cache.get("k") == "value"
        return "name all of them in SENTINELS" in str(cache.client.near_info().tracking)

    wait_until(told, "it is said why nothing is kept", timeout=30)
    assert not kept(cache, "k")


def test_a_cache_that_may_only_read_is_refused(service: Place) -> None:
    options = {**service.options, "CLIENT": "near"}
    words = r"CACHES\[.*\]: the client \"near\" cannot keep values here: .* is_master=1 or nothing"
    with pytest.raises(ImproperlyConfigured, match=words):
        RedisCache(f"{service.alone}?is_master=0", {"OPTIONS": options})


def test_shards_that_are_services_have_a_tracker_each(
    service: Place, make_cache: MakeCache
) -> None:
    options = {**service.options, **LONG, "CLIENT": ["near", "herd", "shard"]}
    cache = listening(make_cache(options, LOCATION=service.sharded))
    assert len(cache.client.near_info().tracking) == 2
    keys = [f"key-{number}" for number in range(40)]
    cache.set_many(dict.fromkeys(keys, "value"), None)
    wait_until(
        lambda: cache.get_many(keys) and all(kept(cache, key, read=False) for key in keys),
        "copies of both services",
        timeout=30,
    )
    for node in cache._engine.topology.primaries():
        node.client().flushdb()
    wait_until(lambda: cache.get_many(keys) == {}, "both tell", timeout=30)


def test_operators_see_who_is_heard(service: Place) -> None:
    entry = {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": service.alone,
        "OPTIONS": {**PATIENCE, **service.options, **LONG},
    }
    with override_settings(CACHES={"default": entry}):
        told = io.StringIO()
        call_command(Command(), "near", stdout=told)
        found = io.StringIO()
        call_command(Command(), "doctor", stdout=found)
        stats = io.StringIO()
        call_command(Command(), "stats", stdout=stats)
    assert "tells of writes; connections that listen: " in told.getvalue()
    assert 'tells of writes, so "near" keeps copies of what it reads' in found.getvalue()
    assert "LISTENERS" in stats.getvalue()
