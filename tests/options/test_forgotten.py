"""The check of what no call can tell: a generator that a plugin makes and does not run."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.test import override_settings

from django_redis_core import checks
from django_redis_core.commands import EXISTS, GET, UNLINK
from django_redis_core.connections import SingleServer, node_for
from django_redis_core.interfaces import Client, ConnectionFactory, always, operation

BACKEND = "django_redis_core.cache.RedisCache"

#: What else these need.
OPTIONS: dict[str, dict[str, Any]] = {
    "cluster": {},
    "sentinel": {"SENTINELS": [("localhost", 26379)]},
}


def found(client: Any, **options: Any) -> list[CheckMessage]:
    entry = {
        "BACKEND": BACKEND,
        "LOCATION": "redis://localhost/0",
        "OPTIONS": {"CLIENT": client, **options},
    }
    with override_settings(CACHES={"shop": entry}):
        messages: list[CheckMessage] = checks.check_caches()
        return messages


class Forgetful(Client):
    name = "forgetful"

    def set(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            self.note(key)
        super().set(key, value, *args, **kwargs)
        return True
        yield

    def note(self, key: Any) -> Any:
        yield EXISTS(key)


class ByName(Client):
    name = "by-name"

    def touch(this, key: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            super(ByName, this).touch(key, *args, **kwargs)  # noqa: UP008
        finally:
            yield EXISTS(key)


class Plainly(Client):
    """Not even a generator function itself."""

    name = "plainly"

    def delete(self, key: Any, *args: Any, **kwargs: Any) -> Any:
        self.has_key(key)
        return super().delete(key, *args, **kwargs)


class Answering(Client):
    name = "answering"

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        found = yield GET(self.naming.make(key, version))
        if found is None:
            return default
        return super().get(key, default, version)


class Decorated(Client):
    name = "decorated"

    @operation(fallback=always(int))
    def forget(self, *keys: Any) -> Any:
        """Forgets them."""
        for key in keys:
            self.delete(key)
        yield UNLINK(list(keys))


def line_of(function: Any, words: str) -> int:
    lines, first = inspect.getsourcelines(function)
    return first + next(number for number, line in enumerate(lines) if words in line)


@pytest.mark.parametrize(
    ("client", "method", "calls"),
    [
        (Forgetful, "set", ["self.note", "super().set"]),
        (ByName, "touch", ["super(ByName, this).touch"]),
        (Plainly, "delete", ["self.has_key"]),
        (Answering, "get", ["super().get"]),
        (Decorated, "forget", ["self.delete"]),
    ],
)
def test_what_is_forgotten_is_told_with_its_line(
    client: type[Client], method: str, calls: list[str]
) -> None:
    messages = found(client)
    assert [message.id for message in messages] == ["django_redis_core.W010"] * len(calls)
    for message, called in zip(messages, calls, strict=True):
        line = line_of(getattr(client, method), f"{called}(")
        where = f"CACHES['shop']: {__name__}.{client.__qualname__}.{method}() calls {called}() in "
        assert message.msg.startswith(f"{where}{__file__}, line {line}, and ")
        assert message.hint == f"Write `yield from {called}(…)` there."
    does = "answers with the generator" if client is Answering else "nothing of it is done"
    assert does in messages[-1].msg


def test_in_a_stack_it_is_told_of_the_one_that_forgets() -> None:
    messages = found(["near", Forgetful, "herd"])
    assert [message.msg.partition(" calls ")[2].partition("(")[0] for message in messages] == [
        "self.note",
        "super",
    ]


class Following(SingleServer):
    def discover(self) -> Any:
        self.survey()
        yield from super().discover()


class Factory(ConnectionFactory):
    name = "factory"

    def topology(self, locations: Any) -> Any:
        return Following(node_for(self.connection.server(locations[0])))


def test_the_servers_of_a_factory_are_looked_at_too() -> None:
    [message] = found("default", CONNECTION_FACTORY=Factory)
    assert f"{__name__}.Following.discover() calls self.survey() in " in message.msg


def outer(function: Any) -> Any:
    @wraps(function)
    def inner(self: Any, *args: Any) -> Any:
        return (yield from function(self, *args))

    return inner


class Careful(Client):
    """What looks like it and is none."""

    name = "careful"

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.hook = [].append
        self.seen: list[Any] = []

    def hook(self, key: Any) -> Any:  # what is on the object hides it
        yield EXISTS(key)

    def plain(self, key: Any) -> None:
        self.seen.append(key)

    @contextmanager
    def noted(self, key: Any) -> Iterator[None]:
        self.seen.append(key)
        yield

    @outer
    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        def later() -> None:
            self.delete(key)  # of another function, which nobody calls

        self.plain(key)
        self.hook(key)
        kept = super().get(key, default, version)
        with self.noted(key):
            return (yield from kept)

    def has_key(self, key: Any, version: Any = None) -> Any:
        return super().has_key(key, version)  # a plain function may hand on what it is given

    def _chosen(self, key: Any) -> Any:
        yield EXISTS(key)
        return self.delete(key)  # for one who runs it

    def ttl(self, key: Any, version: Any = None) -> Any:
        yield from (yield from self._chosen(key))
        return (yield from super().ttl(key, version))


@pytest.mark.parametrize("client", [Careful, ["near", "herd"], ["near", Careful, "herd"], "shard"])
def test_what_is_right_is_not_told(client: Any) -> None:
    assert found(client) == []


@pytest.mark.parametrize("factory", ["cluster", "sentinel"])
def test_our_own_servers_forget_nothing(factory: str) -> None:
    assert found("default", CONNECTION_FACTORY=factory, **OPTIONS[factory]) == []


def test_a_client_without_a_source_is_not_told() -> None:
    space: dict[str, Any] = {"Client": Client}
    text = "class Made(Client):\n name = 'made'\n def ttl(self, key):\n  super().ttl(key)\n"
    exec(text, space)
    assert found(space["Made"]) == []
