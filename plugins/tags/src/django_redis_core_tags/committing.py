"""What waits for the end of the database's transaction.

What a transaction has written is seen by others when it ends. A reader who comes between an
invalidation and that would store the old value anew, under the new generation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db import connections, transaction

from django_redis_core.commands import Operation, WantRunner
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.interfaces import DEFAULT_TIMEOUT, CacheKey, ClientContext
from django_redis_core.signals import exception_ignored

from .envelope import Encoded
from .options import NEVER, WRITES
from .writing import Tags, Writing


class Committing(Writing):
    """``invalidate_tags`` and, by option, ``set``, ``set_many``, ``delete``, ``delete_many`` and
    what ``get_or_set`` stores. These return another operation, so that where nothing waits they
    cost a call and no generator."""

    def __init__(self, context: ClientContext, **options: Any) -> None:
        super().__init__(context, **options)
        self.tags_writes_wait = self.tags_on_commit == WRITES
        if self.tags_on_commit != NEVER and self.tags_database not in connections.settings:
            raise ValueError(
                f"TAGS_DATABASE must be an alias in DATABASES ({', '.join(connections.settings)}), "
                f"not {self.tags_database!r}"
            )

    def tags_in_transaction(self) -> bool:
        """Of this thread's connection; where it has made none yet, none is made for this."""
        return any(
            connection.in_atomic_block
            for connection in connections.all(initialized_only=True)
            if connection.alias == self.tags_database
        )

    def after_commit(
        self, name: str, make: Callable[[], Operation[Any]], answer: Any
    ) -> Operation[Any]:
        """Leaves an operation for the transaction's end, and has ``answer`` until then. On asyncio,
        where Django has no transaction that could be open, it is done at once."""
        runner = yield WantRunner()
        if runner.asynchronous:
            return (yield from make())

        def act() -> None:
            try:
                # As every operation begins, for clients that see all of them.
                runner.run(self.around(name, make()))
            except ConnectionInterrupted as trouble:
                if not self.ignore_exceptions:
                    raise
                exception_ignored.send_robust(sender=self.alias, operation=name, exception=trouble)

        transaction.on_commit(act, using=self.tags_database)
        return answer

    def invalidate_tags(self, *tags: str, version: Any = None) -> Operation[int]:
        if self.tags_on_commit != NEVER and self.tags_in_transaction():
            return self._invalidate_later(tags, version)
        return super().invalidate_tags(*tags, version=version)

    def _invalidate_later(self, tags: tuple[str, ...], version: Any) -> Operation[int]:
        homes = [self.tag_home(name, version) for name in self.tag_names(tags)]
        if not homes:
            return 0
        return int(
            (yield from self.after_commit("invalidate_tags", lambda: self.forget_tags(homes), 0))
        )

    def set(
        self,
        key: Any,
        value: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        *,
        nx: bool = False,
        xx: bool = False,
        tags: Tags = (),
        **more: Any,
    ) -> Operation[bool]:
        if self.tags_writes_wait and not (nx or xx) and self.tags_in_transaction():
            return self._set_later(key, value, timeout, version, tags, more)
        return super().set(key, value, timeout, version, nx=nx, xx=xx, tags=tags, **more)

    def _set_later(
        self,
        key: Any,
        value: Any,
        timeout: Any,
        version: Any,
        tags: Tags,
        more: Mapping[str, Any],
    ) -> Operation[bool]:
        milliseconds = self.milliseconds(timeout)
        full = CacheKey(self.naming.make(key, version))
        # As it is now, and what cannot be stored is an error of this line. The tags as well: what
        # is invalidated until then is so for a value that was computed before.
        value = yield from self.labelled_for(value, tags, version, milliseconds)
        value = Encoded(self.encode(full, value))
        inner: Any = super()
        return bool(
            (
                yield from self.after_commit(
                    "set", lambda: inner.set(full, value, timeout, **more), True
                )
            )
        )

    def set_many(
        self,
        data: Mapping[Any, Any],
        timeout: Any = DEFAULT_TIMEOUT,
        version: Any = None,
        *,
        tags: Tags = (),
        **more: Any,
    ) -> Operation[list[Any]]:
        if self.tags_writes_wait and data and self.tags_in_transaction():
            return self._set_many_later(data, timeout, version, tags, more)
        return super().set_many(data, timeout, version, tags=tags, **more)

    def _set_many_later(
        self,
        data: Mapping[Any, Any],
        timeout: Any,
        version: Any,
        tags: Tags,
        more: Mapping[str, Any],
    ) -> Operation[list[Any]]:
        fulls = [CacheKey(full) for full in self.naming.make_many(data, version)]
        names = dict(zip(fulls, data, strict=True))
        given = dict(zip(fulls, data.values(), strict=True))
        labelled = yield from self.all_labelled_for(
            given, tags, version, self.milliseconds(timeout)
        )
        values = {full: Encoded(self.encode(full, value)) for full, value in labelled.items()}
        inner: Any = super()
        done = yield from self.after_commit(
            "set_many", lambda: inner.set_many(values, timeout, **more), []
        )
        return [names[full] for full in done]

    def offer(self, key: Any, version: Any, value: Any, milliseconds: int | None) -> Operation[Any]:
        if self.tags_writes_wait and self.tags_in_transaction():
            return self._offer_later(key, version, value, milliseconds)
        return super().offer(key, version, value, milliseconds)

    def _offer_later(
        self, key: Any, version: Any, value: Any, milliseconds: int | None
    ) -> Operation[Any]:
        full = CacheKey(self.naming.make(key, version))
        encoded = Encoded(self.encode(full, value))
        inner: Any = super()
        answer = self.without_envelope(value)
        return (
            yield from self.after_commit(
                "get_or_set", lambda: inner.offer(full, version, encoded, milliseconds), answer
            )
        )

    def delete(
        self, key: Any, version: Any = None, prefix: str | None = None, **more: Any
    ) -> Operation[bool]:
        if self.tags_writes_wait and self.tags_in_transaction():
            return self._delete_later(key, version, prefix, more)
        return super().delete(key, version, prefix, **more)

    def _delete_later(
        self, key: Any, version: Any, prefix: str | None, more: Mapping[str, Any]
    ) -> Operation[bool]:
        full = CacheKey(self.naming.make(key, version, prefix))
        inner: Any = super()
        return bool(
            (yield from self.after_commit("delete", lambda: inner.delete(full, **more), False))
        )

    def delete_many(
        self, keys: Iterable[Any], version: Any = None, **more: Any
    ) -> Operation[int | None]:
        if self.tags_writes_wait and self.tags_in_transaction():
            return self._delete_many_later(keys, version, more)
        return super().delete_many(keys, version, **more)

    def _delete_many_later(
        self, keys: Iterable[Any], version: Any, more: Mapping[str, Any]
    ) -> Operation[int | None]:
        fulls = [CacheKey(full) for full in self.naming.make_many(keys, version)]
        inner: Any = super()
        if not fulls:
            return None
        return int(
            (
                yield from self.after_commit(
                    "delete_many", lambda: inner.delete_many(fulls, **more), 0
                )
            )
        )
