"""The backend under django-redis' path, and what subclasses of it are written with."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import Any, Self, TypeVar

from django_redis_core.cache import RedisCache as CoreCache
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.interfaces import always

from ._link import blocking_client

__all__ = ["CONNECTION_INTERRUPTED", "ClientType", "RedisCache", "omit_exception"]

ClientType = TypeVar("ClientType")

#: What ``_get`` returns while the server is in trouble and that is ignored.
CONNECTION_INTERRUPTED = object()


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


#: The operations that answer None in django-redis 7.0.0 while the server is in trouble and that is
#: ignored. Of the others get, get_many and get_or_set answer as they do here; the rest lets
#: redis-py's errors through there, in spite of the option, and has the core's answers.
_ANSWER_NONE = (
    "add",
    "clear",
    "decr",
    "decr_version",
    "delete",
    "delete_many",
    "delete_pattern",
    "has_key",
    "incr",
    "incr_version",
    "keys",
    "set",
    "set_many",
)


class RedisCache(CoreCache):
    """django-redis-core's backend, with a ``client`` whose methods are blocking calls, and with
    what subclasses of django-redis' backend read when a server is in trouble.

    With ``IGNORE_EXCEPTIONS`` it answers as django-redis does: None, of ``add`` and ``incr`` too,
    unless ``IGNORE_EXCEPTIONS_FOR`` says which of those that fail closed answer.
    """

    def __init__(self, server: Any, params: Mapping[str, Any]) -> None:
        super().__init__(server, params)
        # As a subclass finds them; by object's own way, for they are no override.
        object.__setattr__(self, "_server", server)
        object.__setattr__(self, "_params", params)

    def __class_getitem__(cls, item: Any) -> type[Self]:
        """For annotations: django-redis' class is generic in its client."""
        return cls

    _ignored = dict.fromkeys(_ANSWER_NONE, always(lambda: None))

    @property
    def client(self) -> Any:
        """The ``DefaultClient``, or what ``CLIENT_CLASS`` says, of this cache."""
        return blocking_client(self)

    @property
    def _client(self) -> Any:
        return self.client

    @property
    def _client_cls(self) -> type[Any]:
        return type(self.client)

    @property
    def _default_scan_itersize(self) -> int:
        return self._engine.options.scan_itersize

    @omit_exception(return_value=CONNECTION_INTERRUPTED)
    def _get(self, key: Any, default: Any, version: Any, client: Any) -> Any:
        return self.client.get(key, default=default, version=version, client=client)

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
