"""Which plugins an entry names: django-redis' names, several, and what works without importing."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_redis_core._plugins.catalogue import DJANGO_REDIS, SENTINEL_CLIENTS
from django_redis_core._plugins.defaults.client import DefaultClient
from django_redis_core._settings import describe_installed, find_alias, our_entries, used_plugins
from django_redis_core._settings.named import named_plugins
from django_redis_core.cache import RedisCache
from django_redis_core.connections.urls import locations_of

from .conftest import URL, parsed, refusal

BACKEND = "django_redis_core.cache.RedisCache"


class OwnBackend(RedisCache):
    pass


class OwnClient(DefaultClient):
    name = "own"


def names(options: Any, location: Any = URL) -> dict[str, list[str]]:
    found = named_plugins("x", options, locations_of("x", location))
    return {key: [named.name for named in of_key] for key, of_key in found.items()}


KEYS = {
    "client": ["CLIENT_CLASS", "CLIENT"],
    "serializer": ["SERIALIZER"],
    "compressor": ["COMPRESSOR"],
    "connection_factory": ["CONNECTION_FACTORY"],
}


@pytest.mark.parametrize(
    ("key", "path", "name"),
    [
        (key, path, name)
        for kind, keys in KEYS.items()
        for key in keys
        for path, name in DJANGO_REDIS[kind].items()
    ],
)
def test_django_redis_paths(key: str, path: str, name: str) -> None:
    assert names({key: path})[key.replace("_CLASS", "")] == [name]


def test_settings_of_django_redis_work_as_they_are() -> None:
    options = parsed(
        {
            "CLIENT_CLASS": "django_redis.client.DefaultClient",
            "SERIALIZER": "django_redis.serializers.pickle.PickleSerializer",
            "COMPRESSOR": "django_redis.compressors.identity.IdentityCompressor",
            "CONNECTION_FACTORY": "django_redis.pool.ConnectionFactory",
            "PARSER_CLASS": "redis.connection.DefaultParser",
            "CONNECTION_POOL_CLASS": "redis.connection.ConnectionPool",
            "CONNECTION_POOL_KWARGS": {"max_connections": 100, "retry_on_timeout": True},
            "REDIS_CLIENT_CLASS": "redis.client.StrictRedis",
            "REDIS_CLIENT_KWARGS": {},
            "PICKLE_VERSION": -1,
            "IGNORE_EXCEPTIONS": True,
            "LOG_IGNORED_EXCEPTIONS": True,
            "CLOSE_CONNECTION": True,
            "REPLICA_READ_ONLY": False,
            "USERNAME": "u",
            "PASSWORD": "p",
            "SOCKET_TIMEOUT": 5,
            "SOCKET_CONNECT_TIMEOUT": 5,
            "SENTINELS": [("one", 26379)],
            "SENTINEL_KWARGS": {"socket_timeout": 1},
        }
    )
    assert [use.plugin.name for use in options.plugins()] == [
        "default",
        "pickle",
        "identity",
        "none",
        "single",
    ]
    assert options.unused == ("SENTINELS", "SENTINEL_KWARGS")
    assert options.ignore_exceptions


@pytest.mark.parametrize("path", sorted(SENTINEL_CLIENTS))
@pytest.mark.parametrize("key", ["CLIENT", "CLIENT_CLASS"])
def test_the_sentinel_client_brings_its_factory(settings: Any, key: str, path: str) -> None:
    found = names({key: path})
    assert (found["CLIENT"], found["CONNECTION_FACTORY"]) == (["default"], ["sentinel"])
    assert names({key: path, "CONNECTION_FACTORY": "single"})["CONNECTION_FACTORY"] == ["single"]


def test_what_asks_for_a_connection_factory_comes_in_an_order(settings: Any) -> None:
    client = "django_redis.client.SentinelClient"

    def factory(location: str, **options: Any) -> str:
        return names(options, location)["CONNECTION_FACTORY"][0]

    assert factory(URL) == "single"
    assert factory(URL, CLIENT_CLASS=client) == "sentinel"
    settings.DJANGO_REDIS_CONNECTION_FACTORY = "elsewhere"
    assert factory(URL, CLIENT_CLASS=client) == "elsewhere"
    assert factory("embedded://", CLIENT_CLASS=client) == "embedded"
    assert factory("embedded://", CONNECTION_FACTORY="mine") == "mine"


def test_several() -> None:
    found = names({"SERIALIZER": ["json", "pickle"], "CLIENT": ("herd", OwnClient)})
    assert found["SERIALIZER"] == ["json", "pickle"]
    assert found["CLIENT"] == ["herd", f"{OwnClient.__module__}.OwnClient"]
    options = parsed({"SERIALIZER": ["pickle", {"NAME": "pickle", "OPTIONS": {"protocol": 2}}]})
    assert [use.build().protocol for use in options.serializers][1] == 2


def test_a_class_and_its_dotted_path() -> None:
    assert parsed({"CLIENT": OwnClient}).clients[0].plugin is OwnClient
    path = "django_redis_core._plugins.defaults.client.DefaultClient"
    assert parsed({"CLIENT": path}).clients[0].plugin is DefaultClient


def test_the_error_names_the_key_that_was_written() -> None:
    for key in ("CLIENT", "CLIENT_CLASS"):
        assert refusal({key: "defualt"}) == (
            f"CACHES['shop']: {key}: there is no client named 'defualt'. Did you mean 'default'? "
            + refusal({key: "defualt"}).partition("? ")[2]
        )


# Which entry


def test_the_alias_is_found() -> None:
    entries = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "one": {"BACKEND": BACKEND, "LOCATION": URL},
        "two": {"BACKEND": BACKEND, "LOCATION": [URL], "OPTIONS": {"SOCKET_TIMEOUT": 2}},
        "three": {"BACKEND": BACKEND, "LOCATION": [URL], "OPTIONS": {"SOCKET_TIMEOUT": 2.0}},
        "four": {"BACKEND": BACKEND, "LOCATION": URL, "KEY_PREFIX": "x"},
    }
    with override_settings(CACHES=entries):
        for alias in ("one", "two", "three", "four"):
            assert caches[alias].alias == alias  # type: ignore[attr-defined]
        assert find_alias(URL, {"KEY_PREFIX": "nobody's"}) == "?"


def test_another_backend_that_is_configured_alike_is_not_meant() -> None:
    entries = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "shop": {"BACKEND": BACKEND},
    }
    with (
        override_settings(CACHES=entries),
        pytest.raises(ImproperlyConfigured, match=r"CACHES\['shop'\]: LOCATION"),
    ):
        caches["shop"]


def test_our_entries() -> None:
    own = f"{OwnBackend.__module__}.OwnBackend"
    sys.modules.setdefault(OwnBackend.__module__, sys.modules[__name__])
    entries = {
        "default": {"BACKEND": BACKEND, "LOCATION": URL, "TIMEOUT": 5},
        "own": {"BACKEND": own},
        "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "gone": {"BACKEND": "no_such_module.Cache"},
    }
    with override_settings(CACHES=entries):
        assert list(our_entries()) == [
            ("default", URL, {"TIMEOUT": 5}),
            ("own", "", {}),
        ]


def test_used_plugins_without_looking_for_them() -> None:
    entries = {
        "default": {
            "BACKEND": BACKEND,
            "LOCATION": URL,
            "OPTIONS": {"CLIENT": ["herd", "nobody-has-this"], "SERIALIZER": "pickle"},
        },
        "old": {
            "BACKEND": BACKEND,
            "LOCATION": "nowhere://",
            "OPTIONS": {
                "CLIENT_CLASS": "django_redis.client.DefaultClient",
                "COMPRESSOR": [{"NAME": "no_module_here.Codec"}, "identity"],
            },
        },
        "broken": {"BACKEND": BACKEND, "LOCATION": URL, "OPTIONS": {"SERIALIZER": []}},
        "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    }
    with override_settings(CACHES=entries):
        assert used_plugins() == {
            ("client", "herd"): ["default"],
            ("client", "nobody-has-this"): ["default"],
            ("serializer", "pickle"): ["default", "old"],
            ("compressor", "identity"): ["default", "old"],
            ("sealer", "none"): ["default", "old"],
            ("connection_factory", "single"): ["default"],
            ("client", "default"): ["old"],
            ("compressor", "no_module_here.Codec"): ["old"],
            ("connection_factory", "nowhere"): ["old"],
        }
        lines = {(line.kind, line.name): line for line in describe_installed()}
        assert lines["serializer", "pickle"].aliases == ("default", "old")
        assert lines["client", "nobody-has-this"].error == "not installed"
        assert lines["compressor", "no_module_here.Codec"].module == "no_module_here"
