"""What the docs say of plugins together happens: values come back, or settings are refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_redis_core._plugins.catalogue import OURS
from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import SerializationError
from django_redis_core.testing.servers import Server

from .conftest import PLUGINS, code, read, rows

PAGE = read("docs/combining.md")
VALUE = {"name": "Ada", "tags": ["new", "sale"] * 30, "price": 1.5, "nothing": None}

MakeCache = Callable[..., RedisCache]


def of_kind(kind: str, core: str) -> list[str]:
    return [core, *(name for name in PLUGINS if OURS.get(name) == kind)]


def works(cache: RedisCache) -> bool:
    cache.set_many({"value": VALUE, "number": 5}, 30)
    assert cache.incr("number") == 6
    return cache.get_many(["value", "number"]) == {"value": VALUE, "number": 6}


def agrees(make_cache: MakeCache, options: dict[str, Any], says: str) -> None:
    """A cell of a table says yes, or no and why."""
    if says.startswith("yes"):
        assert works(make_cache(options))
    else:
        assert says.startswith("no: ")
        with pytest.raises(ImproperlyConfigured):
            make_cache(options)


#: What clients must be told, beside their names.
NEEDED: dict[str, dict[str, Any]] = {"mirror": {"MIRROR_OF": "old"}}


@pytest.fixture
def old(redis_server: Server) -> Iterator[None]:
    """A cache that a mirror may move from."""
    entry = {"BACKEND": "django_redis_core.cache.RedisCache", "LOCATION": redis_server.url}
    with override_settings(CACHES={"default": entry, "old": {**entry, "KEY_PREFIX": "old"}}):
        yield


@pytest.mark.parametrize("client", of_kind("client", "default"))
@pytest.mark.parametrize("sealer", of_kind("sealer", "none"))
@pytest.mark.usefixtures("old")
def test_the_kinds_do_not_know_of_each_other(
    make_cache: MakeCache, client: str, sealer: str
) -> None:
    serializers = of_kind("serializer", "pickle")
    compressors = of_kind("compressor", "identity")
    for serializer, compressor in product(serializers, compressors):
        options = {"SERIALIZER": serializer, "COMPRESSOR": compressor, **NEEDED.get(client, {})}
        assert works(make_cache({"CLIENT": client, "SEALER": sealer, **options})), options


@pytest.mark.parametrize(("client", "says"), rows(PAGE, "`CLIENT`"))
def test_clients_together(make_cache: MakeCache, client: str, says: str) -> None:
    agrees(make_cache, eval(f'{{"CLIENT": {code(client)}}}'), says)


def test_every_client_is_in_the_table() -> None:
    named = {name for row in rows(PAGE, "`CLIENT`") for name in re.findall(r'"(\w+)"', row[0])}
    assert named == set(of_kind("client", "default"))


@pytest.mark.parametrize(("together", "says"), rows(PAGE, "with")[1:])
def test_a_format_of_herds_and_serializers(make_cache: MakeCache, together: str, says: str) -> None:
    _, written, serializer = re.findall(r"`([^`]+)`", together)
    names = re.findall(r"\w+", serializer)
    options: dict[str, Any] = eval(f'{{"{written.replace(":", chr(34) + ":", 1)}}}')
    agrees(make_cache, {"CLIENT": "herd", "SERIALIZER": names, **options}, says)


@pytest.mark.parametrize(("sealer", "refuses"), rows(PAGE, "sealer"))
def test_what_a_sealer_refuses(make_cache: MakeCache, sealer: str, refuses: str) -> None:
    cache = make_cache({"SEALER": code(sealer)})
    calls: dict[str, tuple[Any, ...]] = {
        "sdiffstore": ("to", "from"),
        "sinterstore": ("to", "from"),
        "sunionstore": ("to", "from"),
        "sadd": ("set", 1),
        "srem": ("set", 1),
        "sismember": ("set", 1),
        "zadd": ("sorted", {"member": 1}),
        "lrem": ("list", 0, 1),
    }
    refused = set(re.findall(r"`(\w+)`", refuses))
    if "these, and" in refuses:
        refused |= {"sdiffstore", "sinterstore", "sunionstore"}
    assert refused <= set(calls)
    for name, arguments in calls.items():
        if name in refused:
            with pytest.raises(SerializationError):
                getattr(cache, name)(*arguments)
        else:
            getattr(cache, name)(*arguments)
    cache.rpush("moved", 1)
    with pytest.raises(SerializationError):
        cache.incr_version("moved")
