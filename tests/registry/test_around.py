"""Operations that begin without ``around``, though the client has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django_redis_core.cache import RedisCache
from django_redis_core.commands import Operation
from django_redis_core.interfaces import Client, ClientContext

Make = Callable[..., RedisCache]


class Seeing(Client):
    name = "seeing"

    def __init__(self, context: ClientContext) -> None:
        super().__init__(context)
        self.seen: list[str] = []

    def around(self, name: str, operation: Operation[Any]) -> Operation[Any]:
        self.seen.append(name)
        return super().around(name, operation)


class NotAll(Seeing):
    name = "not-all"

    def __init__(self, context: ClientContext) -> None:
        super().__init__(context)
        self.not_around = {"get"}


def seen(cache: RedisCache) -> list[str]:
    client: Any = cache._engine.client
    client.seen.clear()
    for _ in range(2):
        assert cache.set("k", 1)
        assert cache.get("k") == 1
        with cache.pipeline() as queue:
            one, many = queue.get("k"), queue.get_many(["k"])
        assert (one.value, many.value) == (1, {"k": 1})
    return sorted(set(client.seen))


def test_all_pass_around_but_those_that_are_named(make_cache: Make) -> None:
    assert seen(make_cache({"CLIENT": Seeing})) == ["get", "get_many", "set"]
    assert seen(make_cache({"CLIENT": NotAll})) == ["get_many", "set"]
