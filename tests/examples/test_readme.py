"""What the README says of plugins and errors is so. That its snippets work and its links lead
somewhere is tested in tests/docs, with all other documents."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from django_redis_core.cache import RedisCache

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(words: str) -> str:
    """The fenced Python block with these words."""
    found = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
    return next(code for code in found if words in code)


def test_every_plugin_of_ours_is_in_the_table():
    rows = [line for line in README.splitlines() if line.startswith("| [`") or "default |" in line]
    names = {path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml")}
    linked = set(re.findall(r"plugins/(\w+)/README\.md", "\n".join(rows)))
    assert linked == names


def test_the_plugin_changes_an_operation_in_every_way_of_calling_it(
    make_cache: Callable[..., RedisCache],
):
    namespace: dict[str, Any] = {}
    exec(block("class Jitter"), namespace)
    assert namespace["register_client"]() is namespace["Jitter"]
    cache = make_cache({"CLIENT": namespace["Jitter"]}, TIMEOUT=1000)
    cache.set("set", 1)
    cache.add("add", 1, 1000)
    asyncio.run(cache.aset("aset", 1))
    with cache.pipeline() as queue:
        queue.set("pipeline", 1)
    left = {key: cache.pttl(key) for key in ("set", "add", "aset", "pipeline")}
    assert all(899_000 < milliseconds <= 1_000_000 for milliseconds in left.values()), left
    assert len(set(left.values())) == len(left), "each has an expiry of its own"


@pytest.mark.parametrize(
    "name", ["ServerTimeout", "CircuitOpen", "PoolExhausted", "ServerRefused", "WrongTypeError"]
)
def test_an_error_that_is_named_exists(name):
    from django_redis_core import exceptions

    assert f"`{name}`" in README
    assert issubclass(getattr(exceptions, name), exceptions.RedisCacheError)
