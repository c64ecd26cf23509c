"""What importing a plugin does, found out in a Python of its own: modules, and work beside them.

Every process of a site imports a plugin that its settings name, ``manage.py check`` and a worker
that is about to fork too. So a module defines things, and does nothing else: a thread would be
gone after the fork, a file written by whoever only wanted to see a list of commands.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ..._plugins.registry import GROUP

#: What is told of each of Python's audit events
#: (https://docs.python.org/3/library/audit_events.html).
WORK = {
    "_thread.start_new_thread": "starts a thread",
    "_thread.start_joinable_thread": "starts a thread",
    "time.sleep": "sleeps",
    "socket.connect": "connects to somewhere",
    "socket.bind": "listens",
    "socket.getaddrinfo": "asks for an address",
    "socket.gethostbyname": "asks for an address",
    "subprocess.Popen": "starts a process",
    "os.system": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.fork": "forks",
    "os.mkdir": "makes a folder",
    "os.remove": "removes a file",
    "os.rename": "renames a file",
    "tempfile.mkstemp": "makes a file",
    "tempfile.mkdtemp": "makes a folder",
    "sqlite3.connect": "opens a database",
}

#: Run with the entry point's module ("" where there is none), the kind, what settings write, the
#: packages of the plugin, and ``WORK``.
_IMPORTING = """
import json, os, sys, time
import django_redis_core._plugins.registry as plugins

home, kind, name, own, work = json.loads(sys.argv[1])
done = []

def seen(event, args):
    if event == "open":
        mode, flags = args[1:3]
        writing = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if not (writing if mode is None else set("wax+") & {*mode}):
            return
        said = f"writes the file {args[0]!r}"
    elif event in work:
        said = work[event]
    else:
        return
    frame = sys._getframe(1)
    while frame is not None:  # to whoever is no part of Python; what imports do is nobody's work
        module = frame.f_globals.get("__name__") or ""
        root = module.partition(".")[0]
        if root == "importlib" or "importlib" in frame.f_code.co_filename:
            return
        if root in own:
            line = f"{frame.f_code.co_filename}, line {frame.f_lineno}"
            if [said, line] not in done:
                done.append([said, line])
            return
        if root not in sys.stdlib_module_names and module != "__main__":
            return
        frame = frame.f_back

sleep = time.sleep

def sleeping(seconds):  # which is an event of its own since Python 3.13 only
    seen("time.sleep", ())
    sleep(seconds)

time.sleep = sleeping
sys.addaudithook(seen)
before = set(sys.modules)
answer = {"failed": "", "new": []}
try:
    if home:
        __import__(home)
    answer["new"] = sorted(set(sys.modules) - before)
    from django.conf import settings
    if not settings.configured and "DJANGO_SETTINGS_MODULE" not in os.environ:
        settings.configure(SECRET_KEY="for tests", USE_TZ=True)
    plugins.registry.plugin(kind, name, "The plugin")
except BaseException as error:
    answer["failed"] = f"{type(error).__name__}: {error}"
print(json.dumps({**answer, "done": done}))
"""


@dataclass(frozen=True)
class Imported:
    """``new``: the modules that come with that of the entry point. ``done``: what else happens,
    until the plugin's class is there, and where. ``failed``: why it is not there."""

    new: frozenset[str]
    done: tuple[str, ...]
    failed: str


def entry_point_of(name: str) -> EntryPoint | None:
    """Where the plugin is found; None for one of the core's own and for a dotted path."""
    found = list(entry_points(group=GROUP, name=name))
    return found[0] if found else None


@functools.lru_cache(maxsize=8)
def imported(kind: str, name: str, module: str) -> Imported:
    """What the imports do that settings cause which name the plugin of this kind, whose class
    stands in ``module``."""
    entry_point = entry_point_of(name)
    home = module
    if entry_point is not None:
        home = entry_point.module
    elif not home.startswith(f"{GROUP}."):
        home = ""  # a class of a project's own, which settings import
    own = {module.partition(".")[0] for module in (home, module) if module}
    run = subprocess.run(
        [sys.executable, "-c", _IMPORTING, json.dumps([home, kind, name, sorted(own), WORK])],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        answer = json.loads(run.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return Imported(frozenset(), (), f"Python ended with {run.returncode}: {run.stderr}")
    return Imported(
        frozenset(answer["new"]),
        tuple(f"{said} ({where})" for said, where in answer["done"]),
        answer["failed"],
    )


def work_at_import(kind: str, name: str, plugin: type[Any]) -> str:
    """Words on what the plugin does while it is imported, beside imports; empty where it does
    nothing."""
    own = not plugin.__module__.startswith(f"{GROUP}.")
    if own and "." not in name and entry_point_of(name) is None:
        return ""  # registered in this process: a site imports it itself
    found = imported(kind, name, plugin.__module__)
    if found.failed:
        return f"{name!r} cannot be imported by itself: {found.failed}"
    return (
        f"importing {name!r} {_listed(found.done)}: do that at the first call" if found.done else ""
    )


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + (" and " if parts[1:] else "") + parts[-1]
