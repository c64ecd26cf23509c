"""How near is written in settings, and what is said of what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_redis_core.cache import RedisCache
from django_redis_core.connections import SingleServer
from django_redis_core.interfaces import Client, ConnectionFactory
from django_redis_core.testing.servers import Server
from django_redis_core_near.client import NearClient

Make = Callable[..., RedisCache]

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
NOWHERE = "redis://127.0.0.1:1/0"


class Moving(SingleServer):
    """Servers that take each other's place."""


class MovingFactory(ConnectionFactory):
    name = "moving"

    def topology(self, locations: Any) -> Any:
        return Moving(self.node(locations[0]))


class Other(Client):
    name = "other"


class Logged:
    """Something of a site's own that is no client."""


class Fake:
    """A client that is not redis-py's."""

    def __init__(self, **kwargs: Any) -> None:
        pass


class OwnPool:
    """A pool that may connect anywhere."""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"NEAR_TTL": 0}, "NEAR_TTL must be a number of seconds above 0, not 0"),
        ({"NEAR_TTL": None}, "NEAR_TTL must be a number of seconds above 0, not None"),
        ({"NEAR_LEASE": "1"}, "NEAR_LEASE must be a number of seconds above 0, not '1'"),
        ({"NEAR_MAX_ENTRIES": 0}, "NEAR_MAX_ENTRIES must be an int of at least 1, not 0"),
        ({"NEAR_MAX_BYTES": 10}, "NEAR_MAX_BYTES must be an int of at least 65536, not 10"),
        ({"NEAR_TTLS": 5}, "Did you mean 'NEAR_TTL'?"),
        (
            {"CLIENT": [Other, "near"]},
            "puts 'other' outside of 'near', which must be the other way round: it has to see what",
        ),
        ({"CLIENT": ["near", "near"]}, "names 'near' twice"),
        ({"CONNECTION_FACTORY": MovingFactory}, "servers take each other's place"),
        ({"REPLICA_READ_ONLY": False}, "with REPLICA_READ_ONLY False writes may go"),
        ({"REDIS_CLIENT_CLASS": Fake}, "REDIS_CLIENT_CLASS is not redis-py's"),
        ({"CONNECTION_POOL_CLASS": OwnPool}, "CONNECTION_POOL_CLASS may connect to servers"),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else "",
)
def test_what_is_wrong_is_said_before_any_io(
    make_cache: Make, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=re.escape(words)) as raised:
        make_cache({"CLIENT": "near", **options}, LOCATION=NOWHERE)
    assert "CACHES[" in str(raised.value)


def test_another_order_is_advised(make_cache: Make) -> None:
    with pytest.raises(ImproperlyConfigured) as raised:
        make_cache({"CLIENT": [Other, "near"]}, LOCATION=NOWHERE)
    assert str(raised.value).endswith("the others write. Write ['near', 'other'].")


def test_a_subclass_of_a_sites_own_is_near_too(make_cache: Make) -> None:
    class Mine(NearClient):
        name = "mine"

    class Mixed(Logged, NearClient):
        name = "mixed"

    for client in (Mine, [Mine, Other], ["near", Other], Mixed, [Mixed, Other]):
        cache = make_cache({"CLIENT": client}, LOCATION=NOWHERE)
        assert isinstance(cache._engine.client, NearClient)


def test_nothing_is_connected_before_the_first_read(make_cache: Make, server: Server) -> None:
    cache = make_cache({"CLIENT": "near"}, LOCATION=server.url)
    assert cache.client.near_info().tracking == {f"{server.url}": "not connected yet"}
    with server.client() as client:
        assert len(client.client_list()) == 1


def test_the_readmes_example_works(redis_server: Server) -> None:
    settings, use, everywhere = re.findall(r"```python\n(.*?)```", README, re.S)
    namespace: dict[str, Any] = {}
    exec(settings, namespace)
    namespace["CACHES"]["default"]["LOCATION"] = redis_server.url
    with override_settings(CACHES=namespace["CACHES"]):
        exec(use, namespace)
        exec(everywhere, namespace)
        from django.core.cache import cache

        assert isinstance(cache._engine.client, NearClient)
        cache.clear()


def test_the_options_table_is_that_of_the_code() -> None:
    documented = re.findall(r"^\| `(NEAR_[A-Z_]+)` \|", README, re.M)
    assert documented == [option.name for option in NearClient.options]
