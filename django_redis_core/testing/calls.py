"""A call of every operation, made from its signature: for what holds of all of them.

So a promise about ``version``, say, is tested for each operation that takes it, and for one that
is added tomorrow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from inspect import Parameter, Signature
from typing import Any

import pytest

from .._operations.declare import Declaration
from ..cache import RedisCache
from ..commands import Command, Spread
from ..exceptions import RedisCacheError
from ..interfaces import Client

#: What a parameter is given, by its name. ``{}`` stands for the key.
GIVEN: dict[str, Any] = {
    "key": "{}",
    "source": "{}",
    "dest": "{}-2",
    "destination": "{}-2",
    "keys": ["{}", "{}-2"],
    "data": {"{}": "value", "{}-2": "value"},
    "value": "value",
    "values": ["value", "other"],
    "member": "value",
    "members": ["value", "other"],
    "default": "default",
    "field": "f",
    "fields": ["f", "g"],
    "mapping": {"value": 1.0},
    "pattern": "*",
    "start": 0,
    "end": -1,
    "index": 0,
    "count": 0,
    "amount": 1,
    "min": "-inf",
    "max": "+inf",
}

#: Arguments that a call has beside those that the signature asks for.
MORE: dict[str, dict[str, Any]] = {"hset": {"field": "f", "value": 1}}

#: What is under a key before a call that finds something there, by the family of the operation.
FILLED: dict[str, Callable[[RedisCache, str], Any]] = {
    "Counters": lambda cache, key: cache.set(key, 5),
    "Hashes": lambda cache, key: cache.hset(key, "f", 1),
    "Lists": lambda cache, key: cache.rpush(key, "value", "other"),
    "Sets": lambda cache, key: cache.sadd(key, "value", "other"),
    "SortedSets": lambda cache, key: cache.zadd(key, {"value": 1.0, "other": 2.0}),
    "Locks": lambda cache, key: None,
}

Arguments = tuple[list[Any], dict[str, Any]]

#: Calls of operations that a client adds, by their names.
Own = Mapping[str, tuple[Sequence[Any], Mapping[str, Any]]]


def takes(declaration: Declaration, parameter: str) -> bool:
    return parameter in declaration.signature.parameters


def arguments(declaration: Declaration, key: str, own: Own) -> Arguments:
    """For a call of the operation on ``key``, or the call that ``own`` shows of it."""
    if declaration.name in own:
        shown, keywords = own[declaration.name]
        return list(shown), dict(keywords)
    stated = MORE.get(declaration.name, {})
    args: list[Any] = []
    kwargs: dict[str, Any] = dict(stated)
    for name, parameter in list(declaration.signature.parameters.items())[1:]:
        several = parameter.kind is Parameter.VAR_POSITIONAL
        if name in stated or parameter.kind is Parameter.VAR_KEYWORD:
            continue
        if parameter.default is not Signature.empty:
            continue
        if name == "when":
            value: Any = int(time.time()) + 1000
        elif name in GIVEN:
            value = _about(GIVEN[name], key)
        else:
            pytest.fail(
                f"{declaration.name}() has a parameter {name!r} that the kit does not know: show a "
                f"call of it in `examples`, such as ({declaration.name!r}, […], {{}})"
            )
        if several:
            args += value
        elif parameter.kind is Parameter.KEYWORD_ONLY:
            kwargs[name] = value
        else:
            args.append(value)
    return args, kwargs


def _about(given: Any, key: str) -> Any:
    if isinstance(given, dict):
        return {_about(name, key): _about(value, key) for name, value in given.items()}
    if isinstance(given, list):
        return [_about(item, key) for item in given]
    return given.format(key) if isinstance(given, str) else given


def _put_text(cache: RedisCache, key: str) -> Any:
    return cache.set(key, "value")


def fill(cache: RedisCache, declaration: Declaration, key: str) -> None:
    """Puts something under the keys of a call that ``arguments`` makes."""
    families = (cls.__name__ for cls in Client.__mro__ if declaration.name in vars(cls))
    family = next((name for name in families if name in FILLED), "")
    put = FILLED.get(family, _put_text)
    for each in (key, f"{key}-2"):
        with suppress(RedisCacheError):
            put(cache, each)


def call(
    cache: RedisCache,
    declaration: Declaration,
    key: str,
    own: Own,
    **more: Any,
) -> Any:
    """What the operation returns, a stream's as a list; an error that says that something is not
    there, or is of another type, is an answer too."""
    args, kwargs = arguments(declaration, key, own)
    try:
        result = getattr(cache, declaration.name)(*args, **{**kwargs, **more})
        return list(result) if isinstance(result, Iterator) else result
    except (RedisCacheError, ValueError) as error:
        return error


class Sent:
    """The requests of a cache's operations while ``watched``: each is a round trip."""

    def __init__(self) -> None:
        self.requests: list[Any] = []

    def names(self) -> list[str]:
        """Keys, patterns (as they match) and whatever else is text."""
        parts: list[str] = []
        for request in self.requests:
            for one in request if isinstance(request, list) else [request]:
                given = one.keys if isinstance(one, Spread) else one.args
                parts += [
                    arg.decode(errors="replace") if isinstance(arg, bytes) else arg
                    for arg in given
                    if isinstance(arg, str | bytes)
                ]
        return [part.replace("\\", "") for part in parts]

    def take(self) -> Sent:
        """What was sent since the last time."""
        taken = Sent()
        taken.requests, self.requests = self.requests, []
        return taken


@contextmanager
def watched(cache: RedisCache) -> Iterator[Sent]:
    """Notes what the blocking calls of ``cache`` send on its own connections."""
    driver, sent = cache._engine.driver, Sent()
    execute = driver.execute

    def noting(request: Any) -> Any:
        if isinstance(request, Command | Spread | list):
            sent.requests.append(request)
        return execute(request)

    driver.execute = noting
    try:
        yield sent
    finally:
        driver.execute = execute


def operations(cache: RedisCache) -> list[Declaration]:
    """All that the cache has, but what empties it."""
    return [found for name, found in cache._engine.operations.items() if name != "clear"]
