"""Follows the file: which servers it names now, and what becomes of the others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

from django_redis_core.commands import Call
from django_redis_core.connections import SingleServer, Topology
from django_redis_core.exceptions import ConnectionInterrupted, ServerRefused, ServerTimeout

if TYPE_CHECKING:
    from django_redis_core.commands import Command, Operation, Spread
    from django_redis_core.connections import Clients, Instead, Node, Nodes, Parts

logger = logging.getLogger(__name__)

#: Seconds between two looks because commands fail.
AGAIN = 0.1
#: After so many servers in a row the caller is told.
TRIES = 3


class FileTopology(Topology):
    """What the file said is one ``SingleServer``, and another one when it says something else."""

    def __init__(
        self, path: Path, interval: float, servers: Callable[[bytes], SingleServer]
    ) -> None:
        self.name = f"jsonfile://{path}"
        self._path = path
        self._interval = interval
        self._servers = servers
        self._found: SingleServer | None = None
        self._text = b""
        self._trouble = ""
        self._fresh_until = 0.0
        self._looked = -1.0
        self._lock = threading.Lock()

    # When the file is looked at

    @property
    def ready(self) -> bool:  # type: ignore[override]
        found = self._found
        return found is not None and time.monotonic() < self._fresh_until and found.ready

    def discover(self) -> Operation[None]:
        if self._found is None or time.monotonic() >= self._fresh_until:
            # First the time: others who come meanwhile go on with what is known.
            self._fresh_until = time.monotonic() + self._interval
            yield Call(self._look)
        found = self._known()
        if not found.ready:  # with READ_FROM or REPLICA_MAX_LAG it has to ask its servers
            yield from found.discover()

    def _look(self, client: Any = None) -> None:
        """Reads the file, in a thread where asyncio asks."""
        began = time.monotonic()
        try:
            text = self._path.read_bytes()
        except OSError as error:
            if error.errno is None:  # not the system's: a time limit of the caller's
                raise
            self._keep(f"cannot be read: {error.strerror}")
            return
        with self._lock:
            before = self._found
            if began < self._looked:
                return  # somebody who looked later was faster
            self._looked = began
            # Another cache of this file may have seen first that a server is gone, and back.
            gone = before is not None and any(node.retired for node in before.nodes())
            if before is not None and text == self._text and not gone:
                self._trouble = ""
                return
            try:
                found = self._servers(text)
            except (ValueError, ImproperlyConfigured) as error:
                self._keep(str(error))
                return
            self._found, self._text, self._trouble = found, text, ""
        for node in () if before is None else before.nodes():
            if node not in found.nodes():
                node.retire(f"{self.name} does not name it any more")

    def _keep(self, trouble: str) -> None:
        """The servers that are known go on being used; the log has it once."""
        if trouble != self._trouble:
            self._trouble = trouble
            logger.warning("%s %s", self.name, trouble)

    def _known(self) -> SingleServer:
        if self._found is None:
            raise ConnectionInterrupted(self.name, f"its servers are not known: it {self._trouble}")
        return self._found

    # Where commands go

    def route(self, command: Command) -> Node:
        return self._known().route(command)

    def primaries(self) -> Nodes:
        return self._known().primaries()

    def nodes(self) -> Nodes:
        return () if self._found is None else self._found.nodes()

    def parts(self, spread: Spread) -> Parts:
        return self._known().parts(spread)

    def clients(self, command: Command) -> Clients:
        return Current(self, command)

    def looked(self) -> Topology:
        """This, with servers: for who cannot run ``discover``."""
        if self._found is None or time.monotonic() >= self._fresh_until:
            self._look()
        return self

    # When a command failed

    def after(
        self, command: Command, node: Node, trouble: ConnectionInterrupted, attempt: int
    ) -> Operation[Instead]:
        if isinstance(trouble, ServerTimeout):
            self._fresh_until = 0.0  # this caller's time is spent; the next one looks first
            return None
        if node.retired or time.monotonic() >= self._looked + AGAIN:
            yield Call(self._look)
        found = self._known()
        if node in found.nodes():
            return (yield from found.after(command, node, trouble, attempt))
        for_that_server = command.node is not None and command.key is None
        not_run = trouble.before_sending or isinstance(trouble, ServerRefused)
        again = (not_run or command.kind.repeatable) and not for_that_server
        return [command.on(found.route(command))] if again and attempt <= TRIES else None


class Current:
    """redis-py clients of the server that the file names when they are asked for."""

    def __init__(self, topology: FileTopology, command: Command) -> None:
        self._topology = topology
        self._command = command

    def client(self) -> Any:
        return self._topology.looked().route(self._command).client()

    def async_client(self) -> Any:
        return self._topology.looked().route(self._command).async_client()
