"""The bus of a cluster's nodes, through proxies that can cut one off from the others.

Each node announces a proxy's port as that of its bus. Who connects there is told by the first
message: its header has the sender's id. So both ways are cut, what others send to the node and what
it sends to others, while clients reach all of them.
https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

from django_redis_core.testing.clients import wait_until
from django_redis_core.testing.cluster import Cluster
from django_redis_core.testing.processes import BUS_OFFSET
from django_redis_core.testing.servers import Server

#: Where the sender's id begins in a message, and where it ends.
_ID, _AFTER_ID = 40, 80

#: Who sends, and to whom.
Way = tuple[str, str]


class Bus:
    """The proxies of all nodes. ``cut`` is the id of the node that is cut off, if one is."""

    def __init__(self, nodes: Cluster) -> None:
        self.cut: str | None = None
        self._open: dict[tuple[socket.socket, socket.socket], Way] = {}
        self._listeners: list[socket.socket] = []
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        for node in nodes.nodes:
            listener = socket.create_server(("127.0.0.1", 0))
            self._listeners.append(listener)
            port = listener.getsockname()[1]
            self._start(self._accept, listener, node)
            node.cli("CONFIG", "SET", "cluster-announce-bus-port", port)
        ids = [str(node.cli("CLUSTER", "MYID")) for node in nodes.nodes]
        pairs = {(one, other) for one in ids for other in ids if one != other}
        wait_until(lambda: self._ways() == pairs, "all nodes talk by the proxies", timeout=30)

    def cut_off(self, node: Server) -> None:
        """From now on no node hears it, and it hears none."""
        with self._lock:
            self.cut = name = str(node.cli("CLUSTER", "MYID"))
            broken = [sockets for sockets, way in self._open.items() if name in way]
        for sockets in broken:
            _shut(*sockets)

    def heal(self) -> None:
        """What was cut off finds the others by itself."""
        self.cut = None

    def close(self) -> None:
        for listener in self._listeners:
            _shut(listener)
            listener.close()
        with self._lock:
            still_open = list(self._open)
        for sockets in still_open:
            _shut(*sockets)
        for thread in self._threads:
            thread.join(30)

    def _start(self, function: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=function, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _ways(self) -> set[Way]:
        with self._lock:
            return set(self._open.values())

    def _accept(self, listener: socket.socket, node: Server) -> None:
        target = str(node.cli("CLUSTER", "MYID"))
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                self._start(self._serve, client, node, target)

    def _serve(self, client: socket.socket, node: Server, target: str) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while len(head) < _AFTER_ID:
                data = client.recv(4096)
                if not data:
                    return
                head += data
            way = head[_ID:_AFTER_ID].decode(), target
            with socket.create_connection((node.host, node.port + BUS_OFFSET)) as server:
                with self._lock:
                    if self.cut in way:
                        return
                    self._open[client, server] = way
                try:
                    server.sendall(head)
                    back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                    back.start()
                    _pump(client, server)
                    back.join()
                finally:
                    with self._lock:
                        del self._open[client, server]


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(64 * 1024):
            target.sendall(data)
    _shut(source, target)


def _shut(*sockets: socket.socket) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def proxied(nodes: Cluster) -> Iterator[Bus]:
    """The bus of a cluster that runs, and ends with the block."""
    bus = Bus(nodes)
    try:
        yield bus
    finally:
        bus.close()
