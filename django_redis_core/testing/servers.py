"""Real Redis and Valkey servers for tests: quick to start, faulty to order, gone afterwards.

    with Server() as server:
        cache = RedisCache(server.url, {})
        server.pause()          # a server that hangs
        server.kill()           # a server that is gone
        server.restart()        # and is back, on the same port

No mocks: what a server does when it is paused, full or loading is what the code under test must
survive, and a mock does what its author thought of. Needs redis-py and a server
(:func:`find_binary`), no Django and no container.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from typing import Any, Literal, Self
from urllib.parse import quote

import redis

from .certificates import Certificate
from .clients import client
from .configuration import QUICK, TLS_ONLY, Config, quoted, render, tls_directives
from .processes import (
    HOST,
    BinaryNotFoundError,
    ServerError,
    binary_version,
    find_binary,
    free_port,
    scratch_directory,
    spawn,
    supports_tls,
)

__all__ = ["BinaryNotFoundError", "Server", "ServerError", "find_binary"]

Mode = Literal["standalone", "cluster", "sentinel"]

_POLL = 0.002  # seconds between looks; a server starts in 10 to 40 ms
_START = 15.0  # seconds that a start may take, on a machine that is busy with other tests
_RETAKE = 1.0  # seconds for which a port that is settled is tried, should it be taken
_ADMIN = "kit-admin"


class Server:
    """One server process, on a port, a Unix socket and a directory of its own.

    ``kind`` is what :func:`find_binary` takes. ``config`` adds directives; nothing is saved to disk
    unless it says so, and ``DEBUG`` is allowed. ``password`` is the default user's; ``users`` maps
    names to ACL rules (``{"reader": "on >secret ~* +@read"}``). ``replica_of`` makes a replica of a
    server that has a port already. ``tls`` adds :attr:`tls_port`; not every server can
    (:attr:`supports_tls`), and ``FaultProxy(server.host, server.port, tls=...)`` speaks TLS in
    front of one that cannot. With ``tls_only`` there is no other: :attr:`port` speaks TLS, and so
    do replication, sentinels and the cluster's bus.

    The port is chosen at the first start and kept by every later one, and the configuration file is
    written once: what ``CONFIG REWRITE``, a sentinel or the cluster made of it is found again after
    :meth:`restart`.
    """

    host = HOST

    def __init__(
        self,
        kind: str = "valkey",
        *,
        mode: Mode = "standalone",
        port: int | None = None,
        config: Config | None = None,
        password: str | None = None,
        users: Mapping[str, str] | None = None,
        replica_of: Server | None = None,
        tls: Certificate | None = None,
        tls_only: bool = False,
    ) -> None:
        self.kind = kind
        self.mode: Mode = mode
        self.binary = find_binary(kind)
        self.version = binary_version(self.binary)
        self.password = password
        self._config = dict(config or {})
        self._users = dict(users or {})
        self._replica_of = replica_of
        self._tls = tls
        self._tls_only = tls_only
        self._fixed_port = port
        self._port = port
        self._tls_port: int | None = None
        self._directory: Path | None = None
        self._process: Popen[bytes] | None = None
        self._log_from = 0
        self.paused = False
        self._owner = os.getpid()
        if tls_only and tls is None:
            raise ServerError("tls_only needs tls=, the certificate")
        if tls is not None and not self.supports_tls:
            raise ServerError(
                f"{self.binary} was built without TLS; "
                "put FaultProxy(server.host, server.port, tls=...) in front of it"
            )

    # What it is

    @property
    def supports_tls(self) -> bool:
        """Whether its binary was built with it."""
        return supports_tls(self.binary)

    @property
    def port(self) -> int:
        """The same after each restart. Raises ``ServerError`` before the first start."""
        if self._port is None:
            raise ServerError("a server has a port once it was started")
        return self._port

    @property
    def tls_port(self) -> int:
        """That of TLS, beside the plain one. Raises ``ServerError`` without ``tls``."""
        if self._tls_port is None:
            raise ServerError("a server started with tls= has a TLS port")
        return self._tls_port

    @property
    def directory(self) -> Path:
        """Its working directory: configuration, log, socket, and what it saves, if it does."""
        if self._directory is None:
            self._directory = scratch_directory()
        return self._directory

    @property
    def unix_socket(self) -> str:
        """The path of its Unix socket, which every server has beside its port."""
        return str(self.directory / "socket")

    @property
    def url(self) -> str:
        """``redis://127.0.0.1:port/0``, with the default user's password if there is one;
        ``rediss://`` with ``tls_only``."""
        scheme = "rediss" if self._tls_only else "redis"
        return f"{scheme}://{self._userinfo}{self.host}:{self.port}/0"

    @property
    def tls_url(self) -> str:
        """As ``url``, for the TLS port."""
        return f"rediss://{self._userinfo}{self.host}:{self.tls_port}/0"

    @property
    def unix_url(self) -> str:
        """As ``url``, for the Unix socket."""
        return f"unix://{self._userinfo}{self.unix_socket}?db=0"

    @property
    def _userinfo(self) -> str:
        return "" if self.password is None else f":{quote(self.password, safe='')}@"

    @property
    def ssl_arguments(self) -> dict[str, Any]:
        """What redis-py's clients need for :attr:`port`: nothing without ``tls_only``."""
        if self._tls is None or not self._tls_only:
            return {}
        # A certificate of its own, should the server want one of its clients.
        files = {"ssl_certfile": self._tls.certfile, "ssl_keyfile": self._tls.keyfile}
        return {"ssl": True, "ssl_ca_certs": self._tls.ca_file, **files}

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port

    @property
    def pid(self) -> int:
        """That of the process. Raises ``ServerError`` where none runs."""
        return self._running_process().pid

    @property
    def running(self) -> bool:
        """Whether there is a process; a paused one counts."""
        return self._process is not None and self._process.poll() is None

    @property
    def answers(self) -> bool:
        """Whether there is a process that is not paused."""
        return self.running and not self.paused

    def log(self) -> str:
        """What it has logged since it was last started."""
        with contextlib.suppress(FileNotFoundError), (self.directory / "log").open("rb") as log:
            log.seek(self._log_from)
            return log.read().decode(errors="replace")
        return ""

    def __repr__(self) -> str:
        state = "running" if self.running else "not running"
        return f"<Server {self.kind} on port {self._port}, {state}>"

    # Its life

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.close()

    def launch(self) -> None:
        """Start the process and do not wait for it: so several start side by side.

        :meth:`start` then waits.
        """
        if self.running:
            return
        self.paused = False
        self._owner = os.getpid()
        log = self.directory / "log"
        self._log_from = log.stat().st_size if log.exists() else 0
        path = self.directory / "server.conf"
        if not path.exists():
            if self._fixed_port is None:
                self._port = free_port(bus=self.mode == "cluster")
            if self._tls is not None:
                self._tls_port = self.port if self._tls_only else free_port()
            path.write_text(self._configuration())
        command = [self.binary, str(path)]
        if self.mode == "sentinel":
            command.append("--sentinel")
        self._process = spawn(command, directory=self.directory, log=log)

    def start(self, *, ready: bool = True) -> Self:
        """Start it if it does not run, and wait until it answers.

        With ``ready=False`` any answer will do: it may still be LOADING its data.
        """
        began = time.monotonic()
        self.launch()
        while not self._replies(ready):
            if not self.running:
                patience = _START if self._fixed_port is None else _RETAKE
                taken = "Address already in use" in self.log()
                if not taken or time.monotonic() > began + patience:
                    raise self._failure("did not start")
                if self._fixed_port is None:
                    (self.directory / "server.conf").unlink()  # another port, another try
                else:
                    time.sleep(0.05)
                self.launch()
            elif time.monotonic() > began + _START:
                raise self._failure(f"does not answer after {_START} s")
            else:
                time.sleep(_POLL)
        self._fixed_port = self._port
        return self

    def stop(self, *, grace: float = 2.0) -> None:
        """Ask it to end (SIGTERM: takes up to 0.1 s), and kill it after ``grace`` seconds.

        Nothing is saved.
        """
        if not self.running:
            return
        process = self._running_process()
        process.send_signal(signal.SIGTERM)
        self.resume()  # a paused server would not hear of it
        try:
            process.wait(grace)
        except TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL: no good-bye, nothing written; its kernel closes the connections."""
        if self.running:
            process = self._running_process()
            process.kill()
            process.wait()

    def pause(self) -> None:
        """SIGSTOP: the kernel still accepts connections and takes bytes, but nobody answers."""
        process = self._running_process()
        process.send_signal(signal.SIGSTOP)
        self.paused = True
        with contextlib.suppress(ChildProcessError):  # WNOWAIT leaves the state for Popen to see
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """SIGCONT: it answers everything that was sent to it meanwhile."""
        self._running_process().send_signal(signal.SIGCONT)
        self.paused = False

    def restart(self, *, keep_data: bool = True, ready: bool = True) -> Self:
        """Kill it and start it again on the same port.

        With ``keep_data`` a running server is told to SAVE before; one that was killed comes back
        with what is on its disk. Without, dumps and append-only files are removed. A cluster node
        keeps its identity either way.
        """
        if keep_data and self.running and self.mode != "sentinel":
            self.resume()
            self.cli("SAVE")
        self.kill()
        if not keep_data:
            for path in (*self.directory.glob("*.rdb"), *self.directory.glob("*.aof")):
                path.unlink()
            shutil.rmtree(self.directory / "appendonlydir", ignore_errors=True)
        return self.start(ready=ready)

    def close(self) -> None:
        """Kill it and remove its directory. A forked child leaves its parent's server alone."""
        if os.getpid() != self._owner:
            return
        self.kill()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    # Talking with it

    def client(self, **options: Any) -> redis.Redis:
        """A client of its TCP port as the default user, with :func:`client`'s defaults."""
        defaults = {"host": self.host, "port": self.port, "password": self.password}
        return client(**(defaults | self.ssl_arguments | options))

    def info(self, section: str | None = None) -> dict[str, Any]:
        """INFO as redis-py reads it, asked over the Unix socket."""
        with self._admin() as admin:
            found: dict[str, Any] = admin.info() if section is None else admin.info(section)
            return found

    def cli(self, *arguments: str | int | bytes) -> Any:
        """The reply to one command as the server gives it, with text decoded.

        Sent over the Unix socket and with every right, so it works whatever stands before the port.
        An error reply is raised as redis-py's ResponseError.
        """
        with self._admin(decode_responses=True, encoding_errors="backslashreplace") as admin:
            admin.response_callbacks.clear()
            return admin.execute_command(*arguments)

    def supports(self, command: str) -> bool:
        """Whether it knows a command, say ``MSETEX``."""
        return self.cli("COMMAND", "INFO", command) not in ([], [None], [[]])

    # Its parts

    def _running_process(self) -> Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            raise ServerError(f"no process to do this with: {self!r}")
        return self._process

    def _failure(self, what: str) -> ServerError:
        return ServerError(f"{self.binary} {what}:\n{self.log()[-2000:]}")

    def _admin(self, **options: Any) -> redis.Redis:
        credentials: dict[str, Any] = {"password": self.password}
        if self._users:
            credentials = {"username": _ADMIN, "password": _ADMIN}
        defaults = {"unix_socket_path": self.unix_socket, "socket_timeout": 30.0}
        return client(**(defaults | credentials | options))

    def _replies(self, ready: bool) -> bool:
        # Over the Unix socket: on the port somebody else's server may answer while ours fails to
        # bind. It is opened after the port.
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(1.0)
                probe.connect(self.unix_socket)
                probe.sendall(b"PING\r\n")
                reply = probe.recv(64)
        except OSError:
            return False
        return bool(reply) and not (ready and reply.startswith(b"-LOADING"))

    def _configuration(self) -> str:
        settings: dict[str, str | int | Sequence[str]] = {
            "bind": self.host,
            "port": self.port,
            "unixsocket": self.unix_socket,
            "unixsocketperm": 700,
            "dir": str(self.directory),
        }
        if self.mode != "sentinel":
            settings |= QUICK
            if self.version >= (7, 0, 0):
                settings |= {"enable-debug-command": "local", "shutdown-timeout": 0}
        if self.mode == "cluster":
            settings |= {"cluster-enabled": "yes", "cluster-config-file": "nodes.conf"}
        if self.password is not None:
            # masterauth too: a sentinel may make it a replica of one with the same password.
            settings |= {
                "requirepass": quoted(self.password),
                "masterauth": quoted(self.password),
            }
        if self._users:
            rules = {_ADMIN: f"on >{_ADMIN} ~* &* +@all"} | self._users
            settings |= {"user": [f"{name} {rule}" for name, rule in rules.items()]}
        if self._replica_of is not None:
            settings |= {"replicaof": f"{self._replica_of.host} {self._replica_of.port}"}
            if self._replica_of.password is not None:
                settings |= {"masterauth": quoted(self._replica_of.password)}
        if self._tls is not None:
            settings |= tls_directives(self.tls_port, self._tls)
        if self._tls_only:
            settings |= TLS_ONLY
            if self.mode == "cluster":
                settings |= {"tls-cluster": "yes"}
        return render(settings | self._config)
