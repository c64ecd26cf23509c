"""Sentinels as well-known projects write them for django-redis, with another BACKEND alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import override_settings

from django_redis_core.testing.busy import patiently
from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.topologies import Sentinels

from .conftest import PASSWORD, SERVICE

#: What makes of a group's addresses the rest of an entry.
PROJECTS: dict[str, Callable[[list[tuple[str, int]]], dict[str, Any]]] = {
    "JumpServer": lambda addresses: {
        "LOCATION": f"redis://{SERVICE}/4",
        "OPTIONS": {
            "REDIS_CLIENT_KWARGS": {"health_check_interval": 30},
            "CONNECTION_POOL_KWARGS": {"max_connections": 100},
            "CLIENT_CLASS": "django_redis.client.SentinelClient",
            "SENTINELS": addresses,
            "PASSWORD": PASSWORD,
            "SENTINEL_KWARGS": {
                "ssl": False,
                "ssl_cert_reqs": "none",
                "ssl_keyfile": None,
                "ssl_certfile": None,
                "ssl_ca_certs": None,
                "password": None,
                "socket_timeout": None,
            },
        },
    },
    "ports as text": lambda addresses: {
        "LOCATION": f"redis://{SERVICE}",
        "OPTIONS": {
            "CLIENT_CLASS": "django_redis.client.SentinelClient",
            "SENTINELS": [(host, str(port)) for host, port in addresses[:1]],
            "SENTINEL_KWARGS": {},
            "PASSWORD": PASSWORD,
        },
    },
    "a database of the service": lambda addresses: {
        "LOCATION": f"redis://{SERVICE}/2",
        "OPTIONS": {
            "CLIENT_CLASS": "django_redis.client.SentinelClient",
            "SENTINELS": addresses,
            "USERNAME": "",
            "PASSWORD": PASSWORD,
            "SOCKET_CONNECT_TIMEOUT": 10,
            "SENTINEL_KWARGS": {"socket_connect_timeout": 10},
        },
    },
}


@pytest.mark.parametrize("project", PROJECTS)
def test_it_works_as_it_is(project: str, group: Sentinels, make_cache: MakeCache) -> None:
    entry = PROJECTS[project](group.addresses)
    factory = "django_redis.pool.SentinelConnectionFactory"
    with override_settings(DJANGO_REDIS_CONNECTION_FACTORY=factory):
        cache = make_cache(entry.pop("OPTIONS"), **entry)
        assert patiently(lambda: cache.set("k", project))
        assert patiently(lambda: cache.get("k")) == project
