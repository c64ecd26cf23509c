"""Subtle mistakes in client plugins and connection factories, each of which the kit tells."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ..registry.conftest import CORE

PLANTED = '''
import asyncio, socket, threading, time
from dataclasses import replace
import redis
from django_redis_core.commands import EXISTS, GET, PTTL
from django_redis_core.connections import Node, SingleServer, node_for
from django_redis_core.interfaces import MISSING, Client, ConnectionFactory, DEFAULT_TIMEOUT


class NoVersion(Client):
    name = "no-version"

    def hget(self, key, field, version=None, *, default=None):
        return (yield from super().hget(key, field, default=default))

    def touch(self, key, timeout=DEFAULT_TIMEOUT, version=None):
        return (yield from super().touch(key, timeout))

    def sunion(self, *keys, version=None):
        return (yield from super().sunion(*keys))


class NoPrefix(Client):
    name = "no-prefix"

    def delete_pattern(self, pattern, version=None, prefix=None, itersize=None):
        return (yield from super().delete_pattern(pattern, version, None, itersize))


class NoCaller(Client):
    """Answers ``client=`` out of what it remembers of its own servers."""

    name = "no-caller"

    def __init__(self, context):
        super().__init__(context)
        self.last = (None, None)

    def get(self, key, default=None, version=None):
        full = self.naming.make(key, version)
        if self.last[0] != full:
            self.last = full, (yield from super().get(key, MISSING, version))
        return default if self.last[1] is MISSING else self.last[1]

    def set(self, key, value, *args, **kwargs):
        self.last = (None, None)
        return (yield from super().set(key, value, *args, **kwargs))


class Looking(Client):
    """One look more at what is there."""

    name = "looking"

    def delete(self, key, version=None, prefix=None):
        if not (yield EXISTS(self.naming.make(key, version, prefix)).primary()):
            return False
        return (yield from super().delete(key, version, prefix))


class Single(Client):
    name = "single"

    def get_many(self, keys, version=None):
        found = {}
        for key in keys:
            value = yield from self.get(key, MISSING, version)
            if value is not MISSING:
                found[key] = value
        return found


class Forgetful(Client):
    name = "forgetful"

    def set(self, key, value, timeout=DEFAULT_TIMEOUT, version=None, **kwargs):
        if kwargs.get("xx"):
            return (yield from super().set(key, value, timeout, version, **kwargs))
        yield from super().set(key, value, timeout, version, **kwargs)
        self.note(key)
        return True

    def note(self, key):
        yield EXISTS(key)


class ForgetsSuper(Client):
    name = "forgets-super"

    def persist(self, key, version=None):
        super().persist(key, version)
        return False
        yield


class Sleeping(Client):
    name = "sleeping"

    def get(self, key, default=None, version=None):
        time.sleep(0.001)
        return (yield from super().get(key, default, version))


class Computing(Client):
    name = "computing"

    def lrange(self, key, start, end, version=None):
        until = time.monotonic() + 0.03
        while time.monotonic() < until:
            pass
        return (yield from super().lrange(key, start, end, version))


class OwnConnection(Client):
    """Asks by itself."""

    name = "own-connection"
    theirs = None

    def build_topology(self, locations, factory):
        self.theirs = redis.Redis.from_url(locations[0])
        return super().build_topology(locations, factory)

    def has_key(self, key, version=None):
        if self.theirs.exists(self.naming.make(key, version)):
            return True
        return (yield from super().has_key(key, version))


class Waiting(Client):
    name = "waiting"
    never = threading.Event()

    def ttl(self, key, version=None):
        self.never.wait(0.001)
        return (yield from super().ttl(key, version))


class Counting(Client):
    """How often each key was asked for."""

    name = "counting"

    def __init__(self, context):
        super().__init__(context)
        self.asked = {}

    def touch(self, key, timeout=DEFAULT_TIMEOUT, version=None):
        self.asked[key] = self.asked.get(key, 0) + 1
        return (yield from super().touch(key, timeout, version))


class Seen(Client):
    name = "seen"
    seen = set()

    def wrap(self, key, value, milliseconds):
        self.seen.add(key)
        return super().wrap(key, value, milliseconds)

    def recoded(self, key, data):
        return super().recoded(key, data)


class Looked(ConnectionFactory):
    name = "looked"

    def topology(self, locations):
        socket.getaddrinfo("localhost", 80)
        return SingleServer(self.node(locations[0]))


class Pinged(ConnectionFactory):
    name = "pinged"

    def topology(self, locations):
        redis.Redis.from_url(locations[0]).ping()
        return SingleServer(self.node(locations[0]))


class FromFile(ConnectionFactory):
    name = "from-file"

    def topology(self, locations):
        open(__file__).close()
        return SingleServer(self.node(locations[0]))


class TimelessAsyncio(ConnectionFactory):
    name = "timeless-asyncio"

    def topology(self, locations):
        return SingleServer(node_for(replace(self.connection.server(locations[0]), timeout=None)))


class TimelessBlocking(ConnectionFactory):
    name = "timeless-blocking"

    def topology(self, locations):
        config = self.connection.server(locations[0])
        kwargs = {**config.kwargs, "socket_timeout": None}
        return SingleServer(node_for(replace(config, kwargs=kwargs)))


class TimelessConnect(ConnectionFactory):
    name = "timeless-connect"

    def topology(self, locations):
        config = self.connection.server(locations[0])
        kwargs = {**config.kwargs, "socket_connect_timeout": None}
        return SingleServer(node_for(replace(config, kwargs=kwargs)))


class Leaking(ConnectionFactory):
    """A node of its own for every command."""

    name = "leaking"

    def topology(self, locations):
        return LeakingTopology(self.connection.server(locations[0]))


class LeakingTopology(SingleServer):
    def __init__(self, config):
        super().__init__(node_for(config))
        self.config, self.single, self.kept = config, None, []

    def route(self, command):
        node = Node(self.config)
        self.kept.append(node)
        return node


class Unshared(ConnectionFactory):
    """A node of its own for every cache."""

    name = "unshared"
    kept = []

    def topology(self, locations):
        self.kept.append(SingleServer(Node(self.connection.server(locations[0]))))
        return self.kept[-1]


class Stranger(ConnectionFactory):
    name = "stranger"

    def topology(self, locations):
        return StrangerTopology(self.node(locations[0]))


class StrangerTopology(SingleServer):
    def __init__(self, node):
        super().__init__(node)
        self.single, self.known = None, False

    @property
    def ready(self):
        return self.known

    def discover(self):
        yield from ()
        kwargs = self.primary.config.kwargs
        socket.create_connection((kwargs["host"], kwargs["port"])).close()
        self.known = True


class StrangerAfter(ConnectionFactory):
    name = "stranger-after"

    def topology(self, locations):
        return StrangerAfterTopology(self.node(locations[0]))


class StrangerAfterTopology(SingleServer):
    def __init__(self, node):
        super().__init__(node)
        self.single = None

    def after(self, command, node, trouble, attempt):
        yield from ()
        return {}[node]
'''

IGNORES, CALLER = "test_no_operation_ignores[{}]", "test_a_client_of_the_callers_is_asked"
TRIPS, FORGOTTEN = "test_no_operation_needs_more_round_trips", "test_no_generator_is_forgotten"
HELD, MEMORY = "test_the_event_loop_is_not_held", "test_memory_does_not_grow_with_keys"
IO, TIMES = "test_making_a_cache_does_no_io", "test_timeouts_are_those_of_the_cache"
AGAIN, REACHED = "test_connections_are_used_again", "test_servers_that_cannot_be_reached"

#: Each class, the test that tells, and its words.
TOLD: dict[str, tuple[str, str]] = {
    "NoVersion": (IGNORES.format("version"), "`version` is ignored by touch, expire, hget, sunion"),
    "NoPrefix": (IGNORES.format("prefix"), "`prefix` is ignored by delete_pattern"),
    "NoCaller": (CALLER, "`client=` is ignored by get"),
    "Looking": (TRIPS, "than those of the default client: {'delete': 1}; spare them"),
    "Single": (TRIPS, "than those of the default client: {'get_many': 1}; spare them"),
    "Forgetful": (FORGOTTEN, "set(): Forgetful.note() in Forgetful.set() ("),
    "ForgetsSuper": (FORGOTTEN, "persist(): Expiry.persist() in ForgetsSuper.persist() ("),
    "Sleeping": (HELD, "the event loop is held by {'get': 'time.sleep() ("),
    "Computing": (HELD, "ms of work"),
    "OwnConnection": (HELD, "of a socket ("),
    "Waiting": (HELD, "{'ttl': 'Event.wait() ("),
    "Counting": (MEMORY, "keep nothing by key, or give what is kept a bound"),
    "Seen": (MEMORY, "keep nothing by key, or give what is kept a bound"),
    "Looked": (IO, "topology() asks for an address ("),
    "Pinged": (IO, "topology() "),
    "FromFile": (IO, "topology() opens "),
    "TimelessAsyncio": (TIMES, "has the timeouts (None, 0.35)"),
    "TimelessBlocking": (TIMES, "is lost for a blocking call on"),
    "TimelessConnect": (TIMES, "has the timeouts (0.15, None)"),
    "Leaking": (AGAIN, "new connections for 60 calls, one after another"),
    "Unshared": (AGAIN, "connections are left open by 4 caches that are configured alike"),
    "Stranger": (REACHED, "get of a cache that is new (refused): ConnectionRefusedError("),
    "StrangerAfter": (REACHED, "calls do not raise ConnectionInterrupted"),
}

FACTORIES = list(TOLD)[list(TOLD).index("Looked") :]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """What the kit says of each class in each test that is asked for here, where it fails."""
    folder = tmp_path_factory.mktemp("planted")
    (folder / "planted.py").write_text(PLANTED)
    (folder / "conftest.py").write_text('pytest_plugins = ["django_redis_core.testing.fixtures"]\n')
    tests = ["from django_redis_core.testing import ClientContract, ConnectionFactoryContract"]
    for name in TOLD:
        base = "ConnectionFactoryContract" if name in FACTORIES else "ClientContract"
        tests.append(f'class Test{name}({base}):\n    name = "planted.{name}"\n')
    (folder / "test_planted.py").write_text("\n".join(tests))
    chosen = [f"test_planted.py::Test{name}::{test}" for name, (test, _) in TOLD.items()]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:asyncio", "-rf", *chosen],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(folder), str(CORE)]),
            "COLUMNS": "9999",
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    failed = re.findall(r"^FAILED test_planted.py::Test(\w+)::(\S+) - ", done.stdout, re.M)
    reports = re.split(r"^_{3,} (Test\w+)\.\S+ _{3,}$", done.stdout, flags=re.M)[1:]
    told = dict(zip(reports[::2], reports[1::2], strict=True))
    return {(name, test): told[f"Test{name}"] for name, test in failed}


@pytest.mark.parametrize("name", TOLD)
def test_the_kit_tells(said: dict[Any, str], name: str) -> None:
    test, words = TOLD[name]
    assert (name, test) in said, "the mistake passes"
    assert words in said[name, test]


def test_what_is_found_without_a_test_class_is_listed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "django_redis_core.testing", "herd", "-q", "-k", "round_trips"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert (
        "The client 'herd' needs more round trips than the default one: getex 1, incr_version 1, "
        "decr_version 1." in done.stdout
    )
