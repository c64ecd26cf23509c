"""What runs without a generator is the operation that was declared, and only where nobody has
changed that."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pytest

from django_redis_core import hookimpl, register
from django_redis_core._operations import derive
from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.interfaces import Client


def test_what_is_written_is_what_the_operations_say() -> None:
    written = derive.FILE.read_text(encoding="utf-8")
    assert ast.dump(ast.parse(written)) == ast.dump(ast.parse(derive.text())), (
        "python -m django_redis_core._operations.derive, and ruff format"
    )


class Loud(Client):
    """Changes what ``touch`` is made of, and ``get``."""

    name = "loud"

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return f"{(yield from super().get(*args, **kwargs))}!"

    def live_for(self, full: str, milliseconds: int | None) -> Any:
        yield from super().live_for(full, milliseconds)
        return "louder"


class Plugin:
    __name__ = "loud"

    @hookimpl
    def register_client(self) -> type[Client]:
        return Loud


register(Plugin())


@pytest.fixture
def loud(make_cache: Callable[..., RedisCache]) -> RedisCache:
    return make_cache({"CLIENT": "loud"})


def test_what_a_client_changes_is_run_as_it_changes_it(loud: RedisCache) -> None:
    loud.set("k", "v")
    assert loud.get("k") == "v!"
    assert loud.touch("k") == "louder"
    assert loud._driver.direct.keys() >= {"set", "delete", "get_many"}
    assert not {"get", "touch", "live_for"} & loud._driver.direct.keys()


def test_arguments_are_refused_in_the_operations_words(make_cache: Callable[..., Any]) -> None:
    cache = make_cache()
    for call in (lambda: cache.get(), lambda: cache.get("k", None, None, None)):
        with pytest.raises(TypeError, match=r"Strings\.get\(\)"):
            call()
    with pytest.raises(TypeError, match=r"Strings\.get\(\).*'ask'"):
        cache.get("k", ask=print)


async def test_arguments_are_refused_on_asyncio_too(make_cache: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match=r"Strings\.get\(\)"):
        await make_cache().aget()


def test_a_reply_of_another_form_is_trouble_of_the_server(
    make_cache: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = make_cache()
    monkeypatch.setattr(cache._driver, "execute", lambda request: [b"not", b"one"])
    with pytest.raises(ConnectionInterrupted, match="reply to GET"):
        cache.get("k")
    with pytest.raises(ConnectionInterrupted, match="reply to MGET"):
        cache.get_many(["a", "b", "c"])
