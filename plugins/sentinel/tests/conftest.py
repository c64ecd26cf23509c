"""A primary, two replicas and three sentinels for the session, and caches on them."""

from __future__ import annotations

import gc
import itertools
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.core.signals import setting_changed

from django_redis_core.cache import RedisCache
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.topologies import Sentinels, hasten, sentinels

pytest_plugins = ["django_redis_core.testing.fixtures"]

SERVICE = "Orders"
PASSWORD = "of the servers"

_numbers = itertools.count()


@pytest.fixture(scope="session")
def group() -> Iterator[Sentinels]:
    """Its servers have a password, and the sentinels none.

    None of its primaries is to die: the sentinels are more patient than a busy machine is slow.
    """
    kind = os.environ.get("DRC_TEST_SERVER", "valkey")
    with sentinels(SERVICE, kind=kind, password=PASSWORD, down_after=2) as group:
        yield group


@pytest.fixture
def service(group: Sentinels) -> Iterator[Sentinels]:
    """The group, well when a test begins, which may break it."""
    yield group
    for server in (*group.data.servers, *group.sentinels):
        if server.running and server.paused:
            server.resume()
        if not server.running:
            server.start()
            if server in group.sentinels:
                hasten(server)
    group.wait_settled()


@pytest.fixture
def on_group(group: Sentinels) -> Mapping[str, Any]:
    return {
        "CONNECTION_FACTORY": "sentinel",
        "SENTINELS": group.addresses,
        "PASSWORD": PASSWORD,
    }


@pytest.fixture
def cache_on(on_group: Mapping[str, Any]) -> Iterator[Callable[..., RedisCache]]:
    """``cache_on(location, OPTION=…)``: a cache without a past; an option None is left out.

    Its sentinels are those of no other test: else they would share circuit breakers. They are
    waited for longer than by default, which a busy machine may need.
    """
    patience = {name.lower(): seconds for name, seconds in PATIENCE.items()}
    own = {"SENTINEL_KWARGS": {"client_name": f"test-{next(_numbers)}", **patience}}

    def make(location: Any = f"redis://{SERVICE}/0", **more: Any) -> RedisCache:
        entry = {name: more.pop(name) for name in ("KEY_PREFIX",) if name in more}
        every = {
            name: value for name, value in {**on_group, **own, **more}.items() if value is not None
        }
        return RedisCache(location, {**entry, "OPTIONS": every})

    yield make
    setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)
    with warnings.catch_warnings():
        # redis-py's clients close their sockets when they are collected, or the sockets do, first.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # with the caches go the threads that listen
