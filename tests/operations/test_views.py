"""Django's cached pages and template fragments over the cache."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import caches
from django.core.cache.utils import make_template_fragment_key
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import RequestFactory, override_settings
from django.views.decorators.cache import cache_page, never_cache
from django.views.decorators.vary import vary_on_headers

from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server


@pytest.fixture
def pages(redis_server: Server) -> Iterator[RedisCache]:
    entry = {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": redis_server.url,
        "KEY_PREFIX": "test-views",
    }
    with override_settings(CACHES={"default": entry, "template_fragments": entry}):
        yield caches["default"]
        caches["default"].clear()


@pytest.fixture
def served() -> list[str]:
    """What views were called for."""
    return []


@pytest.mark.usefixtures("pages")
def test_a_page_is_computed_once(served: list[str]) -> None:
    @cache_page(60)
    def view(request: HttpRequest) -> HttpResponse:
        served.append(request.get_full_path())
        return HttpResponse(f"page {len(served)}")

    factory = RequestFactory()
    assert [view(factory.get("/a")).content for _ in range(3)] == [b"page 1"] * 3
    assert view(factory.get("/a?page=2")).content == b"page 2"
    assert view(factory.head("/a?page=2")).status_code == 200
    view(factory.post("/a"))
    assert served == ["/a", "/a?page=2", "/a"], "only a POST is computed again"


def test_a_page_lives_as_long_as_the_view_says(pages: RedisCache, served: list[str]) -> None:
    @cache_page(60, key_prefix="site")
    def view(request: HttpRequest) -> HttpResponse:
        served.append(request.get_full_path())
        return HttpResponse("page")

    view(RequestFactory().get("/a"))
    keys = pages.keys("views.decorators.cache.*.site.*")
    assert len(keys) == 2, "the page and the headers that it varies by"
    assert all(50 < pages.ttl(key) <= 60 for key in keys)
    pages.delete_many(keys)
    view(RequestFactory().get("/a"))
    assert len(served) == 2


@pytest.mark.usefixtures("pages")
def test_a_page_varies_by_header(served: list[str]) -> None:
    @cache_page(60)
    @vary_on_headers("X-Site")
    def view(request: HttpRequest) -> HttpResponse:
        served.append(request.headers["X-Site"])
        return HttpResponse(request.headers["X-Site"])

    for _ in range(2):
        for site in ("de", "fr"):
            request = RequestFactory().get("/a", headers={"x-site": site})
            assert view(request).content == site.encode()
    assert served == ["de", "fr"]


def test_a_page_that_must_not_be_cached_is_not(pages: RedisCache, served: list[str]) -> None:
    @cache_page(60)
    @never_cache
    def view(request: HttpRequest) -> HttpResponse:
        served.append("again")
        return HttpResponse("page")

    view(RequestFactory().get("/a"))
    view(RequestFactory().get("/a"))
    assert len(served) == 2
    assert pages.keys("*") == []


def test_a_template_fragment_is_rendered_once_for_each_name(
    pages: RedisCache, served: list[str]
) -> None:
    template = engines["django"].from_string(
        "{% load cache %}{% cache 60 sidebar user %}{{ rendered }}{% endcache %}"
    )

    def render(user: str) -> str:
        def rendered() -> str:
            served.append(user)
            return f"for {user}"

        return str(template.render({"user": user, "rendered": rendered}))

    assert [render(user) for user in ("ann", "bob", "ann")] == ["for ann", "for bob", "for ann"]
    assert served == ["ann", "bob"]
    key = make_template_fragment_key("sidebar", ["ann"])
    assert 50 < pages.ttl(key) <= 60
    pages.delete(key)
    render("ann")
    assert served == ["ann", "bob", "ann"]
