"""The README's example is true."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.test import override_settings

from django_redis_core.interfaces import Client
from django_redis_core.testing.servers import Server
from django_redis_core_shard.client import ShardClient

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_example_is_a_cache_on_three_shards(
    servers: list[Server], shard_of: Callable[..., int]
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.S)
    namespace: dict[str, Any] = {}
    exec(example, namespace)
    caches_setting = namespace["CACHES"]
    urls = caches_setting["default"]["LOCATION"]
    caches_setting["default"]["LOCATION"] = [
        server.url for server, _ in zip(servers, urls, strict=False)
    ]
    with override_settings(CACHES=caches_setting):
        from django.core.cache import cache, caches

        data = {f"key{number}": number for number in range(30)}
        assert cache.set_many(data) == []
        assert cache.get_many(list(data)) == data
        assert {shard_of(caches["default"], key) for key in data} == {0, 1, 2}


def test_the_options_table_is_that_of_the_code() -> None:
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.M))
    assert documented == {option.name for option in ShardClient.options}
    assert not Client.options
