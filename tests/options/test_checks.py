"""System checks: every mistake of every cache at once, what is probably not meant, and no I/O."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.cache import caches
from django.core.checks import CheckMessage, Tags, run_checks
from django.core.checks.registry import registry
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import SystemCheckError
from django.test import override_settings

from django_redis_core import checks
from django_redis_core.cache import RedisCache

CORE = Path(__file__).parents[2]
BACKEND = "django_redis_core.cache.RedisCache"


#: Four, one and two mistakes.
SEVEN_MISTAKES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": BACKEND,
        "LOCATION": "redis://:hush@localhost/0",
        "TIMEOUT": "soon",
        "OPTIONS": {"SERIALISER": "json", "DB": 1, "SOCKET_TIMEOUT": 0},
    },
    "b": {
        "BACKEND": BACKEND,
        "LOCATION": "redis://:hush@localhost/1",
        "OPTIONS": {"CLIENT": "hred", "OF_HRED": 1},
    },
    "c": {
        "BACKEND": BACKEND,
        "LOCATION": "redis://:hush@localhost/shop",
        "OPTIONS": {"CLEAR": "all"},
    },
    "fine": {"BACKEND": BACKEND, "LOCATION": "redis://:hush@localhost/2"},
}


def entry(location: Any = "redis://localhost/0", **more: Any) -> dict[str, Any]:
    return {"BACKEND": BACKEND, "LOCATION": location, **more}


def found(**caches: Any) -> list[CheckMessage]:
    with override_settings(CACHES=caches):
        messages: list[CheckMessage] = checks.check_caches()
        return messages


def deployed(**caches: Any) -> list[CheckMessage]:
    with override_settings(CACHES=caches):
        messages: list[CheckMessage] = checks.check_plain_connections()
        return messages


def numbers(messages: list[CheckMessage]) -> list[str]:
    return [str(message.id).removeprefix("django_redis_core.") for message in messages]


def test_settings_that_are_right_say_nothing() -> None:
    assert found(default=entry(), b=entry("redis://localhost/1")) == []
    assert found(default={"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}) == []


def test_every_alias_that_is_refused_has_its_error_and_a_hint() -> None:
    messages = found(
        default=entry(OPTIONS={"SERIALISER": "json"}),
        b=entry(OPTIONS={"SERIALIZER": "nobody-has-this"}),
        c=entry(OPTIONS={"SERIALIZER": "no_module_here.Serializer"}),
        d=entry("redis://localhost:x/0"),
        e=entry(OPTIONS={"PICKLE_VERSION": 99}),
        good=entry(),
    )
    assert numbers(messages) == ["E001", "E002", "E004", "E001", "E001"]
    assert all(message.is_serious() and message.hint for message in messages)
    for alias, message in zip("default b c d e".split(), messages, strict=True):
        assert message.msg.startswith(f"CACHES[{alias!r}]")
    assert "Did you mean 'SERIALIZER'?" in messages[0].msg


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (entry(), entry()),
        (entry(), entry("redis://127.0.0.1:6379")),
        (entry("unix:///s?db=1"), entry("unix:///s?db=1", TIMEOUT=5)),
        (entry("redis://h/1", KEY_PREFIX="x"), entry("redis://u:p@h:6379/1", KEY_PREFIX="x")),
        (entry(["redis://h/1", "redis://r1/1"]), entry(["redis://h/1", "redis://r2/1"])),
    ],
)
def test_two_aliases_on_one_database_with_one_prefix(first: Any, second: Any) -> None:
    [message] = found(default=first, other=second)
    assert numbers([message]) == ["W001"]
    assert "CACHES['default'] and CACHES['other'] share a database" in message.msg


def test_two_aliases_of_which_one_has_the_others_prefix_and_a_colon() -> None:
    longer, shorter = entry(KEY_PREFIX="shop:eu"), entry(KEY_PREFIX="shop")
    [message] = found(default=longer, other=shorter)
    assert numbers([message]) == ["W001"]
    assert "clear() of 'other' removes the keys of 'default'" in message.msg


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (entry(KEY_PREFIX="a"), entry(KEY_PREFIX="b")),
        (entry(KEY_PREFIX="shop"), entry(KEY_PREFIX="shop-eu")),
        (entry("redis://h/1", KEY_PREFIX="shop"), entry("redis://h/2", KEY_PREFIX="shop:eu")),
        (entry("redis://h/1"), entry("redis://h/2")),
        (entry("redis://h:1/1"), entry("redis://h:2/1")),
        (entry("unix:///a"), entry("unix:///b")),
        (entry(["redis://h1/1", "redis://r/1"]), entry(["redis://h2/1", "redis://r/1"])),
    ],
)
def test_two_aliases_apart(first: Any, second: Any) -> None:
    assert found(default=first, other=second) == []


@pytest.mark.parametrize(
    "unverified",
    [
        entry("rediss://h/0?ssl_cert_reqs=none"),
        entry("rediss://h", OPTIONS={"CONNECTION_POOL_KWARGS": {"ssl_cert_reqs": "none"}}),
        entry("rediss://h", OPTIONS={"CONNECTION_POOL_KWARGS": {"ssl_cert_reqs": None}}),
        entry("rediss://h", OPTIONS={"CONNECTION_POOL_KWARGS": {"ssl_cert_reqs": ssl.CERT_NONE}}),
        entry(["rediss://h", "rediss://r?ssl_cert_reqs=none"]),
        entry("rediss://h", OPTIONS={"CONNECTION_POOL_KWARGS": {"ssl_check_hostname": False}}),
        entry("rediss://h/0?ssl_check_hostname=False"),
    ],
)
def test_tls_that_verifies_nothing(unverified: Any) -> None:
    [message] = found(default=unverified)
    assert numbers([message]) == ["W002"]


def test_tls_that_verifies() -> None:
    pool = {"CONNECTION_POOL_KWARGS": {"ssl_cert_reqs": ssl.CERT_REQUIRED}}
    assert found(default=entry("rediss://h"), b=entry("rediss://h/1", OPTIONS=pool)) == []


@pytest.mark.parametrize(
    ("location", "warned"),
    [
        ("redis://cache.example/0", True),
        (["rediss://cache.example/0", "redis://:hush@10.0.0.1/0"], True),
        ("rediss://cache.example/0", False),
        ("redis://localhost/0", False),
        ("redis://127.0.0.9:1/0", False),
        ("redis://[::1]:1/0", False),
        ("unix:///run/redis.sock", False),
    ],
)
def test_a_plain_connection_to_another_host(location: Any, warned: bool) -> None:
    messages = deployed(default=entry(location))
    assert numbers(messages) == ["W003"] * warned
    assert "hush" not in str(messages)
    assert found(default=entry(location)) == []  # only for --deploy


def test_options_without_effect() -> None:
    [message] = found(default=entry(OPTIONS={"MAX_ENTRIES": 5, "SENTINEL_KWARGS": {}}))
    assert numbers([message]) == ["W004"]
    assert "MAX_ENTRIES, SENTINEL_KWARGS in OPTIONS has no effect" in message.msg


def test_answers_without_ignoring_are_a_warning() -> None:
    options: dict[str, Any] = {"IGNORE_EXCEPTIONS_FOR": "all"}
    [message] = found(default=entry(OPTIONS=options))
    assert numbers([message]) == ["W004"]
    assert "IGNORE_EXCEPTIONS_FOR has no effect" in message.msg
    assert not found(default=entry(OPTIONS={**options, "IGNORE_EXCEPTIONS": True}))


class Tunnel(redis.Connection):
    pass


class Audited(redis.Redis):
    pass


@pytest.mark.parametrize(
    ("location", "options"),
    [
        ("redis://localhost", {}),
        ("redis://localhost", {"CONNECTION_FACTORY": "cluster"}),
        (
            "redis://orders/0",
            {"CONNECTION_FACTORY": "sentinel", "SENTINELS": [("localhost", 26379)]},
        ),
        (["redis://a", "redis://b"], {"CLIENT": "shard"}),
    ],
)
def test_what_asyncio_will_refuse(location: Any, options: dict[str, Any]) -> None:
    own = {"CONNECTION_POOL_KWARGS": {"connection_class": Tunnel}}
    (message,) = found(default=entry(location, OPTIONS={**options, **own}))
    assert numbers([message]) == ["I001"]
    assert message.msg.startswith("CACHES['default']: on asyncio calls will be refused: ")
    assert "ASYNC_CONNECTION_CLASS" in message.msg
    own["ASYNC_CONNECTION_CLASS"] = "redis.asyncio.Connection"  # type: ignore[assignment]
    assert found(default=entry(location, OPTIONS={**options, **own})) == []


def test_what_asyncios_raw_client_will_refuse() -> None:
    (message,) = found(default=entry(OPTIONS={"REDIS_CLIENT_CLASS": Audited}))
    assert "get_async_redis_connection will be refused" in message.msg
    assert "ASYNC_REDIS_CLIENT_CLASS" in message.msg


def test_a_mistyped_global_setting() -> None:
    with override_settings(DJANGO_REDIS_IGNORE_EXCEPTION=True, DJANGO_REDIS_LOGGER="x"):
        [message] = found(default=entry())
    assert numbers([message]) == ["W005"]
    assert "settings.DJANGO_REDIS_IGNORE_EXCEPTION is not" in message.msg
    assert message.hint == "Did you mean DJANGO_REDIS_IGNORE_EXCEPTIONS?"


def test_they_are_registered_once_with_their_tags() -> None:
    import django_redis_core.apps
    import django_redis_core.cache

    app = django_redis_core.apps.DjangoRedisCoreConfig("django_redis_core", django_redis_core)
    app.ready()
    app.ready()
    ours = [
        check
        for check in registry.get_checks(include_deployment_checks=True)
        if check.__module__ == "django_redis_core.checks"
    ]
    assert sorted(check.__name__ for check in ours) == [
        "check_built_in_names",
        "check_caches",
        "check_one_django_redis",
        "check_plain_connections",
    ]
    assert all(Tags.caches in check.tags for check in ours)
    assert checks.check_caches in registry.get_checks()
    assert checks.check_plain_connections not in registry.get_checks()
    assert checks.check_built_in_names not in registry.get_checks()


MANAGE = """
    import json, sys
    from django.conf import settings
    caches, apps, arguments = map(json.loads, sys.argv[1:])
    settings.configure(CACHES=caches, INSTALLED_APPS=apps, SILENCED_SYSTEM_CHECKS=[])
    touched = []
    sys.addaudithook(lambda event, args: event.startswith("socket.") and touched.append(event))
    from django.core.management import execute_from_command_line
    try:
        execute_from_command_line(["manage.py", "check", *arguments])
    finally:
        print("touched", touched)
"""


def manage(caches: Any, *arguments: str, apps: Any = ("django_redis_core",)) -> Any:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(MANAGE),
            *map(json.dumps, (caches, list(apps), arguments)),
        ],
        env={**os.environ, "PYTHONPATH": str(CORE)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_manage_py_check_lists_all_mistakes_and_connects_to_nothing() -> None:
    caches = {
        "default": entry("redis://:hush@cache.example/0", OPTIONS={"SERIALISER": "json"}),
        "b": entry("redis://:hush@cache.example/0", OPTIONS={"CLIENT": "hred"}),
        "c": entry("redis://:hush@cache.example/0", OPTIONS={"MAX_ENTRIES": 1}),
        "d": entry("redis://:hush@cache.example/0"),
    }
    done = manage(caches, "--tag", "django_redis_core", "--deploy")
    assert done.returncode == 1
    for number in ("E001", "E002", "W001", "W003", "W004"):
        assert f"(django_redis_core.{number})" in done.stderr, done.stderr
    assert "touched []" in done.stdout
    assert "hush" not in done.stderr + done.stdout


def test_manage_py_check_without_a_tag_passes_or_names_the_mistake() -> None:
    done = manage({"default": entry("redis://cache.example/0")})
    assert "no issues" in done.stdout
    assert "touched []" in done.stdout
    # Django's own check of CACHES makes every cache, and so meets the error first, or ours does.
    done = manage(SEVEN_MISTAKES, apps=[])
    assert done.returncode == 1
    assert "OPTIONS has an unknown key 'SERIALISER'. Did you mean 'SERIALIZER'?" in done.stderr
    assert done.stderr.startswith("System check identified some issues:")
    assert "Traceback" not in done.stderr
    assert done.stderr.count("(django_redis_core.E00") == 7
    assert "hush" not in done.stderr + done.stdout


def test_seven_mistakes_in_three_caches_are_seven_findings() -> None:
    messages = found(**SEVEN_MISTAKES)
    assert numbers(messages) == ["E001", "E001", "E001", "E001", "E002", "E001", "E001"]
    words = "SERIALISER; 'DB'; TIMEOUT; SOCKET_TIMEOUT; hred; CLEAR; the number of the database"
    for message, word in zip(messages, words.split("; "), strict=True):
        assert word in message.msg
        assert "\n" not in message.msg


def test_what_checks_meet_is_a_refusal_for_other_code_too() -> None:
    """Also where a program runs them, whichever check comes first."""
    with override_settings(CACHES=SEVEN_MISTAKES):
        with pytest.raises(ImproperlyConfigured) as refused:
            caches["default"]
        assert not isinstance(refused.value, SystemCheckError)
        assert str(refused.value).count("CACHES['default']") == 4
        with pytest.raises(ImproperlyConfigured) as refused:
            run_checks()
        assert isinstance(refused.value, SystemCheckError)
        assert str(refused.value).count("(django_redis_core.E00") == 7


def test_certificates_without_tls_are_a_warning() -> None:
    for given in (
        entry("redis://localhost/0?ssl_cert_reqs=none"),
        entry(OPTIONS={"CONNECTION_POOL_KWARGS": {"ssl_cert_reqs": None}}),
        entry("unix:///run/s", OPTIONS={"CONNECTION_POOL_KWARGS": {"ssl_cert_reqs": "required"}}),
    ):
        [message] = found(default=given)
        assert numbers([message]) == ["W004"]
        assert "ssl_cert_reqs has no effect on a connection without TLS" in message.msg


class Recording(RedisCache):
    def get(self, *args: Any, **kwargs: Any) -> Any:
        return super().get(*args, **kwargs)


class Naming(RedisCache):
    def make_key(self, key: Any, version: Any = None) -> str:
        return f"mine:{key}"


class Adding(RedisCache):
    def report(self) -> str:
        return "a method more"


def test_a_subclass_is_told_what_its_overrides_cost() -> None:
    path = f"{__name__}.Recording"
    (message,) = found(default={**entry(), "BACKEND": path})
    assert numbers([message]) == ["W009"]
    assert message.msg.startswith(f"CACHES['default']: {path} overrides get, which costs: aget: a ")
    assert "get_or_set, incr_version, decr_version: several calls" in message.msg
    assert "client plugin" in str(message.hint)
    (message,) = found(default={**entry(), "BACKEND": f"{__name__}.Naming"})
    assert "overrides make_key, which costs: each key and timeout" in message.msg
    assert "thread" not in message.msg
    assert found(default={**entry(), "BACKEND": f"{__name__}.Adding"}) == []
