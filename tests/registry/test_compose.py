"""Clients that work together: each gets its own options, and a pair that cannot says so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_redis_core import checks
from django_redis_core._codec.codec import MISSING
from django_redis_core._options.option import integer, text
from django_redis_core._settings import BACKEND
from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.interfaces import (
    ALL_OTHERS,
    CHANGES_ENTRIES,
    DEFAULT_TIMEOUT,
    Client,
    Option,
)
from django_redis_core.interfaces.client import compose
from django_redis_core.testing.servers import Server


class Marking(Client):
    """Puts a text around every value."""

    name = "marking"
    options = (Option("MARK", "mark", text, "<>"),)

    def __init__(self, context: Any, *, mark: str = "<>", times: int = 1) -> None:
        super().__init__(context)
        self.mark, self.marking_times = mark, times

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, **kwargs: Any) -> Any:
        left, right = self.mark
        value = left * self.marking_times + value + right * self.marking_times
        return (yield from super().set(key, value, timeout, **kwargs))


class Doubling(Client):
    """Repeats every value."""

    name = "doubling"
    options = (Option("DOUBLING_TIMES", "times", integer(1)),)

    def __init__(self, context: Any, *, times: int = 2) -> None:
        super().__init__(context)
        self.doubling_times = times

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, **kwargs: Any) -> Any:
        return (yield from super().set(key, value * self.doubling_times, timeout, **kwargs))


class Shouting(Marking):
    """A client that builds on another one that has options."""

    name = "shouting"

    def __init__(self, context: Any, *, loud: bool = True, **options: Any) -> None:
        super().__init__(context, **options)
        self.loud = loud


def cache(server: Server, **options: Any) -> RedisCache:
    return RedisCache(server.url, {"KEY_PREFIX": "compose", "OPTIONS": options})


def stored(server: Server, **options: Any) -> Any:
    cached = cache(server, **options)
    cached.set("k", "v")
    return cached.get("k")


def test_the_first_is_outermost(redis_server: Server) -> None:
    assert stored(redis_server, CLIENT=[Marking, Doubling]) == "<v><v>"
    assert stored(redis_server, CLIENT=[Doubling, Marking]) == "<vv>"


def test_each_gets_its_own_options_even_of_one_name(redis_server: Server) -> None:
    marking = {"NAME": Marking, "OPTIONS": {"times": 2}}
    doubling = {"NAME": Doubling, "OPTIONS": {"times": 3}}
    assert stored(redis_server, CLIENT=[marking, Doubling]) == "<<v>><<v>>"
    assert stored(redis_server, CLIENT=[Marking, doubling]) == "<v><v><v>"
    assert stored(redis_server, CLIENT=[marking, doubling]) == "<<v>>" * 3
    assert stored(redis_server, CLIENT=[doubling, marking]) == "<<vvv>>"


def test_names_that_they_add_to_options(redis_server: Server) -> None:
    options = {"MARK": "[]", "DOUBLING_TIMES": 3}
    assert stored(redis_server, CLIENT=[Doubling, Marking], **options) == "[vvv]"
    assert stored(redis_server, CLIENT=[Marking, Doubling], **options) == "[v][v][v]"
    # The dict form comes first.
    marking = {"NAME": Marking, "OPTIONS": {"mark": "{}"}}
    assert stored(redis_server, CLIENT=[Doubling, marking], **options) == "{vvv}"


def test_a_client_that_builds_on_another_one(redis_server: Server) -> None:
    shouting = {"NAME": Shouting, "OPTIONS": {"loud": False, "mark": "()"}}
    assert stored(redis_server, CLIENT=[Doubling, shouting], DOUBLING_TIMES=4) == "(vvvv)"
    with pytest.raises(ImproperlyConfigured, match="It has: loud, mark, times"):
        cache(redis_server, CLIENT={"NAME": Shouting, "OPTIONS": {"laud": 1}})


def test_one_class_is_left_as_it_is() -> None:
    assert compose([Marking]) is Marking
    assert compose([Marking, Doubling]).name == "marking+doubling"


class Remembering(Client):
    """Knows one value without a server."""

    name = "remembering"

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.at_once = {"get": self.known}

    def known(self, key: Any, default: Any = None, version: Any = None) -> Any:
        if key == "broken":
            raise ConnectionInterrupted(None, "cannot tell")
        return "known" if key == "k" else MISSING


def test_what_is_answered_at_once_needs_no_server(redis_server: Server) -> None:
    nowhere = RedisCache("redis://127.0.0.1:1", {"OPTIONS": {"CLIENT": Remembering}})
    assert nowhere.get("k") == "known"
    assert asyncio.run(nowhere.aget("k", version=2)) == "known"
    with pytest.raises(ConnectionInterrupted):
        nowhere.get("other")
    cached = cache(redis_server, CLIENT=[Remembering, Doubling], IGNORE_EXCEPTIONS=True)
    cached.set("other", "v")
    assert cached.get("other") == "vv"
    assert asyncio.run(cached.aget("other")) == "vv"
    assert cached.get("broken", "default") == "default"
    assert asyncio.run(cached.aget("broken", "default")) == "default"


def test_a_pair_that_cannot_work_says_why(redis_server: Server) -> None:
    class Proud(Client):
        name = "proud"
        conflicts = {"doubling": "it wants the value as it is"}

    with pytest.raises(ImproperlyConfigured) as caught:
        cache(redis_server, CLIENT=[Doubling, Proud])
    assert str(caught.value) == (
        "CACHES['?']: CLIENT: 'proud' cannot work together with 'doubling': "
        "it wants the value as it is."
    )
    assert cache(redis_server, CLIENT=[Marking, Proud]).get("none") is None


class Stamping(Client):
    """Changes what an entry is."""

    name = "stamping"

    def wrap(self, key: str, value: Any, milliseconds: int | None) -> Any:
        data, milliseconds = super().wrap(key, value, milliseconds)
        return b"stamp" + data, milliseconds

    def unwrap(self, key: str, data: bytes) -> Any:
        return super().unwrap(key, data[5:])

    def recoded(self, key: str, data: bytes) -> bytes:
        return b"stamp" + super().recoded(key, data[5:])


class Enveloping(Stamping):
    name = "enveloping"
    outside_of = {CHANGES_ENTRIES: "it reads the first bytes", "doubling": "it counts letters"}


class Modest(Client):
    name = "modest"
    inside_of = {"doubling": "it wants the value twice"}


class Watching(Client):
    name = "watching"
    outside_of = {ALL_OTHERS: "it sees all writes"}


BYTES = "it reads the first bytes"
Rival = type("Rival", (Enveloping,), {"name": "rival"})

#: Clients, which of them stands outside of which, why that cannot work, and what to write.
ORDERS: dict[str, tuple[list[type[Client]], str, str, str, str]] = {
    "a kind of clients": (
        [Stamping, Marking, Enveloping],
        "'stamping' outside of 'enveloping'",
        "['stamping', 'marking', 'enveloping']",
        BYTES,
        "Write ['marking', 'enveloping', 'stamping'].",
    ),
    "a client by its name": (
        [Doubling, Enveloping],
        "'doubling' outside of 'enveloping'",
        "['doubling', 'enveloping']",
        "it counts letters",
        "Write ['enveloping', 'doubling'].",
    ),
    "inside of another": (
        [Modest, Marking, Doubling],
        "'modest' outside of 'doubling'",
        "['modest', 'marking', 'doubling']",
        "it wants the value twice",
        "Write ['marking', 'doubling', 'modest'].",
    ),
    "all others": (
        [Marking, Watching, Doubling],
        "'marking' outside of 'watching'",
        "['marking', 'watching', 'doubling']",
        "it sees all writes",
        "Write ['watching', 'marking', 'doubling'].",
    ),
    "no order": (
        [Stamping, Rival, Enveloping],
        "'stamping' outside of 'rival'",
        "['stamping', 'rival', 'enveloping']",
        BYTES,
        "No order of these works: leave one out.",
    ),
}


@pytest.mark.parametrize(
    ("clients", "misplaced", "written", "reason", "advice"), ORDERS.values(), ids=ORDERS
)
def test_an_order_that_cannot_work_says_why_and_what_to_write(
    clients: list[type[Client]], misplaced: str, written: str, reason: str, advice: str
) -> None:
    said = (
        f"CLIENT: {written} puts {misplaced}, which must be the other way round: {reason}. {advice}"
    )
    entry = {"BACKEND": BACKEND, "LOCATION": "redis://127.0.0.1:1", "OPTIONS": {"CLIENT": clients}}
    with override_settings(CACHES={"shop": entry}):
        (message,) = checks.check_caches()
    assert (message.id, message.msg) == ("django_redis_core.E001", f"CACHES['shop']: {said}")
    with pytest.raises(ImproperlyConfigured) as caught:
        RedisCache("redis://127.0.0.1:1", {"OPTIONS": {"CLIENT": clients}})
    assert str(caught.value) == f"CACHES['?']: {said}"


def test_orders_that_work(redis_server: Server) -> None:
    assert stored(redis_server, CLIENT=[Marking, Enveloping, Stamping]) == "<v>"
    assert stored(redis_server, CLIENT=[Enveloping, Marking, Doubling]) == "<v><v>"
    assert stored(redis_server, CLIENT=[Doubling, Modest]) == "vv"
    assert stored(redis_server, CLIENT=[Stamping, Modest]) == "v"


def test_the_same_client_twice(redis_server: Server) -> None:
    with pytest.raises(ImproperlyConfigured, match="CLIENT names 'marking' twice"):
        cache(redis_server, CLIENT=[Marking, Doubling, Marking])


def test_a_base_before_what_builds_on_it(redis_server: Server) -> None:
    with pytest.raises(ImproperlyConfigured, match="marking, shouting cannot be put together"):
        cache(redis_server, CLIENT=[Marking, Shouting])
    assert cache(redis_server, CLIENT=[Shouting, Marking]).get("none") is None


def test_a_refusal_by_a_constructor_names_the_place(redis_server: Server) -> None:
    class Strict(Client):
        name = "strict"

        def __init__(self, context: Any, *, size: int = 1) -> None:
            if size > 1:
                raise ValueError(f"size must be at most 1, not {size}")
            super().__init__(context)

    with pytest.raises(
        ImproperlyConfigured, match=r"CACHES.'.'.: CLIENT: .*size must be at most 1"
    ):
        cache(redis_server, CLIENT=[Marking, {"NAME": Strict, "OPTIONS": {"size": 2}}])
