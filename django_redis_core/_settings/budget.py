"""The setting of ``CacheBudgetMiddleware``."""

from __future__ import annotations

import math
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .named import refusal

SETTING = "CACHE_BUDGET_SECONDS"


def request_budget(middleware: type[Any], own: Any) -> float:
    """The seconds of a request: ``own`` of the middleware's class, or the setting. Raises
    ImproperlyConfigured."""
    where = f"settings.MIDDLEWARE: {middleware.__module__}.{middleware.__qualname__}"
    value = getattr(settings, SETTING, None) if own is None else own
    if value is None:
        raise ImproperlyConfigured(
            f"{where} needs settings.{SETTING}, the seconds that a request may wait for caches in "
            f"all. Write, for example, {SETTING} = 0.2."
        )
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        name = f"settings.{SETTING}" if own is None else "its attribute seconds"
        raise refusal(where, name, value, "a positive number of seconds, such as 0.2")
    return float(value)
