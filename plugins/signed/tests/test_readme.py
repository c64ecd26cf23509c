"""The README's examples are true."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.servers import Server
from django_redis_core_signed.sealer import MAGIC, SignedSealer

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.S)


def test_the_example_is_a_cache_with_signed_values(redis_server: Server) -> None:
    namespace: dict[str, Any] = {}
    exec(EXAMPLES[0], namespace)
    entry = namespace["CACHES"]["default"]
    entry |= {"LOCATION": redis_server.url, "KEY_PREFIX": "signed-readme"}
    with override_settings(CACHES=namespace["CACHES"]):
        cache = caches["default"]
        cache.set("k", ["value"])
        assert cache.get("k") == ["value"]
        with redis_server.client() as client:
            assert client.get(cache.make_key("k")).startswith(MAGIC)
        cache.clear()


def test_the_other_example_is_understood(make_cache: MakeCache) -> None:
    namespace: dict[str, Any] = {}
    exec(EXAMPLES[1], namespace)
    cache = make_cache(namespace["CACHES"]["default"]["OPTIONS"])
    cache.set("k", "value")
    assert cache.get("k") == "value"


def test_the_options_table_is_that_of_the_code() -> None:
    section = README.partition("\n## Options\n")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \|", section, re.M)
    assert documented == list(inspect.signature(SignedSealer).parameters)


@pytest.mark.parametrize(
    "options", [{"key": "the-short-one"}, {"salt": 5}, {"accept_unsigned_until": "tomorrow"}]
)
def test_a_wrong_option_is_refused_before_any_io(
    make_cache: MakeCache, options: dict[str, Any]
) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"SEALER: signed: \w+ must be") as caught:
        make_cache({"SEALER": {"NAME": "signed", "OPTIONS": options}})
    assert "the-short-one" not in f"{caught.value} {caught.value.__cause__}"
