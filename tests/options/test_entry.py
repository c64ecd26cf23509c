"""What stands in a CACHES entry: defaults, precedence, and words for every mistake."""

from __future__ import annotations

import copy
import operator
import pickle
from typing import Any

import pytest
from django.core.cache.backends.base import default_key_func
from django.core.exceptions import ImproperlyConfigured

from django_redis_core._engine.assembly import Engine, engine_for
from django_redis_core._plugins.registry import Registry
from django_redis_core._settings import (
    CACHE_OPTIONS,
    CONNECTION_OPTIONS,
    ENTRY_OPTIONS,
    PLUGIN_KEYS,
    PLUGIN_OPTIONS,
    parse,
)

from .conftest import URL, parsed, refusal


def own_key(key: str, prefix: str, version: Any) -> str:
    return f"{key}!{prefix}!{version}"


def test_an_entry_that_says_nothing_has_the_documented_defaults() -> None:
    options = parsed()
    assert (options.key_prefix, options.version, options.timeout) == ("", 1, 300)
    assert options.key_function is default_key_func
    assert options.ignore_exceptions is False
    assert (options.connection.socket_timeout, options.connection.socket_connect_timeout) == (
        1,
        0.5,
    )
    names = [use.plugin.name for use in options.plugins()]
    assert names == ["default", "pickle", "identity", "none", "single"]


@pytest.mark.parametrize("option", [*CACHE_OPTIONS, *CONNECTION_OPTIONS, *ENTRY_OPTIONS])
def test_every_option_is_documented_and_its_default_is_one_that_it_takes(option: Any) -> None:
    assert option.doc.endswith(".")
    if option.default is not None:
        option.check(option.default)


def test_no_two_options_share_a_name() -> None:
    names = [
        option.name
        for option in (*CACHE_OPTIONS, *CONNECTION_OPTIONS, *PLUGIN_OPTIONS, *ENTRY_OPTIONS)
    ] + list(PLUGIN_KEYS)
    assert len(names) == len(set(names))


def test_what_stands_beside_options() -> None:
    options = parsed(
        KEY_PREFIX="shop",
        VERSION=3,
        TIMEOUT=60,
        KEY_FUNCTION=own_key,
        REVERSE_KEY_FUNCTION=str.upper,
    )
    assert (options.key_prefix, options.version, options.timeout) == ("shop", 3, 60)
    assert options.key_function("k", "p", 1) == "k!p!1"
    assert options.reverse_key_function is str.upper
    assert parsed(KEY_FUNCTION="operator.concat").key_function is operator.concat


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(None, None), (0, 0), (-1, -1), (0.5, 0.5), ("300", 300), (" 60 ", 60), ("-1", -1)],
)
def test_a_timeout(written: Any, seconds: Any) -> None:
    assert parsed(TIMEOUT=written).timeout == seconds


def test_a_lower_case_key_is_read_as_django_reads_it() -> None:
    assert parsed(timeout=7).timeout == 7


def test_options_may_be_none_or_empty() -> None:
    assert parse("default", URL, {"OPTIONS": None}).timeout == 300
    assert parsed({}).timeout == 300


# Global settings


GLOBALS = [
    ("DJANGO_REDIS_IGNORE_EXCEPTIONS", "IGNORE_EXCEPTIONS", "ignore_exceptions", True, False),
    (
        "DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS",
        "LOG_IGNORED_EXCEPTIONS",
        "log_ignored_exceptions",
        True,
        False,
    ),
    ("DJANGO_REDIS_LOGGER", "LOGGER", "logger", "site.cache", "alias.cache"),
    ("DJANGO_REDIS_CLOSE_CONNECTION", "CLOSE_CONNECTION", "close_connection", True, False),
    ("DJANGO_REDIS_SCAN_ITERSIZE", "SCAN_ITERSIZE", "scan_itersize", 10, 20),
]


@pytest.mark.parametrize(("setting", "name", "field", "everywhere", "here"), GLOBALS)
def test_a_global_setting_counts_where_the_cache_says_nothing(
    settings: Any, setting: str, name: str, field: str, everywhere: Any, here: Any
) -> None:
    default = getattr(parsed(), field)
    setattr(settings, setting, everywhere)
    assert getattr(parsed(), field) == everywhere != default
    assert getattr(parsed({name: here}), field) == here


def test_a_wrong_global_setting_is_named(settings: Any) -> None:
    settings.DJANGO_REDIS_IGNORE_EXCEPTIONS = "yes"
    assert refusal() == (
        "CACHES['shop']: settings.DJANGO_REDIS_IGNORE_EXCEPTIONS must be True or False, not 'yes'."
    )


def test_the_global_connection_factory(settings: Any) -> None:
    settings.DJANGO_REDIS_CONNECTION_FACTORY = "django_redis.pool.ConnectionFactory"
    assert parsed().connection_factory.plugin.name == "single"
    settings.DJANGO_REDIS_CONNECTION_FACTORY = "snigle"
    message = refusal()
    assert "settings.DJANGO_REDIS_CONNECTION_FACTORY: there is no connection factory" in message
    assert "Did you mean 'single'?" in message
    assert parsed({"CONNECTION_FACTORY": "single"}).connection_factory.plugin.name == "single"


# Refusals

UNMADE = (
    "CACHES['shop']: the connection to redis://localhost:6379/0 cannot be made from LOCATION and "
    "CONNECTION_POOL_KWARGS"
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"SERIALISER": "json"},
            "CACHES['shop']: OPTIONS has an unknown key 'SERIALISER'. Did you mean 'SERIALIZER'?",
        ),
        (
            {"password": "x"},
            "CACHES['shop']: OPTIONS has an unknown key 'password'. Did you mean 'PASSWORD'?",
        ),
        (
            {"ssl_ca_certs": "x"},
            (
                "CACHES['shop']: OPTIONS has an unknown key 'ssl_ca_certs'. Write it as "
                "'ssl_ca_certs' in CONNECTION_POOL_KWARGS."
            ),
        ),
        ({"QWERTZ": 1}, "CACHES['shop']: OPTIONS has an unknown key 'QWERTZ'."),
        (
            {"SHARD_NAMES": ["a"]},
            (
                "CACHES['shop']: OPTIONS has an unknown key 'SHARD_NAMES'. It looks like an option "
                "of the plugin 'shard', which this cache does not use."
            ),
        ),
        (
            {"CLIENT": "herd", "HERD_WAITT": 5},
            "CACHES['shop']: OPTIONS has an unknown key 'HERD_WAITT'. Did you mean 'HERD_WAIT'?",
        ),
        (
            {"CONNECTION_POOL_KWARGS": {"max_conections": 5}},
            f"{UNMADE}: there is no argument 'max_conections'. Did you mean 'max_connections'?",
        ),
        (
            {"CONNECTION_POOL_KWARGS": {"socket_keepaliv": True}},
            f"{UNMADE}: there is no argument 'socket_keepaliv'. Did you mean 'socket_keepalive'?",
        ),
        (
            {"CONNECTION_POOL_KWARGS": {"ssl_ca_certs": "/ca.pem"}},
            f"{UNMADE}: there is no argument 'ssl_ca_certs'. It is for TLS: write rediss://.",
        ),
        ({5: 1}, "CACHES['shop']: OPTIONS has an unknown key 5."),
        (
            {"TIMEOUT": 5},
            (
                "CACHES['shop']: TIMEOUT stands in OPTIONS, but belongs into the entry itself, "
                "beside OPTIONS."
            ),
        ),
        (
            {"SOCKET_TIMEOUT": 0},
            "CACHES['shop']: SOCKET_TIMEOUT must be a number of seconds above 0, not 0.",
        ),
        (
            {"SOCKET_TIMEOUT": "5"},
            "CACHES['shop']: SOCKET_TIMEOUT must be a number of seconds above 0, not '5'.",
        ),
        (
            {"SOCKET_CONNECT_TIMEOUT": float("nan")},
            "CACHES['shop']: SOCKET_CONNECT_TIMEOUT must be a number of seconds above 0, not nan.",
        ),
        (
            {"IGNORE_EXCEPTIONS": 1},
            "CACHES['shop']: IGNORE_EXCEPTIONS must be True or False, not 1.",
        ),
        (
            {"SCAN_ITERSIZE": 0},
            "CACHES['shop']: SCAN_ITERSIZE must be an int of at least 1, not 0.",
        ),
        ({"CLEAR": "all"}, "CACHES['shop']: CLEAR must be 'prefix' or 'flushdb', not 'all'."),
        (
            {"CONNECTION_POOL_KWARGS": ["max_connections"]},
            (
                "CACHES['shop']: CONNECTION_POOL_KWARGS must be a dict with str keys, not a value "
                "of type list."
            ),
        ),
        (
            {"PICKLE_VERSION": "2"},
            "CACHES['shop']: PICKLE_VERSION must be an int of at least -1, not '2'.",
        ),
        (
            {"SENTINELS": "redis://one:26379"},
            (
                "CACHES['shop']: SENTINELS must be a list of (host, port), for example "
                '[("sentinel-1", 26379)], not a URL.'
            ),
        ),
        (
            {"CLIENT": "default", "CLIENT_CLASS": "default"},
            (
                "CACHES['shop']: OPTIONS has both CLIENT and CLIENT_CLASS, which is django-redis' "
                "name of the same; leave one of them out."
            ),
        ),
        (
            {"SEALER": ["none"]},
            "CACHES['shop']: SEALER takes one plugin, not a list.",
        ),
        (
            {"SERIALIZER": []},
            "CACHES['shop']: SERIALIZER is empty; write a plugin, or leave it out.",
        ),
        (
            {"SERIALIZER": 5},
            (
                "CACHES['shop']: SERIALIZER must be a plugin's name, a dict of NAME and OPTIONS, "
                "or a class, not 5."
            ),
        ),
        (
            {"SERIALIZER": {"NAME": "pickle", "protocol": 2}},
            (
                "CACHES['shop']: SERIALIZER: a plugin in a dict is written {'NAME': …, 'OPTIONS': "
                "{…}}, with nothing else in it; here are 'NAME', 'protocol'."
            ),
        ),
        (
            {"SERIALIZER": {"NAME": "pickle", "OPTIONS": ["protocol"]}},
            (
                "CACHES['shop']: SERIALIZER: OPTIONS of 'pickle' must be a dict with str keys, not "
                "a value of type list."
            ),
        ),
        (
            {"SERIALIZER": {"NAME": "pickle", "OPTIONS": {"protokol": 2}}},
            (
                "CACHES['shop']: SERIALIZER: 'pickle' has no option 'protokol'. Did you mean "
                "'protocol'? It has: allow, protocol."
            ),
        ),
        (
            {"SERIALIZER": {"NAME": "pickle", "OPTIONS": {"protocol": "2"}}},
            (
                "CACHES['shop']: SERIALIZER: protocol of pickle must be an int of at least -1, not "
                "'2'."
            ),
        ),
        (
            {"PICKLE_VERSION": 99},
            (
                "CACHES['shop']: SERIALIZER: pickle: PICKLE_VERSION must be at most "
                f"{pickle.HIGHEST_PROTOCOL}, the highest protocol of this Python, not 99"
            ),
        ),
    ],
    ids=str,
)
def test_a_mistake_in_options(options: Any, message: str) -> None:
    assert refusal(options) == message


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"OPTIONS": ["x"]}, "CACHES['shop']: OPTIONS must be a dict, not a value of type list."),
        (
            {"SERIALIZER": "json"},
            "CACHES['shop']: SERIALIZER belongs into OPTIONS.",
        ),
        ({"PASSWORD": "hush"}, "CACHES['shop']: PASSWORD belongs into OPTIONS."),
        (
            {"TIMEOT": 5},
            "CACHES['shop'] has an unknown key 'TIMEOT'. Did you mean 'TIMEOUT'?",
        ),
        ({"KEY_PREFIX": None}, "CACHES['shop']: KEY_PREFIX must be a str, not None."),
        ({"VERSION": True}, "CACHES['shop']: VERSION must be an int, not True."),
    ],
    ids=str,
)
def test_a_mistake_beside_options(entry: Any, message: str) -> None:
    assert refusal(**entry) == message


@pytest.mark.parametrize("timeout", [True, "soon", [], float("inf"), float("nan"), 1e300, 2**70])
def test_a_timeout_that_redis_cannot_keep(timeout: Any) -> None:
    assert "TIMEOUT must be a number of seconds, or None" in refusal(TIMEOUT=timeout)


@pytest.mark.parametrize("function", [5, "nowhere.at_all", ".x", "os.sep", "x", ""])
def test_a_key_function_that_is_none(function: Any) -> None:
    assert "KEY_FUNCTION must be a class, a function or the dotted path" in refusal(
        KEY_FUNCTION=function
    )


def test_a_note_of_the_sites_own_is_left_alone() -> None:
    assert parsed(OWNER="the shop team").timeout == 300


def test_names_without_effect_are_told_and_not_refused() -> None:
    options = parsed(
        {
            "MAX_ENTRIES": 1000,
            "CULL_FREQUENCY": 3,
            "SENTINELS": [("one", 26379)],
            "PICKLE_VERSION": 4,
        }
    )
    assert options.unused == ("MAX_ENTRIES", "CULL_FREQUENCY", "SENTINELS")


# The user's dict


def test_nothing_of_the_users_settings_is_changed() -> None:
    entry = {
        "KEY_PREFIX": "p",
        "OPTIONS": {
            "CLIENT": [{"NAME": "default", "OPTIONS": {}}],
            "PICKLE_VERSION": -1,
            "SERIALIZER": {"NAME": "pickle", "OPTIONS": {"protocol": 4}},
            "CONNECTION_POOL_KWARGS": {"max_connections": 5, "timeout": 2},
            "REDIS_CLIENT_KWARGS": {"single_connection_client": False},
            "SENTINELS": [("one", 26379)],
            "SENTINEL_KWARGS": {"password": "x"},
        },
    }
    before = copy.deepcopy(entry)
    engine = engine_for([URL], entry)
    assert entry == before
    assert engine.options.connection.pool_kwargs is not entry["OPTIONS"]["CONNECTION_POOL_KWARGS"]


def test_one_entry_is_built_once_and_another_one_apart() -> None:
    entry = {"OPTIONS": {"SOCKET_TIMEOUT": 2}}
    assert engine_for(URL, entry) is engine_for(URL, copy.deepcopy(entry))
    assert engine_for(URL, {"OPTIONS": {"SOCKET_TIMEOUT": 2.5}}) is not engine_for(URL, entry)


def test_a_registry_of_ones_own() -> None:
    assert parse("default", URL, {}, Registry(list)).clients[0].plugin.name == "default"
    with pytest.raises(ImproperlyConfigured, match="Installed: pickle"):
        parse("x", URL, {"OPTIONS": {"SERIALIZER": "zzz"}}, Registry(list))


def test_options_reach_what_they_are_for() -> None:
    engine = Engine(parsed({"PICKLE_VERSION": 2, "SCAN_ITERSIZE": 7}))
    assert engine.codec.serializers[0].protocol == 2  # type: ignore[attr-defined]
    assert engine.client.scan_itersize == 7
