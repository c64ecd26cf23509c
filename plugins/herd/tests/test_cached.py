"""``@herd.cached``: functions and coroutines, in blocking code and on asyncio."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from inspect import signature
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import iscoroutinefunction
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.utils.functional import SimpleLazyObject

import django_redis_core_herd as herd
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.signals import exception_ignored
from django_redis_core.testing.servers import Server

from .conftest import Clock
from .test_refresh import Slow, settle, slow  # noqa: F401 - a fixture

NOWHERE = "redis://127.0.0.1:1/0"


def entry(location: str, **options: Any) -> dict[str, Any]:
    return {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": location,
        "KEY_PREFIX": f"cached-{uuid4().hex[:8]}",
        "OPTIONS": {"CLIENT": "herd", **options},
    }


@pytest.fixture
def site(redis_server: Server, clock: Clock) -> Iterator[Any]:
    """The site's cache, on herd with refreshing in the background."""
    settings = {
        "default": entry(redis_server.url, HERD_REFRESH="background"),
        "other": entry(redis_server.url),
    }
    with override_settings(CACHES=settings):
        yield caches["default"]
        for alias in settings:
            caches[alias].clear()


@pytest.mark.usefixtures("site")
def test_a_function_is_called_once() -> None:
    calls = []

    @herd.cached(60)
    def book(pk: int, *, full: bool = False) -> str:
        """A book."""
        calls.append((pk, full))
        return f"{pk} {full}"

    assert [book(1), book(1), book(pk=1, full=False)] == ["1 False"] * 3
    assert book(1, full=True) == "1 True"
    assert calls == [(1, False), (1, True)]
    assert (book.__name__, book.__doc__) == ("book", "A book.")
    assert str(signature(book)) == "(pk: 'int', *, full: 'bool' = False) -> 'str'"
    assert not iscoroutinefunction(book)


@pytest.mark.usefixtures("site")
async def test_a_coroutine_is_called_once() -> None:
    calls = []

    @herd.cached(60)
    async def book(pk: int) -> str:
        calls.append(pk)
        return str(pk)

    assert [await book(1), await book(pk=1), await book(2)] == ["1", "1", "2"]
    assert await book.refresh(1) == "1"
    assert await book.invalidate(2) is True
    assert await book.invalidate(2) is False
    await book(2)
    assert calls == [1, 2, 1, 2]
    assert iscoroutinefunction(book)


def test_refresh_and_invalidate(site: Any) -> None:
    values = iter(range(10))

    @herd.cached(60)
    def counted(name: str) -> int:
        return next(values)

    assert [counted("a"), counted("a"), counted("b")] == [0, 0, 1]
    assert counted.refresh("a") == 2
    assert [counted("a"), counted("b")] == [2, 1]
    assert counted.invalidate("a") is True
    assert counted.invalidate("a") is False
    assert counted("a") == 3
    assert 40 < site.ttl(counted.key("a")) <= 60


@pytest.mark.usefixtures("site")
def test_none_is_a_result_and_an_exception_is_not() -> None:
    calls = []

    @herd.cached(60)
    def nothing() -> None:
        calls.append("nothing")

    @herd.cached(60)
    def failing() -> None:
        calls.append("failing")
        raise LookupError("no such row")

    assert [nothing(), nothing()] == [None, None]
    for _ in range(2):
        with pytest.raises(LookupError, match="no such row"):
            failing()
    assert calls == ["nothing", "failing", "failing"]


def test_nobody_waits_for_an_old_result(site: Any, clock: Clock, slow: Slow) -> None:  # noqa: F811
    @herd.cached(10)
    def page() -> Any:
        return slow()

    slow.value = "old"
    slow.go.set()
    assert page() == "old"
    slow.go.clear()
    slow.begun.clear()
    clock.ahead += 12
    slow.value = "new"
    assert [page() for _ in range(3)] == ["old"] * 3
    assert slow.begun.wait(30)
    slow.go.set()
    settle(site)
    assert page() == "new"
    assert slow.calls == 2


def test_what_is_invalidated_while_it_is_computed_stays_so(
    site: Any,
    clock: Clock,
    slow: Slow,  # noqa: F811
) -> None:
    @herd.cached(10)
    def page() -> Any:
        return slow()

    site.set(page.key(), "old", 10)
    clock.ahead += 12
    assert page() == "old"
    assert slow.begun.wait(30)
    page.invalidate()
    slow.go.set()
    settle(site)
    assert site.get(page.key()) is None


# Which cache


def test_the_cache_and_version_that_are_named(site: Any) -> None:
    @herd.cached(60, cache="other", version=3)
    def page() -> str:
        return "page"

    assert page() == "page"
    assert caches["other"].get(page.key(), version=3) == "page"
    assert caches["other"].get(page.key()) is None
    assert site.get(page.key()) is None
    assert page.invalidate() is True
    assert caches["other"].get(page.key(), version=3) is None


def test_it_follows_override_settings(site: Any, redis_server: Server) -> None:
    values = iter(range(3))

    @herd.cached(60)
    def counted() -> int:
        return next(values)

    assert counted() == 0
    with override_settings(CACHES={"default": entry(redis_server.url)}):
        assert [counted(), counted()] == [1, 1]
    assert counted() == 0


@pytest.mark.parametrize("ignoring", [False, True])
def test_in_an_outage_it_is_computed(ignoring: bool) -> None:
    calls, told = [], []

    @herd.cached(60)
    def page() -> str:
        calls.append(1)
        return "page"

    def note(sender: str, operation: str, **_: Any) -> None:
        told.append((sender, operation))

    exception_ignored.connect(note)
    try:
        with override_settings(CACHES={"default": entry(NOWHERE, IGNORE_EXCEPTIONS=ignoring)}):
            assert page() == "page"
            assert page.refresh() == "page"
    finally:
        exception_ignored.disconnect(note)
    assert calls == [1, 1], "once for each"
    assert told == [("default", "get_or_set")] * 2


async def test_in_an_outage_a_coroutine_is_awaited() -> None:
    calls = []

    @herd.cached(60)
    async def page() -> str:
        calls.append(1)
        return "page"

    with override_settings(CACHES={"default": entry(NOWHERE)}):
        assert await page() == "page"
        assert await page.refresh() == "page"
    assert calls == [1, 1]


@pytest.mark.usefixtures("site")
def test_an_outage_of_another_cache_is_the_functions_own() -> None:
    calls = []

    @herd.cached(60)
    def page() -> Any:
        calls.append(1)
        raise ConnectionInterrupted("another one")

    with pytest.raises(ConnectionInterrupted, match="another one"):
        page()
    assert calls == [1]


def test_a_cache_that_cannot_is_refused() -> None:
    @herd.cached(60)
    def page() -> None: ...

    @herd.cached(60, tags=["menu"])
    def tagged() -> None: ...

    local = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    plain = {**entry(NOWHERE), "OPTIONS": {}}
    for settings in (local, plain):
        with (
            override_settings(CACHES={"default": settings}),
            pytest.raises(ImproperlyConfigured, match=r"page needs the client herd, .*'default'"),
        ):
            page()
    with (
        override_settings(CACHES={"default": entry(NOWHERE)}),
        pytest.raises(ImproperlyConfigured, match=r'tagged has tags=.*\["tags", "herd"\]'),
    ):
        tagged()


# Keys


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Meta:
    label = "shop.Book"


Meta.concrete_model = type("Concrete", (), {"_meta": Meta})  # type: ignore[attr-defined]


class Book:
    """As a row of a model looks to whoever asks for its key."""

    _meta = Meta

    def __init__(self, pk: int | None) -> None:
        self.pk = pk


def keyed(value: Any = None) -> None: ...


ARGUMENTS: list[Any] = [
    *[None, True, False, 0, 1, 1.0, "1", "", b"1", -1, 2**70, "ä", "\ud800"],
    *[
        (),
        [],
        {},
        set(),
        (1,),
        [1],
        (1, 2),
        (12,),
        ("1", "2"),
        ("12",),
        ("1,2",),
        [[1], 2],
        [1, [2]],
    ],
    *[{"a": 1}, {"a": "1"}, {"a": {"b": 1}}, {1, 2}, frozenset({1, 2}), Decimal("1.0"), Decimal(1)],
    *[UUID(int=1), date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1)],  # noqa: DTZ001
    *[timedelta(seconds=1), Colour.RED, Colour.GREEN, Book(1), Book(2), Book("1")],
]


def test_every_argument_has_a_key_of_its_own() -> None:
    function = herd.cached(60)(keyed)
    keys = [function.key(value) for value in ARGUMENTS]
    assert len(set(keys)) == len(ARGUMENTS)
    assert keys == [function.key(value) for value in ARGUMENTS]


def test_equal_arguments_have_equal_keys() -> None:
    function = herd.cached(60)(keyed)
    assert function.key() == function.key(None) == function.key(value=None)
    assert function.key({"a": 1, "b": 2}) == function.key({"b": 2, "a": 1})
    assert function.key({"x", "y", "z"}) == function.key({"z", "y", "x"})
    assert function.key(Book(1)) == function.key(SimpleLazyObject(lambda: Book(1)))


def test_a_key_is_the_same_in_every_process() -> None:
    """Hashes of text differ from process to process."""
    code = (
        "import django_redis_core_herd as herd\n"
        "def keyed(value=None): ...\n"
        "keyed.__module__ = 'shop.views'\n"
        "print(herd.cached(60)(keyed).key({'x', 'y', 'z', ('a', 1)}))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "DJANGO_SETTINGS_MODULE": "django.conf.global_settings"},
        ).stdout.strip()
        for seed in ("1", "2")
    }
    (key,) = found
    assert key.startswith("cached:shop.views.keyed:")
    assert len(key) == len("cached:shop.views.keyed:") + 32


@pytest.mark.parametrize("value", [object(), lambda: 1, [object()], {"a": object()}, Ellipsis])
def test_an_argument_without_a_text_is_refused(value: Any) -> None:
    function = herd.cached(60)(keyed)
    with pytest.raises(TypeError, match=r"keyed\(\) is cached by its arguments, .*key= of @cached"):
        function.key(value)


def test_a_row_that_is_not_saved_is_refused() -> None:
    with pytest.raises(TypeError, match=r"an object of shop\.Book that is not saved"):
        herd.cached(60)(keyed).key(Book(None))


def test_arguments_that_the_function_does_not_take() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'other'"):
        herd.cached(60)(keyed).key(other=1)  # type: ignore[call-arg]


def test_keys_of_the_sites_own(site: Any) -> None:
    @herd.cached(60, key=lambda pk, **_: f"book:{pk}")
    def book(pk: int, log: object) -> int:
        return pk

    @herd.cached(60, key="front-page")
    def page() -> str:
        return "page"

    assert book(7, log=object()) == 7
    assert book(7, log=object()) == 7
    assert page() == "page"
    assert site.get_many(["book:7", "front-page"]) == {"book:7": 7, "front-page": "page"}


# Methods


@pytest.mark.usefixtures("site")
def test_methods() -> None:
    calls = []

    class Shelf:
        @herd.cached(60, key=lambda self: f"shelf:{self.number}")
        def titles(self) -> list[int]:
            calls.append(self.number)
            return [self.number]

        @staticmethod
        @herd.cached(60)
        def default() -> int:
            calls.append(0)
            return 0

        def __init__(self, number: int) -> None:
            self.number = number

    assert [Shelf(1).titles(), Shelf(1).titles(), Shelf(2).titles()] == [[1], [1], [2]]
    assert [Shelf.default(), Shelf(1).default()] == [0, 0]
    assert Shelf.titles.invalidate(Shelf(1)) is True
    assert Shelf(1).titles() == [1]
    assert calls == [1, 2, 0, 1]


# Mistakes


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: herd.cached(keyed), TypeError, r"write @cached\(300\)"),  # type: ignore[arg-type]
        (lambda: herd.cached("60"), TypeError, "in seconds, or None, not '60'"),  # type: ignore[arg-type]
        (lambda: herd.cached(True), TypeError, "in seconds, or None, not True"),
        (lambda: herd.cached(60, tags="menu"), TypeError, r"write \['menu'\]"),
        (lambda: herd.cached(60)(staticmethod(keyed)), TypeError, "write it below @staticmethod"),
        (lambda: herd.cached(60, key="k")(keyed), TypeError, "the same for all arguments"),
        (lambda: herd.cached(60, key=1)(keyed), TypeError, "not 1"),  # type: ignore[arg-type]
        (lambda: herd.cached(60, task="default")(lambda: 1), TypeError, "not be one within"),
    ],
)
def test_a_mistake_is_told_where_it_is_written(
    make: Callable[[], Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        make()
