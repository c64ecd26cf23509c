"""Functions of a module, as a task finds them."""

from __future__ import annotations

from django_redis_core_herd import cached

CALLS: list[int] = []


@cached(60, task="default")
def squared(number: int) -> int:
    CALLS.append(number)
    return number * number


@cached(60, task="default")
async def cubed(number: int) -> int:
    CALLS.append(number)
    return number**3


@cached(60, task="queue")
def queued(number: int, by: int = 1) -> int:
    CALLS.append(number)
    return number * by
