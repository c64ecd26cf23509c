"""Whole pages and template fragments with tags."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.template import Context, Engine, TemplateSyntaxError
from django.template.response import TemplateResponse
from django.test import RequestFactory

from django_redis_core_tags.decorators import cache_page

ENGINE = Engine(libraries={"cache_tags": "django_redis_core_tags.templatetags.cache_tags"})


@pytest.fixture
def served() -> list[str]:
    """What views were called for, and fragments rendered."""
    return []


def get(view: Any, path: str, *args: Any) -> bytes:
    response = view(RequestFactory().get(path), *args)
    return bytes(response.content)


def test_a_page_is_forgotten_with_its_tags(site: Any, served: list[str]) -> None:
    @cache_page(60, tags=["menu"])
    def view(request: HttpRequest) -> HttpResponse:
        served.append(request.path)
        return HttpResponse(f"page {len(served)}")

    assert view.__name__ == "view"
    assert [get(view, "/a") for _ in range(3)] == [b"page 1"] * 3
    assert get(view, "/b") == b"page 2"
    site.invalidate_tags("other")
    assert get(view, "/a") == b"page 1"
    site.invalidate_tags("menu")
    assert [get(view, "/a"), get(view, "/b"), get(view, "/a")] == [b"page 3", b"page 4", b"page 3"]


def test_tags_may_depend_on_what_the_view_is_called_with(site: Any, served: list[str]) -> None:
    @cache_page(60, tags=lambda request, author: {f"author:{author}"}, key_prefix="authors")
    def view(request: HttpRequest, author: int) -> HttpResponse:
        served.append(request.path)
        return HttpResponse(f"{author} {len(served)}")

    assert [get(view, "/1", 1), get(view, "/2", 2)] == [b"1 1", b"2 2"]
    site.invalidate_tags("author:1")
    assert [get(view, "/1", 1), get(view, "/2", 2)] == [b"1 3", b"2 2"]


def test_what_is_invalidated_while_a_page_is_made_is_so_for_it(
    site: Any, served: list[str]
) -> None:
    @cache_page(60, tags=["menu"])
    def view(request: HttpRequest) -> HttpResponse:
        served.append(request.path)
        if len(served) == 1:
            site.invalidate_tags("menu")
        return HttpResponse(f"page {len(served)}")

    assert [get(view, "/a") for _ in range(3)] == [b"page 1", b"page 2", b"page 2"]


class Response(TemplateResponse):
    def resolve_template(self, template: Any) -> Any:
        return template


@pytest.mark.usefixtures("site")
def test_a_template_response_is_stored_when_it_is_rendered(served: list[str]) -> None:
    class Template:
        def render(self, context: Any, request: Any) -> str:
            served.append("rendered")
            return f"template {len(served)}"

    @cache_page(60, tags=["menu"])
    def view(request: HttpRequest) -> HttpResponse:
        return Response(request, Template())

    for _ in range(2):
        response: Any = view(RequestFactory().get("/t"))
        if hasattr(response, "render"):
            response = response.render()
        assert response.content == b"template 1"


async def test_views_may_be_coroutines(site: Any, served: list[str]) -> None:
    @cache_page(60, tags=["menu"])
    async def view(request: HttpRequest) -> HttpResponse:
        served.append(request.path)
        return HttpResponse(f"page {len(served)}")

    async def page() -> bytes:
        return bytes((await view(RequestFactory().get("/async"))).content)

    assert [await page(), await page()] == [b"page 1", b"page 1"]
    await site.ainvalidate_tags("menu")
    assert await page() == b"page 2"


@pytest.mark.usefixtures("site")
def test_bad_tags_of_a_page() -> None:
    with pytest.raises(TypeError, match=r"write \['menu'\]"):
        cache_page(60, tags="menu")

    def view(request: HttpRequest) -> HttpResponse:
        raise AssertionError("the view was called")

    with pytest.raises(TypeError, match="of type str, not 3"):
        get(cache_page(60, tags=[3])(view), "/")  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"write \['menu'\]"):
        get(cache_page(60, tags=lambda request: "menu")(view), "/")
    with pytest.raises(ImproperlyConfigured, match=r"CACHES\['plain'\] has none"):
        get(cache_page(60, tags=["menu"], cache="plain")(view), "/")


# Fragments


def render(text: str, **context: Any) -> str:
    return str(ENGINE.from_string("{% load cache_tags %}" + text).render(Context(context)))


class Counter:
    """What a template shows: how often it was rendered."""

    def __init__(self) -> None:
        self.count = 0

    def next(self) -> int:
        self.count += 1
        return self.count


FRAGMENT = (
    '{% tagged_cache 500 side user tag="menu" tag=author tags=more using="default" %}'
    "{{ user }} {{ counter.next }}{% endtagged_cache %}"
)


def test_a_fragment_is_forgotten_with_its_tags(site: Any) -> None:
    shown = {"counter": Counter(), "author": 3, "more": ["a", "b"]}
    assert [render(FRAGMENT, user="ann", **shown) for _ in range(2)] == ["ann 1", "ann 1"]
    assert render(FRAGMENT, user="bob", **shown) == "bob 2"
    for number, tag in enumerate(["menu", "3", "a", "b"], 3):
        site.invalidate_tags(tag)
        assert [render(FRAGMENT, user="ann", **shown) for _ in range(2)] == [f"ann {number}"] * 2
    site.invalidate_tags("c")
    assert render(FRAGMENT, user="ann", **shown) == "ann 6"


def test_what_is_invalidated_while_a_fragment_is_rendered_is_so_for_it(site: Any) -> None:
    counter = Counter()

    def invalidating() -> int:
        if not counter.count:
            site.invalidate_tags("menu")
        return counter.next()

    text = '{% tagged_cache 500 slow tag="menu" %}{{ show }}{% endtagged_cache %}'
    assert [render(text, show=invalidating) for _ in range(3)] == ["1", "2", "2"]


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ('500 tag="menu"', "takes seconds, a name"),
        ("500 side user", "at least one tag"),
        ('500 side tag="a" using="x" using="y"', "takes seconds, a name"),
        ('"soon" side tag="menu"', "takes whole seconds, not 'soon'"),
        ("500 side tag=unknown.thing", "tags have 1 to 200 bytes as UTF-8, and '' has 0"),
        ('500 side tags="menu"', "tags= is a list, not 'menu': write tag="),
        ('500 side tag="menu" using="nowhere"', "no cache 'nowhere' in CACHES (default, plain)"),
        ('500 side tag="menu" using="plain"', "CACHES['plain'] has none"),
    ],
)
def test_a_bad_fragment_is_refused(arguments: str, words: str) -> None:
    with pytest.raises((TemplateSyntaxError, ImproperlyConfigured, ValueError)) as caught:
        render(f"{{% tagged_cache {arguments} %}}never{{% endtagged_cache %}}", user="ann")
    assert words in str(caught.value)
