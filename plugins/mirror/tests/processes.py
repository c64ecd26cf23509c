"""Processes of a site that are driven a command at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

from django_redis_core.cache import RedisCache
from django_redis_core.commands import Command, Spread
from django_redis_core_mirror.client import MirrorClient
from django_redis_core_mirror.phases import Phase
from django_redis_core_mirror.switch import Known
from django_redis_core_mirror.topology import OldKey


class Process:
    """A process of the site, which knows one phase."""

    def __init__(self, cache: RedisCache) -> None:
        self.cache = cache
        self.execute = cache._engine.driver.execute
        client = cache.built.client
        assert isinstance(client, MirrorClient)
        self.client = client
        self.phase = Phase.OLD

    def go_by(self, phase: Phase) -> None:
        now = time.monotonic()
        self.phase = phase
        self.client._known = Known(phase, 1, True, now + 3600, now)

    def steps(self, operation: Generator[Any, Any, Any], *, packets: bool = False) -> Iterator[Any]:
        """Runs an operation, a command at each ``next``; the last item is its result. ``packets``:
        the commands of a batch that follow each other to one side are one step."""
        answer: Any = None
        try:
            while True:
                if isinstance(answer, Exception):
                    request = operation.throw(answer)
                else:
                    request = operation.send(answer)
                if isinstance(request, list):
                    answer = []
                    for one, following in zip(request, [*request[1:], None], strict=True):
                        answer.append(self.answer(one))
                        if not packets or following is None or _side(one) != _side(following):
                            yield None
                else:
                    assert isinstance(request, Command | Spread)
                    answer = self.answer(request)
                    yield None
        except StopIteration as stop:
            yield ("done", stop.value)

    def answer(self, request: Any) -> Any:
        try:
            return self.execute(request)
        except Exception as error:
            return error


Begin = Callable[[Process], Generator[Any, Any, Any]]


def _side(request: Any) -> bool:
    key = request.keys[0] if isinstance(request, Spread) else request.key
    return isinstance(key, OldKey)
