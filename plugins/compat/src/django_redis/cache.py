"""The backend under django-redis' path, and what subclasses of it are written with."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django_redis_core.cache import RedisCache as CoreCache
from django_redis_core.exceptions import ConnectionInterrupted

from ._link import blocking_client

__all__ = ["RedisCache", "omit_exception"]


def omit_exception(
    method: Callable[..., Any] | None = None, return_value: Any = None
) -> Callable[..., Any]:
    """Decorates a method of a backend subclass: with ``IGNORE_EXCEPTIONS`` it returns
    ``return_value`` while the server is in trouble. The cache's own operations need no such
    decorator."""
    if method is None:
        return partial(omit_exception, return_value=return_value)

    @wraps(method)
    def omitting(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except ConnectionInterrupted:
            if not self._ignore_exceptions:
                raise
            if self._log_ignored_exceptions:
                level = getattr(logging, self._engine.options.log_ignored_level)
                self.logger.log(level, "Exception ignored", exc_info=True)
            return return_value

    return omitting


class RedisCache(CoreCache):
    """django-redis-core's backend, with a ``client`` whose methods are blocking calls, and with
    what subclasses of django-redis' backend read when a server is in trouble."""

    @property
    def client(self) -> Any:
        """The ``DefaultClient``, or what ``CLIENT_CLASS`` says, of this cache."""
        return blocking_client(self)

    @property
    def _ignore_exceptions(self) -> bool:
        return self._engine.options.ignore_exceptions

    @property
    def _log_ignored_exceptions(self) -> bool:
        return self._engine.options.log_ignored_exceptions

    @property
    def logger(self) -> logging.Logger:
        """Where ignored exceptions are logged (``LOGGER``)."""
        return self._engine.logger
