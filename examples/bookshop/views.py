"""The shop's pages."""

from __future__ import annotations

import time
from functools import partial

from django.conf import settings
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_page, never_cache
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from . import measure
from .books import BOOKS, BY_SLUG, alike

CALLS = 15  # of each operation, each time the live page is loaded


def rendering(name: str) -> int:
    """The number of this rendering of a page or fragment, of all processes together."""
    return cache.incr(f"renderings:{name}", ignore_key_check=True)


@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """Measures every cache while the reader waits, and shows what came out."""
    start = time.perf_counter()
    report = measure.measure(CALLS)
    context = {
        "aliases": measure.by_alias(report.lines),
        "wrong": report.wrong,
        "values": report.values,
        "servers": measure.servers(),
        "milliseconds": (time.perf_counter() - start) * 1000,
        "calls": CALLS,
        "location": settings.SERVER,
        "again": 5 if "again" in request.GET else None,
    }
    return render(request, "bookshop/live.html", context)


@cache_page(60, cache="pages")
def catalogue(request: HttpRequest) -> HttpResponse:
    """All books, as a page that is rendered once a minute."""
    context = {"books": BOOKS, "rendering": rendering("catalogue")}
    return render(request, "bookshop/catalogue.html", context)


def book(request: HttpRequest, slug: str) -> HttpResponse:
    """One book, with a fragment that is kept and the visitor's own list, in the session."""
    found = BY_SLUG.get(slug)
    if found is None:
        raise Http404(f"There is no book {slug!r}.")
    seen = [other for other in request.session.get("seen", []) if other != slug]
    request.session["seen"] = [*seen, slug]
    context = {
        "book": found,
        "alike": partial(alike, found),
        "seen": [BY_SLUG[other] for other in seen],
        # Called by the template only when the fragment is not in the cache.
        "rendering": partial(rendering, f"alike:{slug}"),
    }
    return render(request, "bookshop/book.html", context)


@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """What was counted since the site began, as Prometheus reads it."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)
