"""The README's example is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django.test import override_settings

from django_redis_core.interfaces import ConnectionFactory
from django_redis_core.testing.cluster import Cluster
from django_redis_core_cluster.factory import ClusterFactory

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_example_is_a_cache_on_a_cluster(nodes: Cluster) -> None:
    example = re.findall(r"```python\n(.*?)```", README, re.S)[0]
    namespace: dict[str, Any] = {}
    exec(example, namespace)
    entry = namespace["CACHES"]["default"]
    assert len(entry["LOCATION"]) == 2
    entry["LOCATION"] = nodes.urls[:2]
    with override_settings(CACHES=namespace["CACHES"]):
        from django.core.cache import cache

        data = {f"key{number}": number for number in range(60)}
        assert cache.set_many(data) == []
        assert cache.get_many(list(data)) == data


def test_the_options_table_is_that_of_the_code() -> None:
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.M))
    assert documented == {option.name for option in ClusterFactory.options}
    assert not ConnectionFactory.options
