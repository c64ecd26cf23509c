"""django-redis' ring of nodes: the same point for the same key."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator
from hashlib import sha256

__all__ = ["HashRing"]


def _point(text: str) -> str:
    return sha256(text.encode()).hexdigest()


class HashRing:
    """Spreads keys over ``nodes``, each of which has ``replicas`` points.

    A key belongs to the last point that is not after its own hash.
    """

    def __init__(self, nodes: Iterable[str] = (), replicas: int = 128) -> None:
        self.replicas = replicas
        self.nodes: list[str] = []
        self.ring: dict[str, str] = {}
        self.sorted_keys: list[str] = []
        for node in nodes:
            self.add_node(node)

    def add_node(self, node: str) -> None:
        """Adds a node, which takes its share of the keys from all others."""
        self.nodes.append(node)
        self.ring.update((_point(f"{node}:{x}"), node) for x in range(self.replicas))
        self.sorted_keys = sorted(self.ring)

    def remove_node(self, node: str) -> None:
        """Removes a node, whose keys go to all others. ValueError for one that is not there."""
        self.nodes.remove(node)
        self.ring = {point: owner for point, owner in self.ring.items() if owner != node}
        self.sorted_keys = sorted(self.ring)

    def get_node(self, key: str) -> str | None:
        """The node of ``key``; None on an empty ring."""
        return self.get_node_pos(key)[0]

    def get_node_pos(self, key: str) -> tuple[str | None, int | None]:
        """The node of ``key`` and the position of its point in ``sorted_keys``. -1, the last
        point, for a key before the first one."""
        if not self.ring:
            return None, None
        position = bisect(self.sorted_keys, _point(key)) - 1
        return self.ring[self.sorted_keys[position]], position

    def iter_nodes(self, key: str) -> Iterator[tuple[str | None, str | None]]:
        """(point, node) from the point of ``key`` to the end of the ring."""
        if not self.ring:
            yield None, None
            return
        position = self.get_node_pos(key)[1]
        for point in self.sorted_keys[position:]:
            yield point, self.ring[point]

    def __call__(self, key: str) -> str | None:
        return self.get_node(key)
