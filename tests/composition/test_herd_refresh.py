"""Values that are computed ahead, where tags, copies and shards are in the way."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import caches
from django.test import override_settings

import django_redis_core_herd as herd
from django_redis_core_herd import entries

from .test_tags import STACK

PATIENCE = 30


class Clock:
    """herd's clock, which can be put forward."""

    def __init__(self, real: Any) -> None:
        self.real, self.ahead = real, 0.0

    def time(self) -> float:
        return float(self.real.time()) + self.ahead

    def perf_counter(self) -> float:
        return float(self.real.perf_counter()) + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(entries.time)
    monkeypatch.setattr(entries, "time", clock)
    return clock


@pytest.fixture
def site(four_servers: Any, clock: Clock) -> Iterator[Any]:
    """The whole stack, as the site's cache."""
    entry = {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": [server.url for server in four_servers],
        "KEY_PREFIX": f"refresh-{uuid4().hex[:8]}",
        "OPTIONS": {**STACK, "HERD_REFRESH": "background"},
    }
    with override_settings(CACHES={"default": entry}):
        yield caches["default"]
        caches["default"].clear()


def settle(cache: Any) -> None:
    for worker in list(cache._engine.client.workers.running):
        assert worker.ended.wait(PATIENCE)


class Pages:
    """A function that is let go by the test, from its second call on."""

    def __init__(self) -> None:
        self.calls = 0
        self.begun, self.go = threading.Event(), threading.Event()

    def render(self) -> str:
        self.calls += 1
        if self.calls > 1:
            self.begun.set()
            assert self.go.wait(PATIENCE)
        return f"page {self.calls}"


@pytest.fixture
def pages() -> Iterator[Pages]:
    pages = Pages()
    yield pages
    pages.go.set()


@pytest.fixture
def page(site: Any, pages: Pages) -> Callable[[str], str]:
    @herd.cached(60, tags=lambda name: ["menu", f"author:{name}"])
    def page(name: str) -> str:
        return pages.render()

    return page


def test_nobody_waits(site: Any, clock: Clock, pages: Pages, page: Any) -> None:
    assert page("ada") == "page 1"
    clock.ahead += 61
    assert [page("ada") for _ in range(4)] == ["page 1"] * 4
    assert pages.begun.wait(PATIENCE)
    pages.go.set()
    settle(site)
    assert page("ada") == "page 2"
    assert pages.calls == 2


def test_early_too(
    site: Any, clock: Clock, pages: Pages, page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = pages.render

    def dear() -> str:
        clock.ahead += 2
        return render()

    monkeypatch.setattr(pages, "render", dear)
    assert page("ada") == "page 1"
    monkeypatch.setattr(random, "random", lambda: 1 - 2**-53)
    pages.go.set()
    assert page("ada") == "page 1"
    settle(site)
    monkeypatch.undo()
    assert site.get(page.key("ada")) == "page 2"


@pytest.mark.parametrize("tag", ["menu", "author:ada"])
def test_what_was_invalidated_is_not_shown_until_there_is_another(
    site: Any, clock: Clock, pages: Pages, page: Any, tag: str
) -> None:
    assert page("ada") == "page 1"
    clock.ahead += 61
    site.invalidate_tags(tag)
    pages.go.set()
    assert page("ada") == "page 2"
    assert site.get(page.key("ada")) == "page 2"


def test_what_is_invalidated_while_it_is_computed_is_not_shown(
    site: Any, clock: Clock, pages: Pages, page: Any
) -> None:
    assert page("ada") == "page 1"
    clock.ahead += 61
    assert page("ada") == "page 1"
    assert pages.begun.wait(PATIENCE)
    site.invalidate_tags("menu")
    pages.go.set()
    settle(site)
    assert site.get(page.key("ada")) is None
    assert page("ada") == "page 3"


def test_refresh_has_tags(site: Any, pages: Pages, page: Any) -> None:
    pages.go.set()
    assert [page("ada"), page.refresh("ada"), page("ada")] == ["page 1", "page 2", "page 2"]
    site.invalidate_tags("author:ada")
    assert page("ada") == "page 3"
    assert page.invalidate("ada") is True


async def test_coroutines(site: Any, clock: Clock) -> None:
    calls = []

    @herd.cached(60, tags=["menu"])
    async def page(name: str) -> str:
        calls.append(name)
        await asyncio.sleep(0)
        return f"{name} {len(calls)}"

    assert await page("ada") == "ada 1"
    clock.ahead += 61
    assert [await page("ada") for _ in range(2)] == ["ada 1"] * 2
    for worker in list(site._engine.client.workers.running):
        await worker.task
    assert await page("ada") == "ada 2"
    await site.ainvalidate_tags("menu")
    assert await page("ada") == "ada 3"
