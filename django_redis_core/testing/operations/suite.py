"""What all suites of operations share: the cache under test and how it is called."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from ..._operations.declare import Family
from ...interfaces import OPERATIONS
from ...interfaces.client import Client
from ..caller import Caller, chosen_ways
from ..fixtures import MakeCache
from ..installed import Named
from ..servers import Server

Make = Callable[..., Caller]


def lives(left: float | None, seconds: float, since: float) -> bool:
    """Whether ``left``, what ``pttl`` tells, is of an entry that was given ``seconds`` to live at a
    moment after ``since`` (``time.monotonic()``): to the millisecond, however long a busy machine
    kept the one who asks waiting."""
    passed = time.monotonic() - since
    return left is not None and seconds - passed - 0.005 <= left / 1000 <= seconds


class Suite(Named):
    """The promises of one family of operations, each a test that runs in all four ways.

    A subclass in a test module says which plugin is under test by ``name``, and overrides the
    fixtures ``location`` and ``options`` where it needs other servers or settings::

        class TestConsul(ConnectionFactoryContract):
            name = "consul"

            @pytest.fixture
            def location(self, consul):
                return f"consul://{consul.service}"

    ``limits`` states what a plugin documents that it cannot do. A key is an operation, every call
    of which raises, or a test of the suite, which then ends with an error; the value is words of
    that error. So a limit is asserted, never skipped, and a limit that is gone fails::

        limits = {"persist": "entries of this cache always expire"}

    Where a plugin gives an operation another meaning, override the test with one that asserts it.
    """

    #: The plugin's name, as settings write it.
    name: ClassVar[str] = "default"

    #: The key of ``OPTIONS`` that names it.
    part: ClassVar[str] = "CLIENT"

    #: Operations, or tests, and words of the error that they end with.
    limits: ClassVar[Mapping[str, str]] = {}

    #: The family whose operations the suite covers, each of them.
    covers: ClassVar[type[Family]] = Client

    @pytest.fixture
    def location(self, redis_server: Server) -> Any:
        """LOCATION of the caches under test."""
        return redis_server.url

    @pytest.fixture
    def options(self) -> Mapping[str, Any]:
        """OPTIONS of the caches under test, besides the plugin's name."""
        return {}

    @pytest.fixture(params=chosen_ways())
    def way(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def make(
        self,
        make_cache: MakeCache,
        way: str,
        cache_loop: asyncio.AbstractEventLoop,
        location: Any,
        options: Mapping[str, Any],
    ) -> Make:
        """``make(options, **entry)``: another cache with the plugin under test."""

        def make(more: Mapping[str, Any] | None = None, **entry: Any) -> Caller:
            every = {self.part: self.name, **options, **(more or {})}
            cache = make_cache(every, **{"LOCATION": location, **entry})
            return Caller(cache, way, cache_loop, self.limits)

        return make

    @pytest.fixture
    def cache(self, make: Make) -> Caller:
        """The cache under test."""
        return make()

    def test_limits_name_operations_or_tests(self) -> None:
        unknown = [n for n in self.limits if n not in OPERATIONS and not hasattr(self, n)]
        assert not unknown, f"`limits` names {unknown}: no operation and no test of this class"


def in_threads(count: int, cache: Caller, work: Callable[[Caller], Any]) -> list[Any]:
    """What ``work`` returns in each of ``count`` threads at once."""

    def one(_: int) -> Any:
        with cache.elsewhere() as mine:
            return work(mine)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))
