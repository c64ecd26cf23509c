"""What the README shows works as it stands there, and its links lead somewhere."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.test.utils import override_settings

from django_redis_core.cache import RedisCache

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(words: str) -> str:
    """The fenced Python block with these words."""
    found = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
    return next(code for code in found if words in code)


def test_every_link_leads_to_a_file_of_the_checkout():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_the_settings_are_understood():
    namespace: dict[str, Any] = {}
    exec(block("CACHES = {"), namespace)
    with override_settings(CACHES=namespace["CACHES"]):
        for alias in namespace["CACHES"]:
            assert caches[alias].alias == alias


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
