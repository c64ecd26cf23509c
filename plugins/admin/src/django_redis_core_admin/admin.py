"""The pages' place in the admin: their URLs, and who may open them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from django_redis_core.operating import operated_caches

from . import history, views
from .models import Cache
from .page import Page

View = Callable[..., HttpResponse]


class CacheAdmin(admin.ModelAdmin):
    """The caches of ``CACHES``. Whoever has ``redis_caches.view_cache`` may look, at keys and
    values too; ``redis_caches.change_cache`` lets delete and expire."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        # The names of the first and the last are those that the admin and its log link to.
        return [
            path("", self._page(views.overview), name="redis_caches_cache_changelist"),
            path("<str:alias>/", self._page(views.one_cache), name="redis_caches_cache_cache"),
            path("<str:alias>/live/", self._page(views.live), name="redis_caches_cache_live"),
            path(
                "<str:alias>/live.json", self._page(views.counters), name="redis_caches_cache_data"
            ),
            path(
                "<str:alias>/history/", self._page(history.page), name="redis_caches_cache_history"
            ),
            path("<str:alias>/keys/", self._page(views.keys), name="redis_caches_cache_keys"),
            path("<str:alias>/entry/", self._page(views.entry), name="redis_caches_cache_entry"),
            path(
                "<str:alias>/entry/decoded/",
                self._page(views.decoded, change=True),
                name="redis_caches_cache_decoded",
            ),
            path(
                "<str:alias>/delete/",
                self._page(views.delete, change=True),
                name="redis_caches_cache_remove",
            ),
            path(
                "<str:alias>/expire/",
                self._page(views.expire, change=True),
                name="redis_caches_cache_expire",
            ),
            path(
                "<path:object_id>/change/",
                self._page(views.logged),
                name="redis_caches_cache_change",
            ),
        ]

    def _page(self, view: Callable[..., HttpResponse], *, change: bool = False) -> View:
        """A view for whom it is for. What changes something is asked for by POST, with Django's
        token, so that no link of anybody's can do it."""

        def guarded(request: HttpRequest, **arguments: Any) -> HttpResponse:
            allowed = self.has_change_permission if change else self.has_view_permission
            if not allowed(request):
                raise PermissionDenied
            alias = arguments.pop("alias", None)
            cache = None
            if alias is not None:
                cache = next((one for one in operated_caches() if one.alias == alias), None)
                if cache is None:
                    raise Http404(f"There is no cache {alias!r} of django-redis-core in CACHES.")
            page = Page(self, request)
            return view(page, **arguments) if cache is None else view(page, cache, **arguments)

        method = require_POST if change else require_GET
        wrapped: View = self.admin_site.admin_view(never_cache(method(guarded)))
        return wrapped


admin.site.register(Cache, CacheAdmin)
