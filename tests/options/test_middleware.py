"""``CacheBudgetMiddleware``: one budget for each request; wrong settings are refused in words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory, override_settings
from django.urls import path

from django_redis_core.cache import RedisCache
from django_redis_core.middleware import CacheBudgetMiddleware
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server

NAME = "django_redis_core.middleware.CacheBudgetMiddleware"
#: Seconds after which the server answers: less than the cache would wait.
LATE = 4

cache: RedisCache


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str([cache.get(f"k{n}") for n in range(10)]))


async def apage(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str([await cache.aget(f"k{n}") for n in range(10)]))


urlpatterns = [path("page", page), path("apage", apage)]


@pytest.fixture(autouse=True)
def slow_server(redis_server: Server) -> Iterator[None]:
    global cache
    with FaultProxy(redis_server.host, redis_server.port) as proxy:
        cache = RedisCache(proxy.url, {"OPTIONS": {**PATIENCE, "IGNORE_EXCEPTIONS": True}})
        cache.get("k")
        proxy.latency(LATE / 2)
        yield


@pytest.fixture(autouse=True)
def site() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[NAME], ALLOWED_HOSTS=["*"]):
        yield


@pytest.mark.parametrize("url", ["/page", "/apage"])
def test_a_page_waits_for_its_budget(url: str) -> None:
    with override_settings(CACHE_BUDGET_SECONDS=0.1):
        handler: Any = WSGIHandler()
        request = RequestFactory().get(url)
        for _ in range(2):  # each has one of its own
            began = time.monotonic()
            response = handler.get_response(request)
            assert 0.09 < time.monotonic() - began < LATE
            assert response.content.decode() == str([None] * 10)


@pytest.mark.parametrize("url", ["/page", "/apage"])
def test_and_under_asgi(url: str) -> None:
    async def main() -> None:
        handler: Any = ASGIHandler()
        request = AsyncRequestFactory().get(url)
        began = time.monotonic()
        response = await handler.get_response_async(request)
        assert 0.09 < time.monotonic() - began < LATE
        assert response.content.decode() == str([None] * 10)

    with override_settings(CACHE_BUDGET_SECONDS=0.1):
        asyncio.run(main())


@pytest.mark.parametrize("value", [0, -1, "0.2", True, float("inf"), float("nan"), [0.2]])
def test_what_is_no_positive_number_is_refused_at_the_start(value: Any) -> None:
    words = r"CacheBudgetMiddleware: settings.CACHE_BUDGET_SECONDS must be a positive number of sec"
    with override_settings(CACHE_BUDGET_SECONDS=value):
        with pytest.raises(ImproperlyConfigured, match=words):
            WSGIHandler()
        with pytest.raises(ImproperlyConfigured, match=words):
            ASGIHandler()


def test_so_is_a_setting_that_is_missing() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"Write, for example, CACHE_BUDGET_SECONDS = 0"):
        WSGIHandler()


def test_a_subclass_has_seconds_of_its_own() -> None:
    class Quick(CacheBudgetMiddleware):
        seconds = 0.05

    class Wrong(CacheBudgetMiddleware):
        seconds = 0

    began = time.monotonic()
    Quick(page)(HttpRequest())
    assert 0.04 < time.monotonic() - began < LATE
    with pytest.raises(ImproperlyConfigured, match="Wrong: its attribute seconds must be"):
        Wrong(page)
