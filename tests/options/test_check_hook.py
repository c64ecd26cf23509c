"""``check_cache``: what plugins add to the system checks, and what they cannot break."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import checks as of_django
from django.core.checks import CheckMessage
from django.test import override_settings

from django_redis_core import checks

BACKEND = "django_redis_core.cache.RedisCache"
Acting = Callable[..., object]


def found(**caches: Any) -> list[CheckMessage]:
    entries = {
        alias: {"BACKEND": BACKEND, "LOCATION": "redis://127.0.0.1:1", "KEY_PREFIX": alias, **more}
        for alias, more in caches.items()
    }
    with override_settings(CACHES=entries):
        messages: list[CheckMessage] = checks.check_caches()
        return messages


def test_a_plugin_is_asked_of_each_cache_and_its_messages_name_it(acting: Acting) -> None:
    def check(options: Any) -> list[CheckMessage]:
        if options.timeout is not None:
            return []
        text = "Entries stay for ever"
        return [
            of_django.Warning(text, hint="Set TIMEOUT.", id="acme.W001"),
            of_django.Error(f"CACHES[{options.alias!r}]: {text}", id="acme.E001"),
        ]

    acting(check_cache=check)
    warning, error = found(default={"TIMEOUT": None}, other={})
    assert warning.msg == error.msg == "CACHES['default']: Entries stay for ever"
    assert (warning.id, warning.hint) == ("acme.W001", "Set TIMEOUT.")
    assert error.is_serious()


def test_it_may_look_at_the_parts_of_the_cache(acting: Acting) -> None:
    def check(cache: Any) -> Any:
        names = ", ".join(part.name for part in cache.parts)
        yield of_django.Info(names, id="acme.I001")

    acting(check_cache=check)
    [message] = found(default={})
    assert message.msg == "CACHES['default']: default, pickle, none, single"


def fails(cache: Any) -> Any:
    raise RuntimeError(f"cannot use {cache.options.locations[0]}")


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        (fails, "raised RuntimeError: in "),
        (lambda: ["text"], "returned a str among others; it must return messages of django.core"),
        (lambda: [of_django.Warning("x")], "returned a message with the id None;"),
        (
            lambda: [of_django.Warning("x", id="django_redis_core.W001")],
            "returned a message with the id 'django_redis_core.W001'; it must have one of",
        ),
    ],
)
def test_who_fails_is_named_and_the_others_are_heard(acting: Acting, hook: Any, words: str) -> None:
    acting("acme 1.0", check_cache=hook)
    acting("bravo", check_cache=lambda: [of_django.Warning("heard", id="bravo.W001")])
    location = {"LOCATION": "redis://:s3cret@127.0.0.1:1"}
    heard, fault = found(default=location)
    assert heard.id == "bravo.W001"
    assert fault.id == "django_redis_core.W008"
    assert fault.msg.startswith(f"CACHES['default']: acme 1.0: its hook check_cache {words}")
    assert not fault.is_serious()
    assert "s3cret" not in str(fault)


def test_a_refused_cache_is_not_checked(acting: Acting) -> None:
    acting(check_cache=lambda: [of_django.Warning("asked", id="acme.W001")])
    [message] = found(default={"OPTIONS": {"SERIALISER": "json"}})
    assert message.id == "django_redis_core.E001"


@pytest.mark.parametrize(
    ("listed", "number", "words"),
    [
        (["nobody-has-this"], "E002", "there is no plugin named 'nobody-has-this'"),
        (["no_module.hooks"], "E004", "'no_module.hooks' could not be imported"),
        (["os.path"], "E004", "os.path offers no plugin"),
        ([7], "E004", "7 is no plugin"),
        ("near", "E001", "must be a list of plugins' names and of dotted paths of modules"),
    ],
)
def test_a_list_that_is_wrong_is_one_error_for_all_caches(
    listed: Any, number: str, words: str
) -> None:
    with override_settings(DJANGO_REDIS_PLUGINS=listed):
        [message] = found(default={}, other={})
    assert message.id == f"django_redis_core.{number}"
    assert message.msg.startswith("settings.DJANGO_REDIS_PLUGINS")
    assert words in message.msg
