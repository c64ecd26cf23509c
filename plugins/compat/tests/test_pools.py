"""The pools of django-redis' connection factories: one for all that make it alike."""

import threading

from django_redis import pool
from django_redis_core.testing.forks import in_child


class Watched(pool.ConnectionFactory):
    """Has a second pool beside each, as for a server that is asked about the first."""

    def get_connection_pool(self, params):
        if "db=9" not in params["url"]:
            self.beside = self.get_or_create_connection_pool({**params, "url": "redis://x?db=9"})
        return super().get_connection_pool(params)


def test_a_pool_that_is_made_may_ask_for_another_one():
    factory = Watched({})
    found = []

    def ask():
        params = factory.make_connection_params("redis://localhost")
        found.append(factory.get_or_create_connection_pool(params))

    # A daemon: one that waits for itself is to fail the test and not to hang it.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(10)
    assert found
    assert factory.beside is not found[0]


def test_a_fork_while_a_thread_makes_a_pool_does_not_hang_the_child():
    held, free = threading.Event(), threading.Event()

    def hold():
        with pool._lock:
            held.set()
            free.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    try:
        assert in_child(lambda: bool(pool._lock.acquire(timeout=10)) or 1 / 0) == 0
    finally:
        free.set()
        holder.join()
