"""Every order in which operations of several processes can reach a server.

A process is a generator that yields between its steps; a step is one round trip to the real server,
or a change of the database. All orders of all steps are run, each from an empty cache.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from django_redis_core.cache import RedisCache
from django_redis_core.commands import Operation

Process = Generator[None, None, Any]


class Steps:
    """The operations of a cache, a step for each of their round trips."""

    def __init__(self, cache: RedisCache) -> None:
        self._driver = cache._engine.driver

    def __getattr__(self, name: str) -> Callable[..., Process]:
        begin = getattr(self._driver.begin, name)
        return lambda *args, **kwargs: self._steps(begin(*args, **kwargs))

    def _steps(self, operation: Operation[Any]) -> Process:
        try:
            request = operation.send(None)
            while True:
                try:
                    answer = self._driver.execute(request)
                except Exception as error:
                    request = operation.throw(error)
                else:
                    request = operation.send(answer)
                yield
        except StopIteration as stop:
            return stop.value


def orders(start: Callable[[], Sequence[Process]]) -> Iterator[list[int]]:
    """Runs the processes that ``start`` makes anew each time, in every order of their steps. Yields
    after each run the order: who went at each step."""
    forced: list[int] = []
    while True:
        processes = dict(enumerate(start()))
        taken: list[tuple[int, int]] = []
        order: list[int] = []
        while processes:
            alive = list(processes)
            choice = forced[len(taken)] if len(taken) < len(forced) else 0
            taken.append((choice, len(alive)))
            who = alive[choice]
            order.append(who)
            try:
                next(processes[who])
            except StopIteration:
                del processes[who]
        yield order
        while taken and taken[-1][0] == taken[-1][1] - 1:
            taken.pop()
        if not taken:
            return
        choice, _ = taken.pop()
        forced = [*(done for done, _ in taken), choice + 1]
