"""The kit's tools for what a test asks of time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import ConnectionInterrupted
from django_redis_core.testing.busy import HeldUp, patiently, quickest, seconds
from django_redis_core.testing.clients import PATIENCE
from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server


def test_the_quickest_of_several_tries_counts() -> None:
    times = iter([3.0, 1.5, 0.9, 0.1])
    assert quickest(lambda: next(times), below=1) == 0.9
    assert next(times) == 0.1, "it is not tried on"


def test_what_is_always_slow_is_slow() -> None:
    times = iter([3.0, 2.0, 4.0, 0.1])
    assert quickest(lambda: next(times), below=1, tries=3) == 2.0


def test_a_wrong_answer_is_not_tried_again() -> None:
    tried: list[None] = []

    def measure() -> float:
        tried.append(None)
        raise AssertionError("wrong")

    with pytest.raises(AssertionError, match="wrong"):
        quickest(measure, below=1)
    assert len(tried) == 1


def test_seconds_are_those_of_the_work() -> None:
    assert 0.02 <= seconds(lambda: time.sleep(0.02)) < 30


@pytest.fixture
def proxy(redis_server: Server) -> Iterator[FaultProxy]:
    with FaultProxy(*redis_server.address) as proxy:
        yield proxy


def test_a_server_is_waited_for_until_it_is_well(proxy: FaultProxy) -> None:
    cache = RedisCache(proxy.url, {"OPTIONS": {**PATIENCE, "BREAKER_INTERVAL": 0.01}})
    proxy.refuse()
    tries: list[None] = []

    def read() -> object:
        tries.append(None)
        if len(tries) == 4:
            proxy.heal()
        return cache.get("busy", "nothing")

    assert patiently(read) == "nothing"
    assert len(tries) >= 4


def test_but_not_for_ever(proxy: FaultProxy) -> None:
    proxy.refuse()
    cache = RedisCache(proxy.url, {})
    with pytest.raises(ConnectionInterrupted):
        patiently(lambda: cache.get("busy"), timeout=0.05)


WATCHED = """
import sys
from django_redis_core.testing.busy import HeldUp
with HeldUp() as held:
    print("ready", flush=True)
    sys.stdin.readline()
print(held.seconds)
"""


def test_a_process_that_stood_still_was_held_up() -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", WATCHED], text=True, **pipes) as watched:  # type: ignore[call-overload]
        assert watched.stdout.readline() == "ready\n"
        os.kill(watched.pid, signal.SIGSTOP)
        time.sleep(0.5)
        os.kill(watched.pid, signal.SIGCONT)
        out, _ = watched.communicate("\n", timeout=60)
    assert float(out) > 0.4


def test_who_is_not_held_up_has_lost_nothing() -> None:
    def lost() -> float:
        with HeldUp() as held:
            time.sleep(0.1)
        return held.seconds

    assert quickest(lost, below=0.01, tries=20) == 0
