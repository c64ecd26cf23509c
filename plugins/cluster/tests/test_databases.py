"""Databases other than 0, which Valkey's clusters have since version 9 (``cluster-databases``)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_redis_core.testing.cluster import Cluster, cluster

from .conftest import CacheOn


@pytest.fixture(scope="module")
def of_four() -> Iterator[Cluster]:
    with cluster(replicas=0, config={"cluster-databases": "4"}) as nodes:
        yield nodes


def test_each_is_a_cache_of_its_own(of_four: Cluster, cache_on: CacheOn) -> None:
    first, third = cache_on(of_four.urls[0]), cache_on(f"{of_four.urls[1]}/3")
    values = {f"k{number}": number for number in range(20)}
    third.set_many(values)
    assert third.get_many(values) == values
    assert first.get_many(values) == {}
    assert sorted(third.keys("*")) == sorted(values)
    assert asyncio.run(third.aget_many(values)) == values
    first.set("k1", "in the first")
    assert third.clear()
    assert third.keys("*") == []
    assert first.get("k1") == "in the first"


def test_one_that_is_not_there_is_refused_in_words(of_four: Cluster, cache_on: CacheOn) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"names database 4, which this cluster does no"):
        cache_on(f"{of_four.urls[0]}/4", IGNORE_EXCEPTIONS=True).get("k")


def test_where_there_is_but_one_that_is_said(nodes: Cluster, cache_on: CacheOn) -> None:
    cache = cache_on(f"{nodes.urls[0]}/1")
    with pytest.raises(ImproperlyConfigured, match=r"cluster-databases says. Leave it out, and g"):
        cache.get("k")
    with pytest.raises(ImproperlyConfigured, match=r"CACHES\['.*'\]: LOCATION names database 1"):
        asyncio.run(cache.aget("k"))
