"""A budget for each request: see ``django_redis_core.budget``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction

from ._budgets import Budget
from ._settings import request_budget


class CacheBudgetMiddleware:
    """Gives each request ``settings.CACHE_BUDGET_SECONDS`` for waiting for caches' servers.

    Everything behind it shares them: other middleware, the view, templates. Under WSGI and ASGI.
    What a streaming response reads while it is sent is outside. A subclass may set ``seconds`` of
    its own. Raises ImproperlyConfigured when the site starts, where they are missing or no positive
    number.
    """

    sync_capable = True
    async_capable = True

    #: None: as in settings.
    seconds: float | None = None

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self.get_response = get_response
        self._seconds = request_budget(type(self), self.seconds)
        self._asynchronous = iscoroutinefunction(get_response)
        if self._asynchronous:
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        if self._asynchronous:
            return self._acall(request)
        with Budget(self._seconds):
            return self.get_response(request)

    async def _acall(self, request: Any) -> Any:
        answer: Awaitable[Any]
        with Budget(self._seconds):
            answer = self.get_response(request)
            return await answer
