"""The site's addresses, and the policy under which its pages must work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]

#: No inline script or style, nothing of other sites.
POLICY = "default-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def strict(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Middleware that asks browsers for it."""

    def respond(request: Any) -> Any:
        response = get_response(request)
        response["Content-Security-Policy"] = POLICY
        return response

    return respond
