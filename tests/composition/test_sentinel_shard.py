"""Shards that are services of sentinels: each part of the ring follows its own primary."""

from __future__ import annotations

import gc
import os
import warnings

from django.core.signals import setting_changed

from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import sentinels

SERVICES = ("Orders", "Solo")
PASSWORD = "of the servers"


def test_shards_that_are_services() -> None:
    kind = os.environ.get("DRC_TEST_SERVER", "valkey")
    with (
        sentinels(SERVICES[0], kind=kind, password=PASSWORD) as group,
        Server(kind, password=PASSWORD) as alone,
    ):
        for sentinel in group.sentinels:
            sentinel.cli("SENTINEL", "MONITOR", SERVICES[1], alone.host, alone.port, 2)
            sentinel.cli("SENTINEL", "SET", SERVICES[1], "auth-pass", PASSWORD)
        options = {
            "CLIENT": "shard",
            "CONNECTION_FACTORY": "sentinel",
            "SENTINELS": group.addresses,
            "PASSWORD": PASSWORD,
            "SOCKET_TIMEOUT": 5,
            "SOCKET_CONNECT_TIMEOUT": 5,
        }
        cache = RedisCache([f"redis://{name}/0" for name in SERVICES], {"OPTIONS": options})
        keys = [f"shard-{number}" for number in range(40)]
        assert cache.set_many(dict.fromkeys(keys, 1)) == []
        assert cache.get_many(keys) == dict.fromkeys(keys, 1)
        assert 0 < len(alone.cli("KEYS", "*")) < 40
        with cache.lock("locked", timeout=5):
            assert cache.has_key("locked")
        assert cache.delete_many(keys) == 40
        del cache
        setting_changed.send(sender=None, setting="CACHES", value=None, enter=True)
        with warnings.catch_warnings():
            # redis-py's clients close their sockets when they are collected, or the sockets do.
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
