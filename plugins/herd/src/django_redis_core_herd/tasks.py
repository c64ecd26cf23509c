"""Results that a task of Django's computes (``django.tasks``, since Django 6.0).

Imported where ``task=`` of ``cached`` is used. A worker finds the task by this module and its name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import reduce
from importlib import import_module
from typing import Any

from asgiref.sync import async_to_sync
from django.tasks import DEFAULT_TASK_BACKEND_ALIAS, task, task_backends

from .decorators import CachedCoroutine, CachedFunction
from .refreshing import DUE

#: One that there is; which one computes is said for each function.
_SOME = next(
    (alias for alias in task_backends if alias != DEFAULT_TASK_BACKEND_ALIAS),
    DEFAULT_TASK_BACKEND_ALIAS,
)
if DEFAULT_TASK_BACKEND_ALIAS in task_backends.settings:
    _SOME = DEFAULT_TASK_BACKEND_ALIAS


@task(backend=_SOME)  # type: ignore[untyped-decorator]
def compute(module: str, name: str, key: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Computes the result of a call, where it is still wanted."""
    found: Any = reduce(getattr, name.split("."), import_module(module))
    if not isinstance(found, CachedFunction | CachedCoroutine):
        raise TypeError(f"{module}.{name} is not decorated with @cached.")
    get: Any = async_to_sync(found._get) if isinstance(found, CachedCoroutine) else found._get
    get(key, args, kwargs, recompute=DUE)


def enqueuing(
    backend: str, path: tuple[str, str], key: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Callable[[], Any]:
    """What has the task compute the result of a call."""
    chosen: Any = compute.using(backend=backend)
    return lambda: chosen.enqueue(*path, key, list(args), dict(kwargs))


def aenqueuing(
    backend: str, path: tuple[str, str], key: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Callable[[], Awaitable[Any]]:
    """The same on asyncio."""
    chosen: Any = compute.using(backend=backend)

    async def enqueue() -> Any:
        return await chosen.aenqueue(*path, key, list(args), dict(kwargs))

    return enqueue
