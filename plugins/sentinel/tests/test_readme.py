"""The README says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django_redis_core.cache import RedisCache
from django_redis_core_sentinel.factory import PATIENCE, SentinelFactory

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_example_is_a_cache_on_a_service() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.S)
    namespace: dict[str, Any] = {}
    exec(example, namespace)
    entry = namespace["CACHES"]["default"]
    cache = RedisCache(entry["LOCATION"], {"OPTIONS": entry["OPTIONS"]})
    topology: Any = cache._engine.topology
    assert topology.service == "orders"
    assert len(topology._service.sentinels) == 3
    assert topology._service.sentinels[0].config.kwargs["password"] == "of the sentinels"
    assert topology._service.config(("h", 1)).kwargs["password"] == "of the servers"


def test_the_options_table_is_that_of_the_code() -> None:
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.M))
    assert documented == {option.name for option in SentinelFactory.options}
    assert f"both {PATIENCE} unless" in README
