"""Several processes that are one site, as gunicorn's workers are: what they count adds up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from django_redis_core.testing.forks import in_child
from django_redis_core.testing.servers import Server
from django_redis_core_prometheus import state

PROGRAM = """
import os, sys
import django
from django.conf import settings

settings.configure(CACHES={"default": {
    "BACKEND": "django_redis_core.cache.RedisCache", "LOCATION": sys.argv[1],
    "OPTIONS": {"OBSERVERS": "prometheus", "PROMETHEUS_FAMILIES": {"user": "user:*"}},
}})
django.setup()
from django.core.cache import cache

cache.set("user:1", 1)                       # in the parent, before the workers are there
workers = []
for number in range(3):
    worker = os.fork()
    if not worker:
        for _ in range(10 + number):
            cache.get("user:1")
        cache.get("nothing")
        os._exit(0)
    workers.append(worker)
for worker in workers:
    assert os.waitpid(worker, 0)[1] == 0

from prometheus_client import CollectorRegistry, REGISTRY, generate_latest, multiprocess

registry = CollectorRegistry()
multiprocess.MultiProcessCollector(registry)
get = {"alias": "default", "operation": "get"}
found = registry.get_sample_value
hits = {"result": "hit", "source": "server", "family": "user"}
assert found("django_redis_core_lookups_total", {**get, **hits}) == 33
misses = {"result": "miss", "source": "server", "family": "other"}
assert found("django_redis_core_lookups_total", {**get, **misses}) == 3
name = "django_redis_core_operation_duration_seconds"
assert found(f"{name}_count", {**get, "outcome": "hit"}) == 33
assert found(f"{name}_bucket", {**get, "outcome": "hit", "le": "+Inf"}) == 33
ended = {"outcome": "ok", "family": "user"}
name = "django_redis_core_operations_total"
assert found(name, {"alias": "default", "operation": "set", **ended}) == 1
text = generate_latest(registry).decode() + generate_latest(REGISTRY).decode()
assert "django_redis_core_connections{" not in text, "a process knows nothing of the others'"
assert not [file for file in os.listdir(os.environ["PROMETHEUS_MULTIPROC_DIR"]) if "gauge" in file]
"""


def test_forked_workers_add_up(tmp_path: Path, redis_server: Server) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, redis_server.url],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr


def test_a_fork_while_a_thread_builds_a_cache_does_not_hang_the_child() -> None:
    def work() -> None:
        assert state._lock.acquire(timeout=10)

    with state._lock:
        assert in_child(work) == 0
