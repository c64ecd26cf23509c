"""Whatever parts a cache is put together from, any sequence of operations does what it does in
Django's own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from django_redis_core.testing.fixtures import MakeCache
from django_redis_core.testing.servers import Server

from ..operations.test_model import CacheMachine

#: Small enough values are compressed too, so that each compressor is in the way.
ALL = {"min_length": 0}
COMBINATIONS: dict[str, dict[str, Any]] = {
    "zlib": {"COMPRESSOR": {"NAME": "zlib", "OPTIONS": ALL}},
    "zstd, signed": {"COMPRESSOR": {"NAME": "zstd", "OPTIONS": ALL}, "SEALER": "signed"},
    "lz4, encrypted": {"COMPRESSOR": {"NAME": "lz4", "OPTIONS": ALL}, "SEALER": "encrypted"},
    "lzma and gzip": {"COMPRESSOR": [{"NAME": "lzma", "OPTIONS": ALL}, "gzip"]},
    "herd": {"CLIENT": "herd"},
    "herd, zstd, signed": {"CLIENT": "herd", "COMPRESSOR": "zstd", "SEALER": "signed"},
    "shard": {"CLIENT": "shard"},
    "herd, shard, lz4, encrypted": {
        "CLIENT": ["herd", "shard"],
        "COMPRESSOR": {"NAME": "lz4", "OPTIONS": ALL},
        "SEALER": "encrypted",
    },
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("options", COMBINATIONS.values(), ids=COMBINATIONS)
def test_it_does_what_djangos_cache_does(
    make_cache: MakeCache,
    cache_loop: asyncio.AbstractEventLoop,
    four_servers: list[Server],
    options: dict[str, Any],
) -> None:
    place = {}
    if "shard" in options.get("CLIENT", ()):
        place = {"LOCATION": [server.url for server in four_servers]}
    cache = make_cache(options, **place)
    machine = type("Machine", (CacheMachine,), {"cache": cache, "loop": cache_loop})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
