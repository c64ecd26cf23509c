"""What a site is told of a plugin that is wrong while it runs: which one, in what, and what to
write. And what is not its mistake, but the site's own, stays as it is."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.commands import GET
from django_redis_core.exceptions import PluginLoadError, SerializationError
from django_redis_core.interfaces import Client, Compressor, Sealer, Serializer
from django_redis_core.testing.caller import WAYS, Caller
from django_redis_core.testing.servers import Server


class Plain(Client):
    name = "plain"

    def get(self, key, default=None, version=None):
        return 5

    def iter_keys(self, pattern, itersize=None, version=None):
        return ["k"]


class HandingOn(Client):
    name = "handing-on"

    def get(self, key, default=None, version=None):
        return super().get(key, default, version)


class YieldForYieldFrom(Client):
    name = "yielding"

    def get(self, key, default=None, version=None):
        value = yield super().get(key, default, version)
        return value

    def delete(self, key, version=None, prefix=None):
        return (yield from self.really(key))

    def really(self, key):
        return bool((yield "DEL k"))

    def ttl(self, key, version=None):
        return (yield [GET("k"), b"TTL k"])

    def sscan_iter(self, key, match=None, count=None, version=None):
        yield super().sscan_iter(key, match, count, version)


class Loud(Client):
    name = "loud"

    def wrap(self, key, value, milliseconds):
        return super().wrap(key, value, milliseconds)[0]


class Narrow(Client):
    name = "narrow"

    def wrap(self, key, value):
        return super().wrap(key, value, None)


class Text(Serializer):
    name = "text"

    def dumps(self, value):
        return str(value)

    def loads(self, data):
        return data.decode()


class NoBytes(Serializer):
    name = "nothing"

    def dumps(self, value):
        pass

    def loads(self, data):
        return data


class Hex(Compressor):
    name = "hex"
    magic = (b"x",)
    default_min_length = 0

    def compress(self, data):
        return "x" + data[:5].hex()

    def decompress(self, data):
        return data


class Lost(Compressor):
    name = "lost"
    magic = (b"x",)
    default_min_length = 0

    def compress(self, data):
        data.hex()

    def decompress(self, data):
        return data


class Unsealed(Sealer):
    name = "unsealed"
    deterministic = True

    def seal(self, key, data):
        pass

    def unseal(self, key, data):
        return data


class Keyless(Sealer):
    name = "keyless"
    deterministic = True

    def seal(self, data):
        return data

    def unseal(self, key, data):
        return data


HERE = __name__


def call(plugin: type[Any], kind: str) -> str:
    return rf"{kind} '{plugin.name}' \({re.escape(HERE)}\.{plugin.__qualname__}\)"


Call = Callable[[Caller], Any]

#: The key of OPTIONS, the plugin, a call, and what is said of it behind the cache's alias.
MISTAKES: dict[str, tuple[str, type[Any], Call, str]] = {
    "an operation returns": (
        "CLIENT",
        Plain,
        lambda cache: cache.get("k"),
        (
            rf"get\(\) of the {call(Plain, 'client')} returned an int\. An operation is a "
            r"generator: "
            r"it yields commands, and ends with a value, as in "
            r"`return \(yield from super\(\)\.get\(…\)\)`\."
        ),
    ),
    "one that others call returns": (
        "CLIENT",
        Plain,
        lambda cache: cache.get_or_set("k", 1),
        rf"get\(\) of the {call(Plain, 'client')} returned no generator: .*iterable.*\. An oper",
    ),
    "a stream returns": (
        "CLIENT",
        Plain,
        lambda cache: cache.iter_keys("*"),
        rf"iter_keys\(\) of the {call(Plain, 'client')} returned a list\. An operation is a gen",
    ),
    "yield for yield from": (
        "CLIENT",
        YieldForYieldFrom,
        lambda cache: cache.get("k"),
        (
            rf"get\(\): {HERE}\.YieldForYieldFrom\.get\(\) \(.*test_run_time_mistakes\.py, line "
            r"\d+\) "
            r"yielded a generator, which is no command\. Write `yield from` for `yield` before it "
            r"calls get\(\)\."
        ),
    ),
    "yield for yield from in a stream": (
        "CLIENT",
        YieldForYieldFrom,
        lambda cache: cache.sscan_iter("k"),
        r"sscan_iter\(\): .*YieldForYieldFrom.* yielded a generator, which is no command\. Write ",
    ),
    "a yielded text": (
        "CLIENT",
        YieldForYieldFrom,
        lambda cache: cache.delete("k"),
        (
            rf"delete\(\): {HERE}\.YieldForYieldFrom\.really\(\) \(.*, line \d+\) yielded a str, "
            r"which "
            r"is no command\. Yield commands of django_redis_core\.commands, such as `yield GET"
        ),
    ),
    "wrap returns bytes": (
        "CLIENT",
        Loud,
        lambda cache: cache.set("k", ["value"]),
        (
            rf"set\(\): wrap\(\) of the {call(Loud, 'client')} returned bytes, and must return the "
            r"bytes to store and the milliseconds to keep them, as in `return data, milliseconds`\."
        ),
    ),
    "wrap returns bytes, for many": (
        "CLIENT",
        Loud,
        lambda cache: cache.set_many({"a": ["value"], "b": ["value"]}),
        rf"set_many\(\): wrap\(\) of the {call(Loud, 'client')} returned bytes, and must",
    ),
    "wrap inside of another client": (
        "CLIENT",
        (HandingOn, Loud),  # type: ignore[dict-item]
        lambda cache: cache.add("k", ["value"]),
        rf"add\(\): wrap\(\) of the {call(Loud, 'client')} returned bytes, and must",
    ),
    "wrap takes other arguments": (
        "CLIENT",
        Narrow,
        lambda cache: cache.get_or_set("k", ["value"]),
        (
            rf"get_or_set\(\): wrap\(\) of the {call(Narrow, 'client')} fails: Narrow\.wrap\(\) "
            r"takes 3 .*\. It is called as wrap\(key, value, milliseconds\)\."
        ),
    ),
    "dumps returns a text": (
        "SERIALIZER",
        Text,
        lambda cache: cache.set("k", ["value"]),
        (
            rf"set\(\): dumps\(\) of the {call(Text, 'serializer')} returned a str, and must "
            r"return "
            r"bytes\. Write `\.encode\(\)` behind it\."
        ),
    ),
    "dumps returns a text for a member": (
        "SERIALIZER",
        Text,
        lambda cache: cache.zadd("k", {"member": 1}),
        rf"zadd\(\): dumps\(\) of the {call(Text, 'serializer')} returned a str, and must return",
    ),
    "dumps returns nothing": (
        "SERIALIZER",
        NoBytes,
        lambda cache: cache.hset("k", "f", ["value"]),
        (
            rf"hset\(\): dumps\(\) of the {call(NoBytes, 'serializer')} returned None, and must "
            r"return "
            r"bytes\. Write `return` with the bytes in dumps\(\)\."
        ),
    ),
    "compress returns a text": (
        "COMPRESSOR",
        Hex,
        lambda cache: cache.set("k", "value" * 50),
        rf"set\(\): compress\(\) of the {call(Hex, 'compressor')} returned a str, and must return",
    ),
    "compress returns nothing": (
        "COMPRESSOR",
        Lost,
        lambda cache: cache.set_many({"k": "value" * 50}),
        rf"set_many\(\): compress\(\) of the {call(Lost, 'compressor')} returned None, and must",
    ),
    "seal returns nothing": (
        "SEALER",
        Unsealed,
        lambda cache: cache.set("k", "value"),
        rf"set\(\): seal\(\) of the {call(Unsealed, 'sealer')} returned None, and must return",
    ),
    "seal takes other arguments": (
        "SEALER",
        Keyless,
        lambda cache: cache.set("k", "value"),
        rf"set\(\): seal\(\) of the {call(Keyless, 'sealer')} fails: Keyless\.seal\(\) takes 2 pos",
    ),
}


class Alone(Caller):
    """In a pipeline with no other operation in it."""

    def _queue(self, name: str, args: Any, kwargs: Any) -> Any:
        queue = self.cache.apipeline() if self.asynchronous else self.cache.pipeline()
        result = getattr(queue, name)(*args, **kwargs)
        self.wait(queue.execute, raise_on_error=False)
        return result.value


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def caller(
    redis_server: Server, way: str, cache_loop: asyncio.AbstractEventLoop
) -> Iterator[Callable[..., Caller]]:
    def caller(**options: Any) -> Caller:
        entry = {"KEY_PREFIX": "mistakes", "OPTIONS": options}
        return Alone(RedisCache(redis_server.url, entry), way, cache_loop)

    yield caller
    caller().cache.clear()


@pytest.mark.parametrize(("key", "plugin", "doing", "words"), MISTAKES.values(), ids=MISTAKES)
def test_it_names_the_plugin_the_operation_and_what_to_write(
    caller: Callable[..., Caller], key: str, plugin: Any, doing: Call, words: str
) -> None:
    cache = caller(**{key: list(plugin) if isinstance(plugin, tuple) else plugin})
    with pytest.raises(TypeError, match=rf"^CACHES\['\?'\]: {words}") as caught:
        doing(cache)
    assert caught.value.__cause__ is not None, "Python's own error is lost"


@pytest.mark.parametrize("way", ["blocking", "async"], indirect=True)
def test_a_list_with_no_commands_in_it(caller: Callable[..., Caller]) -> None:
    """In a pipeline it stands among the commands of others."""
    words = r"ttl\(\): .*YieldForYieldFrom\.ttl\(\) \(.*\) yielded a list, which is no command\."
    with pytest.raises(TypeError, match=words):
        caller(CLIENT=YieldForYieldFrom).ttl("k")


@pytest.mark.parametrize("generator", [False, True])
def test_an_asynchronous_operation_is_refused_with_the_cache(
    redis_server: Server, generator: bool
) -> None:
    class Coroutine(Client):
        name = "coroutine"

        if generator:

            async def get(self, key, default=None, version=None):
                yield 5

        else:

            async def get(self, key, default=None, version=None):
                return 5

    words = (
        r"CACHES\['\?'\]: CLIENT: .*Coroutine.* has `async def get`\. An operation is a generator, "
        r"written once for blocking code and asyncio: write `def`, and `yield from` for `await`\."
    )
    with pytest.raises(PluginLoadError, match=words):
        RedisCache(redis_server.url, {"OPTIONS": {"CLIENT": Coroutine}})


def test_one_that_only_returns_a_coroutine_is_named(caller: Callable[..., Caller]) -> None:
    class Coroutine(Client):
        name = "coroutine"

        def get(self, key, default=None, version=None):
            return self.later(key)

        async def later(self, key):
            return await super().get(key)

    words = (
        r"get\(\) of the client 'coroutine' .* is a coroutine\. Write `def` and `yield from` for"
    )
    with pytest.raises(TypeError, match=words):
        caller(CLIENT=Coroutine).get("k")


class Strange:
    """A value whose pickling fails."""

    def __reduce__(self) -> Any:
        return 5 + "text"  # type: ignore[operator]


def of_the_site() -> Any:
    return None.send  # type: ignore[attr-defined]


def number() -> Any:
    first, second = "abc"
    return first + second


OWN: dict[str, tuple[Call, type[Exception], str]] = {
    "a default": (
        lambda cache: cache.get_or_set("k", of_the_site),
        AttributeError,
        "^'NoneType' object has no attribute 'send'$",
    ),
    "a default that unpacks": (
        lambda cache: cache.get_or_set("k", number),
        ValueError,
        r"^too many values to unpack \(expected 2",
    ),
    "a value": (
        lambda cache: cache.set("k", Strange()),
        SerializationError,
        "of type Strange, cannot be stored: unsupported operand",
    ),
    "keys": (
        lambda cache: cache.get_many(5),
        TypeError,
        "^'int' object is not iterable$",
    ),
    "data": (
        lambda cache: cache.set_many(["a"]),
        AttributeError,
        "^'list' object has no attribute '",
    ),
    "no such key": (lambda cache: cache.incr("none"), ValueError, "^Key 'none' not found$"),
    "a timeout": (lambda cache: cache.set("k", 1, "soon"), TypeError, "^A timeout must be "),
}


@pytest.mark.parametrize(("doing", "error", "words"), OWN.values(), ids=OWN)
@pytest.mark.parametrize("client", ["default", HandingOn, Loud])
def test_what_is_wrong_in_the_site_stays_as_it_is(
    caller: Callable[..., Caller], client: Any, doing: Call, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        doing(caller(CLIENT=client))
    assert type(caught.value) is error


class Limit(AttributeError):
    """Of a time limit, which may be of any type and strike anywhere."""


@pytest.mark.parametrize("way", ["blocking", "pipeline"], indirect=True)
def test_a_time_limit_stays_as_it_is(caller: Callable[..., Caller]) -> None:
    class Slow(Client):
        name = "slow"

        def get(self, key, default=None, version=None):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            while True:
                yield GET("k")

    def strike(number: int, frame: Any) -> None:
        raise Limit(name="send", obj=5)

    before = signal.signal(signal.SIGALRM, strike)
    try:
        with pytest.raises(Limit):
            caller(CLIENT=Slow).get("k")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
