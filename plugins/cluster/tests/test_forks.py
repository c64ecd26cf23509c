"""A fork in the midst of what a thread does for redis-py's clients."""

from __future__ import annotations

from django_redis_core.testing.forks import in_child
from django_redis_core_cluster.clients import ClusterClients


def test_a_fork_while_a_thread_asks_nodes_does_not_hang_the_child() -> None:
    clients = ClusterClients((), None)

    def work() -> None:
        assert clients._lock.acquire(timeout=10)

    with clients._lock:
        assert in_child(work) == 0
