"""The thread of a tracker: one, for as long as somebody needs it, and where there may be one."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from django.core.signals import setting_changed

from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.servers import Server

from .conftest import Make, kept, listening


def threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith("near ")]


class Limit(Exception):
    """As the time limits of Celery and RQ."""


def test_an_interrupt_while_it_starts_leaves_no_second_one(
    server: Server, make_cache: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, before = threading.Thread.start, set(threads())

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        if thread.name.startswith("near "):
            monkeypatch.undo()
            raise Limit

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    cache = make_cache({"CLIENT": "near", "NEAR_LEASE": 30}, LOCATION=server.url)
    cache.set("k", 1)
    with pytest.raises(Limit):
        cache.get("k")
    listening(cache)
    assert len(set(threads()) - before) == 1  # those of tests before may just be ending


def test_it_ends_when_settings_change_though_somebody_has_the_cache(
    server: Server, make_near: Make
) -> None:
    """As a context of asyncio's may have it for ever."""
    before = threads()
    cache = make_near({"NEAR_TTL": 600}, LOCATION=server.url)
    cache.set("k", 1, None)
    wait_until(lambda: kept(cache, "k"), "a copy")
    setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)
    wait_until(lambda: not set(threads()) - set(before), "the end of the thread")
    with server.client() as client:
        client.set(cache.make_key("k"), 2)
    assert [cache.get("k") for _ in range(3)] == [2, 2, 2]
    assert cache.client.near_info().entries == 0


def test_a_new_cache_is_heard_while_the_thread_of_the_old_one_ends(
    server: Server, make_near: Make
) -> None:
    make_near({"NEAR_TTL": 600}, LOCATION=server.url)
    setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)
    cache = make_near({"NEAR_TTL": 600}, LOCATION=server.url)
    cache.set("k", 1, None)
    wait_until(lambda: kept(cache, "k"), "a copy")
    with server.client() as client:
        client.set(cache.make_key("k"), 2)
    wait_until(lambda: cache.get("k") == 2, "the server's word")


IN_IT = """
import asyncio, django
from django.conf import settings

settings.configure(CACHES={"default": {
    "BACKEND": "django_redis_core.cache.RedisCache",
    "LOCATION": URL,
    "OPTIONS": {"CLIENT": "near"},
}})
django.setup()
from django.core.cache import cache

cache.set("k", 1)
got = [cache.get("k") for _ in range(3)] + [asyncio.run(cache.aget("k"))]
print(got, *cache.client.near_info().tracking.values(), flush=True)
"""

AROUND_IT = """
import importlib, sys

modern = sys.version_info >= (3, 13)
interpreters = importlib.import_module("_interpreters" if modern else "_xxsubinterpreters")
for kind in ("legacy", "isolated") if modern else (None,):
    one = interpreters.create(kind) if modern else interpreters.create(isolated=False)
    failed = (interpreters.exec if modern else interpreters.run_string)(one, CODE)
    if failed:
        print(failed, flush=True)
    interpreters.destroy(one)
print("and the process goes on", flush=True)
"""


def test_a_sub_interpreter_has_none_and_says_so(server: Server) -> None:
    """mod_wsgi has one for each site. Its end waits for all threads, and a daemon that runs then
    ends the process."""
    code = IN_IT.replace("URL", repr(server.url))
    script = AROUND_IT.replace("CODE", repr(code))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    *said, last = done.stdout.splitlines()
    assert (last, done.returncode) == ("and the process goes on", 0), done.stderr
    assert said
    for line in said:
        assert line.startswith("[1, 1, 1, 1] no thread can listen in a sub-interpreter")
