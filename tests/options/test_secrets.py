"""A password is in no error, no repr and no listing, however it was written."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from hypothesis import assume, example, given
from hypothesis import strategies as st
from redis.connection import Connection

from django_redis_core._engine import assembly
from django_redis_core._engine.assembly import Engine
from django_redis_core._options.option import text
from django_redis_core._options.redaction import explained
from django_redis_core._settings import describe_installed, parse
from django_redis_core.checks import check_caches
from django_redis_core.interfaces import Compressor, Option

from .conftest import URL

SECRET = "hunter2/§#?@:%,"
ENCODED = quote(SECRET, safe="")


class Locked(Compressor):
    name = "locked"
    options = (Option("LOCK_SECRET", "secret", text),)

    def __init__(self, *, secret: str = "", key: str = "", **options: Any) -> None:
        super().__init__(**options)
        if secret or key:
            raise KeyError(f"cannot use {secret or key}")

    def recognises(self, data: bytes) -> bool:
        return False

    def compress(self, data: bytes) -> bytes:
        return data

    def decompress(self, data: bytes) -> bytes:
        return data


class Telling(Connection):
    """A connection class that says too much."""

    def __init__(self, **kwargs: Any) -> None:
        raise ValueError(f"cannot connect with {kwargs}")


def everything_said(error: BaseException) -> Iterator[str]:
    """The texts of an error and of all that stands behind it, which reports show too."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        link = todo.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            yield f"{link} {link!r} {link.args!r}"
            todo += [link.__cause__, link.__context__]


def refused(location: Any, options: Any = None, **entry: Any) -> str:
    with pytest.raises(ImproperlyConfigured) as caught:
        Engine(parse("shop", location, {"OPTIONS": options, **entry}))
    assert "CACHES['shop']" in str(caught.value)
    return "\n".join(everything_said(caught.value))


def assert_silent(said: str) -> None:
    assert "hunter2" not in said
    assert ENCODED not in said


@pytest.mark.parametrize(
    ("location", "options"),
    [
        # What redis-py or urllib would quote.
        (f"redis://:{SECRET}@host:6379/0", None),
        (f"redis://user:{SECRET}@host/0", None),
        ("redis://:hunter2", None),
        ("redis://:hunter2@[::1", None),
        ("redis://:hunter2@[zz]:1/0", None),
        ("redis://:hunter2℀@host/0", None),
        ("redis://hunter2:host", None),
        (f"redis://:{ENCODED}@host:port/0", None),
        (f"redis://:{ENCODED}@host/orders", None),
        (f"redis://:{ENCODED}@host/0#x", None),
        (f"redis://:{ENCODED}@host/0?db=x", None),
        (f"redis://:{ENCODED}@host/0?nothing=1", None),
        (f"redis://host/0?password={ENCODED}&nothing=1", None),
        ("redis://:1/hunter2@host/0", None),
        ("redis://:1#hunter2@host/0", None),
        # Parts of a password that stand alone after a comma in it.
        ("redis://:a,hunter2,b@host/0", None),
        ([f"redis://:{ENCODED}@host/0", f":{ENCODED}@host"], None),
        (f"user:{SECRET}@host", None),
        (f"nowhere://:{ENCODED}@host", None),
        ([URL, f"embedded://:{ENCODED}@host"], None),
        # Options.
        (URL, {"PASSWORD": ["hunter2"]}),
        (URL, {"PASSWORD": b"hunter2"}),
        (URL, {"PASSWORT": "hunter2"}),
        (URL, {"CONNECTION_POOL_KWARGS": [("password", "hunter2")]}),
        (URL, {"CONNECTION_POOL_KWARGS": {1: 2, "password": "hunter2"}}),
        (URL, {"CONNECTION_POOL_KWARGS": {"password": "hunter2", "no_such_thing": 1}}),
        (URL, {"SENTINEL_KWARGS": [("password", "hunter2")]}),
        (URL, {"SENTINELS": f"redis://:{ENCODED}@host"}),
        (URL, {"REDIS_CLIENT_KWARGS": "password=hunter2@"}),
        (URL, {"LOGGER": 5, "PASSWORD": "hunter2"}),
        # What others raise.
        (
            URL,
            {"PASSWORD": SECRET, "CONNECTION_POOL_KWARGS": {"connection_class": Telling}},
        ),
        (
            f"redis://:{ENCODED}@host/0",
            {"CONNECTION_POOL_KWARGS": {"connection_class": Telling}},
        ),
        (URL, {"COMPRESSOR": {"NAME": Locked, "OPTIONS": {"key": "hunter2"}}}),
        (URL, {"COMPRESSOR": Locked, "LOCK_SECRET": "hunter2"}),
        (URL, {"COMPRESSOR": Locked, "LOCK_SECRET": ["hunter2"]}),
        (URL, {"COMPRESSOR": {"NAME": {"NAME": "x", "OPTIONS": {"key": "hunter2"}}}}),
        (URL, {"COMPRESSOR": ["identity", [{"key": "hunter2"}]]}),
    ],
    ids=repr,
)
def test_no_error_tells_it(location: Any, options: Any) -> None:
    assert_silent(refused(location, options))


@pytest.mark.parametrize("entry", [{"PASSWORD": "hunter2"}, {"OPTION": {"PASSWORD": "hunter2"}}])
def test_not_from_a_key_in_the_wrong_place(entry: Any) -> None:
    assert_silent(refused(URL, **entry))


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=12))
@example("/")
@example("%")
@example("℀")
def test_no_url_with_a_password_that_was_not_encoded_tells_it(tail: str) -> None:
    password = f"hunter2{tail}hunter2"
    try:
        engine = Engine(parse("shop", f"redis://:{password}@127.0.0.1:6379/0", {}))
    except ImproperlyConfigured as error:
        assert_silent("\n".join(everything_said(error)))
    else:
        assert "hunter2" not in f"{engine.options!r} {engine.topology.primaries()!r}"


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_password_that_was_encoded_arrives_and_does_not_show(password: str) -> None:
    assume("\x00" not in password)
    encoded = quote(password, safe="")
    options = parse("shop", f"redis://:{encoded}@127.0.0.1:6379/0", {})
    config = options.connection.server(options.locations[0])
    assert config.kwargs["password"] == password
    assert config.name == "redis://127.0.0.1:6379/0"


def test_no_repr_and_no_listing_tells_it(caplog: pytest.LogCaptureFixture) -> None:
    entry = {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": [f"redis://user:{ENCODED}@localhost/0", f"redis://:{ENCODED}@localhost/1"],
        "OPTIONS": {
            "PASSWORD": SECRET,
            "CONNECTION_POOL_KWARGS": {"password": SECRET},
            "REDIS_CLIENT_KWARGS": {},
            "SENTINEL_KWARGS": {"password": SECRET},
            "MAX_ENTRIES": 1,
        },
    }
    with caplog.at_level(logging.DEBUG), override_settings(CACHES={"default": entry, "b": entry}):
        engine = assembly.engine_for(entry["LOCATION"], {"OPTIONS": entry["OPTIONS"]})
        config = engine.topology.primaries()[0].config
        found = check_caches()
        assert {message.id for message in found} >= {"django_redis_core.W001"}
        shown = [
            engine.options,
            engine.options.connection,
            engine.options.plugins(),
            config,
            config.name,
            engine.topology.nodes(),
            describe_installed(),
            found,
            [f"{message} {message.hint} {message.obj}" for message in found],
        ]
    for thing in shown:
        assert_silent(f"{thing} {thing!r}")
    assert_silent(caplog.text)


def test_checks_do_not_tell_it_either() -> None:
    entry = {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": f"redis://:{SECRET}@host/0",
    }
    with override_settings(CACHES={"default": entry}):
        [error] = check_caches()
    assert error.id == "django_redis_core.E001"
    assert_silent(f"{error} {error!r}")


def test_errors_that_lead_back_to_themselves_are_explained_all_the_same() -> None:
    first, second = ValueError("one"), ValueError("two")
    first.__cause__, second.__cause__ = second, first
    assert explained(first, [SECRET]) == ("one", first)
    second.args = (f"two {SECRET}",)
    assert explained(first, [SECRET]) == ("one", None)
