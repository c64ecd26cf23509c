"""embedded:// as CACHES names it: through Django's caches, on servers that are really started."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test.utils import override_settings

from django_redis_core.cache import RedisCache
from django_redis_core.management.commands.redis_cache import Command
from django_redis_core.testing import ConnectionFactoryContract
from django_redis_core_embedded.server import socket_path

BACKEND = "django_redis_core.cache.RedisCache"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of one server for all tests of this module; the first use makes both."""
    return tmp_path_factory.mktemp("embedded") / "cache"


@pytest.fixture
def make(directory: Path) -> Iterator[Any]:
    """``make(default=LOCATION, other=LOCATION)``: Django's caches with these aliases.

    ``{}`` in a LOCATION is the directory.
    """
    from django.core.cache import caches

    made = []

    def make(**locations: Any) -> Any:
        entries = {
            alias: {"BACKEND": BACKEND, "LOCATION": location.format(directory)}
            for alias, location in {"default": "embedded://{}", **locations}.items()
        }
        override = override_settings(CACHES=entries)
        override.enable()
        made.append(override)
        return caches

    yield make
    for override in reversed(made):
        override.disable()


def server_of(cache: RedisCache) -> int:
    """The process id of a cache's server."""
    return int(cache.raw_client().info("server")["process_id"])


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.005)


class TestEmbedded(ConnectionFactoryContract):
    name = "embedded"

    #: A server that does not answer is started again, so that nothing fails for want of one;
    #: test_server.py has what is said where it cannot be started.
    test_servers_that_cannot_be_reached = None

    # Not all four: what differs between the ways is the core's, also over a Unix socket.
    @pytest.fixture(params=["blocking", "async-pipeline"])
    def way(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def location(self, directory: Path) -> str:
        return f"embedded://{directory}"


def test_the_location_alone_chooses_the_plugin(make):
    cache = make()["default"]
    assert cache.set("fruit", "pear") is True
    assert cache.get("fruit") == "pear"


def test_nothing_is_started_before_the_first_use(make, tmp_path):
    cache = make(idle=f"embedded://{tmp_path}/idle")["idle"]
    assert cache.alias == "idle"
    assert not (tmp_path / "idle").exists()
    assert cache.get("fruit") is None
    assert (tmp_path / "idle").is_dir()


def test_aliases_of_one_directory_have_one_server_and_one_pool(make):
    caches = make(one="embedded://{}", other="embedded://{}")
    one, other = caches["one"], caches["other"]
    one.set("fruit", "pear")
    assert other.get("fruit") == "pear"
    assert one._engine.topology.single is other._engine.topology.single


def test_the_directory_is_the_same_however_it_is_written(make, directory):
    caches = make(other=f"embedded://{directory}/../{directory.name}/")
    caches["default"].set("fruit", "pear")
    assert caches["other"].get("fruit") == "pear"


def test_a_directory_may_have_any_characters_when_they_are_quoted(make, tmp_path):
    cache = make(odd=f"embedded://{tmp_path}/50%25%20of%20caf%C3%A9")["odd"]
    cache.set("fruit", "pear")
    assert (tmp_path / "50% of café").is_dir()


def test_databases_of_one_server_are_apart(make):
    caches = make(first="embedded://{}?db=1", second="embedded://{}?db=2")
    first, second = caches["first"], caches["second"]
    first.set("fruit", "pear")
    assert second.get("fruit") is None
    assert server_of(first) == server_of(second)
    second.clear()
    assert first.get("fruit") == "pear"


def test_without_a_directory_the_server_is_this_process_own(make):
    caches = make(private="embedded://", also="embedded://")
    caches["private"].set("fruit", "pear")
    assert caches["also"].get("fruit") == "pear"
    assert server_of(caches["private"]) != server_of(caches["default"])


def test_django_redis_clients_reach_it_by_its_socket(make, directory):
    make()["default"].set("count", 5)
    with redis.Redis(unix_socket_path=socket_path(str(directory))) as client:
        assert client.get(":1:count") == b"5"


def test_a_killed_server_is_started_again_by_the_next_operation(make):
    cache = make()["default"]
    cache.set("fruit", "pear")
    first = server_of(cache)
    kill(first)
    assert cache.get("fruit") is None
    assert cache.set("fruit", "plum") is True
    assert cache.get("fruit") == "plum"
    assert server_of(cache) != first


@pytest.mark.parametrize(
    ("operation", "arguments", "answer"),
    [
        ("set", ("k", 1), True),
        ("add", ("k", 1), True),
        ("get_many", (["k", "l"],), {}),
        ("set_many", ({"k": 1, "l": 2},), []),
        ("touch", ("k",), False),
    ],
)
def test_any_operation_may_be_the_first_one_after_it(make, operation, arguments, answer):
    cache = make()["default"]
    cache.set("warm", 1)
    kill(server_of(cache))
    assert getattr(cache, operation)(*arguments) == answer


def test_on_asyncio_too(make):
    cache = make()["default"]

    async def work() -> None:
        await cache.aset("fruit", "pear")
        kill(server_of(cache))
        await asyncio.sleep(0)
        assert await cache.aget("fruit") is None
        assert await cache.aset("fruit", "plum") is True
        assert await cache.aget("fruit") == "plum"

    asyncio.run(work())


WRONG: Mapping[str, tuple[Any, str]] = {
    "an unknown option": ("embedded:///tmp/cache?size=5", "'embedded:///a/directory'"),
    "a database that is no number": ("embedded://?db=one", "?db=1"),
    "a database below 0": ("embedded://?db=-1", "?db=1"),
    "a host": ("embedded://localhost:6379/0", "'embedded:///a/directory'"),
    "a directory that is not absolute": ("embedded://cache", "'embedded:///a/directory'"),
    "replicas": (["embedded:///tmp/a", "embedded:///tmp/b"], "stands alone"),
}


@pytest.mark.parametrize(("location", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_location_is_refused_with_the_alias(location, words):
    from django.core.cache import caches

    entry = {"BACKEND": BACKEND, "LOCATION": location}
    with override_settings(CACHES={"default": entry, "broken": entry | {"KEY_PREFIX": "b"}}):
        with pytest.raises(ImproperlyConfigured) as refused:
            caches["broken"].get("fruit")
        assert "CACHES['broken']" in str(refused.value)
        assert words in str(refused.value)


def test_a_directory_that_cannot_be_made_is_an_error_with_the_alias(make, tmp_path):
    (tmp_path / "file").touch()
    cache = make(broken=f"embedded://{tmp_path}/file")["broken"]
    with pytest.raises(ImproperlyConfigured, match=r"CACHES\['broken'\].*/file cannot be started"):
        cache.get("fruit")


def test_a_directory_that_is_too_long_is_refused_before_anything_is_started(
    make, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("t" * 100)))
    cache = make(long=f"embedded://{tmp_path}/{'long' * 25}")
    with pytest.raises(ImproperlyConfigured, match=r"CACHES\['long'\].*too long for a socket"):
        cache["long"].get("fruit")
    assert list(tmp_path.iterdir()) == []


def test_doctor_says_whose_the_server_is(tmp_path: Path) -> None:
    def told(location: str) -> list[dict[str, str]]:
        entry = {"BACKEND": "django_redis_core.cache.RedisCache", "LOCATION": location}
        out = io.StringIO()
        with override_settings(CACHES={"default": entry}):
            call_command(Command(), "doctor", "--json", stdout=out, stderr=io.StringIO())
        [report] = json.loads(out.getvalue())["reports"]
        of = "django-redis-core-embedded"
        return [one for one in report["findings"] if one.get("plugin") == of]

    [private] = told("embedded://")
    assert private["level"] == "advice"
    assert "no other process sees it" in private["text"]
    [shared] = told(f"embedded://{tmp_path}?db=1")
    assert shared["level"] == "note"
    log = re.search(r"is (\S+)\.$", shared["text"])
    assert log
    assert Path(log[1]).is_file()
