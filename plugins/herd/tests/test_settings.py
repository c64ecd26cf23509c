"""How herd is written in settings, and what is said of what is wrong."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_redis_core._codec.codec import MISSING
from django_redis_core.cache import RedisCache
from django_redis_core.interfaces import Client
from django_redis_core.testing.servers import Server
from django_redis_core_herd.client import HerdClient

from .codecs import TextSerializer

Make = Callable[..., RedisCache]

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def kept(cache: RedisCache) -> int:
    """Seconds for which a value is kept past its expiry."""
    cache.set("k", 1, 100)
    left = cache.raw_client().pttl(cache.make_key("k"))
    return round(left / 1000) - 100


def test_the_herd_timeout_comes_from_the_cache_then_from_the_settings(make_cache: Make) -> None:
    assert kept(make_cache({"CLIENT": "herd"})) == 60
    with override_settings(CACHE_HERD_TIMEOUT=20):
        assert kept(make_cache({"CLIENT": "herd"})) == 20
        assert kept(make_cache({"CLIENT": "herd", "HERD_TIMEOUT": 30})) == 30
        written: Any = {"NAME": "herd", "OPTIONS": {"herd_timeout": 40}}
        assert kept(make_cache({"CLIENT": written})) == 40


@pytest.mark.parametrize("path", ["client.HerdClient", "client.herd.HerdClient"])
def test_django_redis_settings_mean_this_client(make_cache: Make, path: str) -> None:
    cache = make_cache({"CLIENT_CLASS": f"django_redis.{path}"})
    assert isinstance(cache._engine.client, HerdClient)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"HERD_TIMEOUT": 0}, "HERD_TIMEOUT must be a number of seconds above 0, not 0"),
        ({"HERD_TIMEOUT": "60"}, "HERD_TIMEOUT must be a number of seconds above 0, not '60'"),
        ({"HERD_TIMEOUT": None}, "HERD_TIMEOUT must be a number of seconds above 0, not None"),
        ({"HERD_LEASE": -1}, "HERD_LEASE must be a number of seconds above 0, not -1"),
        ({"HERD_LEASE": 61}, "HERD_LEASE must be at most HERD_TIMEOUT (60 seconds)"),
        ({"HERD_WAIT": True}, "HERD_WAIT must be a number of seconds above 0, not True"),
        ({"HERD_FORMAT": "pickle"}, "HERD_FORMAT must be 'native' or 'django-redis'"),
        ({"HERD_REFRESH": "thread"}, "HERD_REFRESH must be 'caller' or 'background'"),
        ({"HERD_REFRESH": True}, "HERD_REFRESH must be 'caller' or 'background', not True"),
        ({"HERD_BETA": -1}, "HERD_BETA must be a number from 0 to 1000, not -1"),
        ({"HERD_BETA": float("nan")}, "HERD_BETA must be a number from 0 to 1000, not nan"),
        ({"HERD_BETA": True}, "HERD_BETA must be a number from 0 to 1000, not True"),
        ({"HERD_WORKERS": 0}, "HERD_WORKERS must be an int of at least 1, not 0"),
        (
            {"HERD_FORMAT": "django-redis", "SERIALIZER": TextSerializer},
            "SERIALIZER must be or begin with \"pickle\", not 'text'",
        ),
        ({"HERD_TIMEOUTS": 60}, "Did you mean 'HERD_TIMEOUT'?"),
    ],
)
def test_what_is_wrong_is_said_before_any_io(
    make_cache: Make, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=re.escape(words)) as raised:
        make_cache({"CLIENT": "herd", **options}, LOCATION="redis://127.0.0.1:1/0")
    assert "CACHES[" in str(raised.value)


class Release(Client):
    """Tells entries of one release of a site from those of another."""

    name = "release"

    def wrap(self, key: str, value: Any, milliseconds: int | None) -> Any:
        data, milliseconds = super().wrap(key, value, milliseconds)
        return b"r1:" + data, milliseconds

    def unwrap(self, key: str, data: bytes) -> Any:
        return super().unwrap(key, data[3:]) if data.startswith(b"r1:") else MISSING


class Elsewhere(Client):
    """Changes where entries are, perhaps, and not what they are."""

    name = "elsewhere"


def test_what_changes_entries_is_refused_outside_of_herd(make_cache: Make) -> None:
    """There ``get`` would miss what ``add`` finds, and old values would never be shown."""
    with pytest.raises(ImproperlyConfigured) as caught:
        make_cache({"CLIENT": [Release, Elsewhere, "herd"]}, LOCATION="redis://127.0.0.1:1/0")
    assert str(caught.value) == (
        "CACHES['?']: CLIENT: ['release', 'elsewhere', 'herd'] puts 'release' outside of 'herd', "
        "which must be the other way round: herd knows an entry by its first bytes, here and on "
        "the server, and shows old values without asking the clients outside of it. "
        "Write ['elsewhere', 'herd', 'release']."
    )


def test_inside_of_herd_it_may_change_entries(make_cache: Make) -> None:
    cache = make_cache({"CLIENT": ["herd", Release], "HERD_LEASE": 5})
    assert cache.set("k", "old", 60)
    assert cache.get("k") == "old"
    assert cache.pexpire("k", 10)
    time.sleep(0.02)
    assert cache.get("k") is None, "elected"
    assert cache.get("k") == "old"
    assert cache.add("k", "new")
    assert cache.get("k") == "new"


def test_a_wrong_global_setting_is_named(make_cache: Make) -> None:
    with (
        override_settings(CACHE_HERD_TIMEOUT=-5),
        pytest.raises(ImproperlyConfigured, match=r"settings\.CACHE_HERD_TIMEOUT must be"),
    ):
        make_cache({"CLIENT": "herd"}, LOCATION="redis://127.0.0.1:1/0")


def test_the_readmes_example_works(redis_server: Server, tmp_path: Path) -> None:
    settings, use, cached = re.findall(r"```python\n(.*?)```", README, re.S)
    namespace: dict[str, Any] = {"__name__": "readme"}
    exec(settings, namespace)
    namespace["CACHES"]["default"]["LOCATION"] = redis_server.url
    calls = []
    namespace["build_front_page"] = lambda: calls.append("built") or "<html>"
    namespace["titles_from_the_database"] = lambda author: calls.append(author) or ["A book"]
    with override_settings(CACHES=namespace["CACHES"]):
        exec(use, namespace)
        exec(use, namespace)
        exec(cached, namespace)
        from django.core.cache import cache

        assert isinstance(cache._engine.client, HerdClient)
        cache.clear()
    assert namespace["page"] == "<html>"
    assert calls == ["built", 7]


def test_the_options_table_is_that_of_the_code() -> None:
    documented = re.findall(r"^\| `(HERD_[A-Z]+)` \|", README, re.M)
    assert documented == [option.name for option in HerdClient.options]
