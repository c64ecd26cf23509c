"""The fixtures for tests of sites: a server of the run's own, empty for each test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import caches
from django.test import override_settings

from django_redis_core.testing.servers import Server
from django_redis_core.testing.sites import OwnCaches, own_caches_of

BACKEND = "django_redis_core.cache.RedisCache"
SITE: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": BACKEND,
        "LOCATION": "redis://:hush@production.example:6379/0",
        "KEY_PREFIX": "shop",
        "OPTIONS": {"PASSWORD": "hush", "SERIALIZER": "json"},
    },
    "near": {
        "BACKEND": BACKEND,
        "LOCATION": ["rediss://production.example/1", "rediss://replica.example/1"],
        "OPTIONS": {"CLIENT": "near", "CONNECTION_POOL_KWARGS": {"ssl_ca_certs": "/no/file"}},
    },
    "shards": {
        "BACKEND": BACKEND,
        "LOCATION": ["redis://a.example", "redis://b.example"],
        "OPTIONS": {"CLIENT": "shard", "SHARD_NAMES": ["a", "b"]},
    },
    "failover": {
        "BACKEND": BACKEND,
        "LOCATION": "redis://service/0",
        "OPTIONS": {
            "CLIENT_CLASS": "django_redis.client.SentinelClient",
            "SENTINELS": [("s.example", 26379)],
        },
    },
    "memory": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "x"},
}


def test_every_cache_is_on_the_server_of_the_run_and_as_it_was_afterwards() -> None:
    with override_settings(CACHES=SITE):
        own = OwnCaches().start()
        try:
            for alias in SITE:
                caches[alias].set("key", alias)
                assert caches[alias].get("key") == alias
            assert [caches[alias].get("key") for alias in SITE] == list(SITE)
            own.empty()
            assert [alias for alias in SITE if caches[alias].get("key")] == ["memory"]
            own.empty()
        finally:
            own.stop()
            caches["memory"].clear()
        assert settings.CACHES["default"]["LOCATION"] == SITE["default"]["LOCATION"]
        assert not own.server.running


def test_what_is_not_of_servers_stays() -> None:
    with Server() as server:
        made = own_caches_of(SITE, server)
    assert made["default"]["KEY_PREFIX"] == "shop"
    assert made["default"]["OPTIONS"] == {"SERIALIZER": "json", "CONNECTION_FACTORY": "single"}
    assert made["memory"] == SITE["memory"]
    assert len(made["shards"]["LOCATION"]) == 2
    places = [
        url for entry in made.values() if entry["BACKEND"] == BACKEND for url in entry["LOCATION"]
    ]
    assert len(set(places)) == len(places) == 5
    assert "hush" not in str(made)


def test_each_test_of_a_site_finds_its_caches_empty(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        textwrap.dedent(
            f"""
            import pytest
            from django.conf import settings

            pytest_plugins = ["django_redis_core.testing.sites"]
            settings.configure(CACHES={{"default": {{"BACKEND": {BACKEND!r},
                "LOCATION": "redis://127.0.0.1:1/0", "OPTIONS": {{"CLIENT": "near"}}}}}})

            @pytest.fixture(autouse=True)
            def caches_of_the_site(empty_caches):
                pass
            """
        )
    )
    (tmp_path / "test_site.py").write_text(
        textwrap.dedent(
            """
            import pytest
            from django.core.cache import cache

            @pytest.mark.parametrize("turn", range(5))
            def test_it(turn):
                assert cache.get("key") is None
                assert cache.add("key", turn)
                assert cache.get("key") == turn
            """
        )
    )
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    env = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, env=env, check=False)
    assert "5 passed" in done.stdout, done.stdout + done.stderr


def test_emptying_takes_microseconds() -> None:
    with override_settings(CACHES={"default": SITE["default"]}):
        own = OwnCaches().start()
        try:
            caches["default"].set("key", 1)
            own.empty()
            taken = []
            for _ in range(200):
                began = perf_counter()
                own.empty()
                taken.append(perf_counter() - began)
        finally:
            own.stop()
    assert min(taken) < 0.001, f"{min(taken) * 1e6:.0f} µs"


PAGE = (Path(__file__).parents[2] / "docs" / "testing-your-site.md").read_text("utf-8")


@pytest.mark.parametrize("parallel", ["1", "2"])
def test_djangos_runner_as_the_page_has_it(tmp_path: Path, parallel: str) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    [runner] = [code for code in blocks if "init_worker" in code]
    (tmp_path / "shop_testing.py").write_text(runner)
    for name in ("one", "two"):
        (tmp_path / f"test_{name}.py").write_text(
            textwrap.dedent(
                """
                from django.core.cache import cache
                from shop_testing import CacheTestCase

                class Tests(CacheTestCase):
                    def look(self):
                        self.assertIsNone(cache.get("key"))
                        for _ in range(100):
                            cache.incr("key", ignore_key_check=True)
                        self.assertEqual(cache.get("key"), 100)

                    test_a = test_b = look
                """
            )
        )
    location = {"BACKEND": BACKEND, "LOCATION": "redis://127.0.0.1:1/0"}
    (tmp_path / "manage.py").write_text(
        textwrap.dedent(
            f"""
            import sys
            from django.conf import settings
            from django.core.management import execute_from_command_line

            settings.configure(
                CACHES={{"default": {location}}}, TEST_RUNNER="shop_testing.Runner", SECRET_KEY="x"
            )
            if __name__ == "__main__":
                execute_from_command_line(sys.argv)
            """
        )
    )
    run = [sys.executable, "manage.py", "test", "--parallel", parallel]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "Ran 4 tests" in done.stderr
