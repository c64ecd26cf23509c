"""What all pages have: the admin's frame, permissions, and the log of changes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from .models import Cache

__all__ = ["CHANGE", "DELETION", "Page"]


class Page:
    """One request to one of the pages."""

    def __init__(self, model_admin: Any, request: HttpRequest) -> None:
        self.request = request
        self._admin = model_admin
        request.current_app = model_admin.admin_site.name

    @property
    def may_change(self) -> bool:
        return bool(self._admin.has_change_permission(self.request))

    def show(self, template: str, title: str, **context: Any) -> HttpResponse:
        return TemplateResponse(
            self.request,
            f"django_redis_core_admin/{template}.html",
            {
                **self._admin.admin_site.each_context(self.request),
                "title": title,
                "opts": Cache._meta,
                "may_change": self.may_change,
                **context,
            },
        )

    def url(self, name: str, alias: str, **query: Any) -> str:
        """The address of a page, with those of ``query`` that are not empty."""
        place = reverse(
            f"admin:redis_caches_cache_{name}",
            args=[alias],
            current_app=self._admin.admin_site.name,
        )
        given = {key: value for key, value in query.items() if value not in ("", None, False)}
        return f"{place}?{urlencode(given)}" if given else str(place)

    def go(self, name: str, alias: str, **query: Any) -> HttpResponse:
        return HttpResponseRedirect(self.url(name, alias, **query))

    def say(self, words: str) -> None:
        messages.success(self.request, words)

    def warn(self, words: str) -> None:
        messages.error(self.request, words)

    def log(self, flag: int, alias: str, keys: Iterable[str], version: str, words: str) -> None:
        """Writes to the admin's log, a line a key."""
        about = ContentType.objects.get_for_model(Cache)
        LogEntry.objects.bulk_create(
            LogEntry(
                user_id=self.request.user.pk,
                content_type=about,
                object_id=json.dumps([alias, key, version]),
                object_repr=f"{alias}: {key}"[:200],
                action_flag=flag,
                change_message=words,
            )
            for key in keys
        )
