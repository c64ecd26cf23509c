"""The promises for a server that answers and will not serve: one outcome for each, with its code,
and never a password in what is shown of it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.views.debug import ExceptionReporter

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted, ServerRefused
from django_redis_core.testing.busy import patiently
from django_redis_core.testing.servers import Server

MakeCache = Callable[..., RedisCache]


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """``await call(cache, "get", …)``: the operation, blocking or on asyncio."""

    async def called(cache: RedisCache, name: str, *args: Any) -> Any:
        if request.param == "sync":
            return getattr(cache, name)(*args)
        return await getattr(cache, f"a{name}")(*args)

    return called


async def refusal(called: Any) -> str:
    with pytest.raises(ServerRefused) as refused:
        await called
    return refused.value.code


async def test_a_user_may_not(server: Server, cache_at: MakeCache, call: Any) -> None:
    server.cli("ACL", "SETUSER", "reader", "on", ">secret", "~*", "+@read", "+@connection")
    cache = cache_at(f"redis://reader:secret@127.0.0.1:{server.port}/0")
    assert await call(cache, "get", "key") is None
    for name, args in (("set", ("key", 1)), ("set_many", ({"a": 1, "b": 2},)), ("incr", ("key",))):
        assert await refusal(call(cache, name, *args)) == "NOPERM"
    assert await call(cache, "get", "key") is None  # the breaker does not count refusals


async def test_the_password_changed(server: Server, cache_at: MakeCache, call: Any) -> None:
    """What is connected goes on; a new connection is refused, and the next one with the right
    password is not."""
    server.cli("ACL", "SETUSER", "site", "on", ">old", "~*", "+@all")
    cache = cache_at(f"redis://site:old@127.0.0.1:{server.port}/0")
    await call(cache, "set", "key", "value")
    server.cli("ACL", "SETUSER", "site", "<old", ">new")
    server.cli("CLIENT", "KILL", "USER", "site")
    for _ in range(5):
        assert await refusal(call(cache, "get", "key")) == "WRONGPASS"
    server.cli("ACL", "SETUSER", "site", ">old")
    assert await call(cache, "get", "key") == "value"


async def test_a_password_is_asked_for(server: Server, cache_at: MakeCache, call: Any) -> None:
    cache = cache_at(f"redis://127.0.0.1:{server.port}/0")
    admin = server.client()
    admin.acl_setuser("default", enabled=True, passwords=["+secret"], reset_passwords=True)
    assert await refusal(call(cache, "get", "key")) == "NOAUTH"
    admin.acl_setuser("default", enabled=True, nopass=True)
    assert await call(cache, "get", "key", "default") == "default"


async def test_a_snapshot_failed(server: Server, cache_at: MakeCache, call: Any) -> None:
    cache = cache_at(server.url)
    await call(cache, "set", "key", "value")
    (server.directory / "dump.rdb").mkdir()  # so the snapshot cannot take its place
    server.cli("CONFIG", "SET", "save", "1000 1000")
    server.cli("BGSAVE")
    deadline = time.monotonic() + 10
    while server.info("persistence")["rdb_last_bgsave_status"] != "err":
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert await refusal(call(cache, "set", "key", "other")) == "MISCONF"
    assert await call(cache, "get", "key") == "value"


async def test_no_more_clients_are_let_in(server: Server, cache_at: MakeCache, call: Any) -> None:
    keeping = server.client()
    keeping.ping()
    server.cli("CONFIG", "SET", "maxclients", "1")
    cache = cache_at(server.url, BREAKER_INTERVAL=0.05)
    try:
        with pytest.raises(ConnectionInterrupted):
            await call(cache, "get", "key")
    finally:
        keeping.config_set("maxclients", "100")
    await asyncio.sleep(0.1)
    assert await call(cache, "get", "key", "default") == "default"


async def test_paused_clients_are_answered_late_or_not_at_all(
    server: Server, cache_at: MakeCache, call: Any
) -> None:
    cache = cache_at(server.url, SOCKET_TIMEOUT=1, BREAKER_INTERVAL=0.1)
    patiently(lambda: cache.set("key", "value"))
    server.cli("CLIENT", "PAUSE", "100")
    assert await call(cache, "get", "key") == "value"
    server.cli("CLIENT", "PAUSE", "3000")
    with pytest.raises(ConnectionInterrupted):
        await call(cache, "get", "key")
    patiently(lambda: cache.get("key"))
    assert await call(cache, "get", "key") == "value"


async def test_a_server_that_loads_its_data(cache_at: MakeCache, call: Any) -> None:
    with Server(
        config={"key-load-delay": "2000", "loading-process-events-interval-bytes": "1024"}
    ) as own:
        own.client().mset({f"key{number}": "x" * 100 for number in range(2000)})
        own.cli("SAVE")
        own.restart(ready=False)
        cache = cache_at(own.url, BREAKER_INTERVAL=0.05)
        seen = set()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                value = await call(cache, "get", "key", "default")
            except ServerRefused as error:
                seen.add(error.code)
            except ConnectionInterrupted:
                pass
            else:
                assert value == "default"
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("it never came back")
        assert seen == {"LOADING"}


async def debug_page(called: Any) -> str:
    """Django's page for what it raises; the frames begin here."""
    try:
        await called
    except ConnectionInterrupted:
        return ExceptionReporter(None, *sys.exc_info()).get_traceback_html()
    raise AssertionError("it raised nothing")


@pytest.mark.parametrize("fault", ["wrong password", "gone"])
async def test_no_password_on_djangos_debug_page(
    server: Server, cache_at: MakeCache, call: Any, fault: str
) -> None:
    """It shows the variables of every frame, redis-py's too, for every cause of an error."""
    cache = cache_at(f"redis://someone:hunter2@127.0.0.1:{server.port}/0", PASSWORD="hunter2")
    if fault == "gone":
        server.kill()
    for _ in range(2):
        page = await debug_page(call(cache, "get", "key"))
        assert server.url.removesuffix("/0") in page
        assert "hunter2" not in page


async def test_what_a_caller_was_handling_keeps_its_frames(
    server: Server, cache_at: MakeCache, call: Any
) -> None:
    cache = cache_at(f"redis://someone:wrong@127.0.0.1:{server.port}/0")

    async def handling() -> None:
        try:
            raise LookupError("the site's own")
        except LookupError:
            await call(cache, "get", "key")

    page = await debug_page(handling())
    assert "the site&#x27;s own" in page
    assert "raise LookupError" in page
