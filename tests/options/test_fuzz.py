"""Whatever stands in an entry: a cache, or ImproperlyConfigured, and never another error."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from django_redis_core._engine.assembly import Engine
from django_redis_core._plugins.registry import Registry
from django_redis_core._settings import (
    CACHE_OPTIONS,
    CONNECTION_OPTIONS,
    ENTRY_OPTIONS,
    PLUGIN_KEYS,
    PLUGIN_OPTIONS,
    CacheOptions,
    parse,
)

REGISTRY = Registry(list)

OPTION_NAMES = sorted(
    {*PLUGIN_KEYS, "CLIENT_CLASS"}
    | {option.name for option in (*CACHE_OPTIONS, *CONNECTION_OPTIONS, *PLUGIN_OPTIONS)}
)
ENTRY_NAMES = ["OPTIONS", *(option.name for option in ENTRY_OPTIONS)]

# No "." with a letter before it: that would be imported.
words = st.text("abcxyzXYZ012:/@?#%,-_ \x00é\ud800", max_size=12)
plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | words
    | st.binary(max_size=5)
    | st.sampled_from([object(), int, len, 1j, NotImplemented, range(3)])
)
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["NAME", "OPTIONS", "x"]) | words, inner, max_size=3)
        | st.tuples(inner, inner)
        | st.frozensets(words, max_size=2)
    ),
    max_leaves=6,
)
sensible = st.sampled_from(
    [
        "pickle",
        "identity",
        "default",
        "single",
        "none",
        {"NAME": "pickle", "OPTIONS": {"protocol": 2}},
        ["pickle", "pickle"],
        "django_redis.client.SentinelClient",
        "redis.Redis",
        {"max_connections": 3},
        True,
        1,
        0.5,
        [("host", 1)],
    ]
)
options = st.dictionaries(
    st.sampled_from(OPTION_NAMES) | words | plain.filter(lambda value: type(value) is not list),
    sensible | values,
    max_size=4,
)
entries = st.fixed_dictionaries(
    {"OPTIONS": options | values},
    optional={name: values for name in ENTRY_NAMES if name != "OPTIONS"},
)
schemes = st.sampled_from(["redis", "rediss", "unix", "nowhere", "REDIS", ""])
urls = st.builds("{}://{}{}".format, schemes, st.sampled_from(["", "h", "h:1/0", "u:p@h"]), words)
locations = urls | st.lists(urls | words, max_size=3) | values

many = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def attempt(location: Any, entry: dict[str, Any]) -> None:
    try:
        before = copy.deepcopy(entry)
    except TypeError:  # some of Python's singletons refuse to be copied
        before = entry
    refused = ""
    try:
        found = parse("shop", location, entry, REGISTRY)
        assert isinstance(found, CacheOptions)
        assert "shop" in repr(found)
        Engine(found)
    except ImproperlyConfigured as error:
        refused = str(error)
    assert refused.startswith("CACHES['shop']") or not refused
    assert repr(entry.keys()) == repr(before.keys())


@many
@given(entries)
def test_any_entry(entry: dict[str, Any]) -> None:
    attempt("redis://localhost:6379/0", entry)


@many
@given(st.sampled_from(OPTION_NAMES), sensible | values)
@example("PASSWORD", (None, "\ud800"))
def test_any_value_of_one_option(name: str, value: Any) -> None:
    attempt("redis://localhost:6379/0", {"OPTIONS": {name: value}})


@pytest.mark.parametrize("name", [*OPTION_NAMES, *ENTRY_NAMES])
def test_an_int_that_str_refuses(name: str) -> None:
    huge = 10**5000
    attempt("redis://localhost:6379/0", {"OPTIONS": {name: huge}})
    attempt("redis://localhost:6379/0", {name: huge})


@many
@given(st.sampled_from(ENTRY_NAMES), values)
def test_any_value_beside_options(name: str, value: Any) -> None:
    attempt("redis://localhost:6379/0", {name: value})


@many
@given(locations)
def test_any_location(location: Any) -> None:
    attempt(location, {})


@many
@given(st.dictionaries(words, values, max_size=3))
def test_any_pool_kwargs(kwargs: dict[str, Any]) -> None:
    attempt("redis://localhost:6379/0", {"OPTIONS": {"CONNECTION_POOL_KWARGS": kwargs}})


@many
@given(
    st.dictionaries(
        st.sampled_from(
            ["password", "socket_timeout", "db", "max_connections", "timeout", "port", "host"]
        ),
        values,
        max_size=3,
    )
)
def test_any_value_of_pool_kwargs(kwargs: dict[str, Any]) -> None:
    attempt("redis://localhost:6379/0", {"OPTIONS": {"CONNECTION_POOL_KWARGS": kwargs}})
