"""What looking ahead costs a ``get_or_set`` that finds its value: ratios to herd without it.

python benchmarks/refresh.py
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from django.conf import settings

if not settings.configured:
    settings.configure(SECRET_KEY="benchmark", USE_TZ=True)

from interleaved import compare

from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server

FORMATS = ("native", "django-redis")


def slow() -> str:
    time.sleep(0.02)
    return "x" * 100


def main() -> None:
    print("| `HERD_FORMAT` | call | `HERD_REFRESH` | CPU time |")
    print("| --- | --- | --- | --- |")
    with Server() as server:
        for herd_format in FORMATS:
            caches: dict[Any, RedisCache] = {}
            for refresh in (None, "caller", "background"):
                options = {"CLIENT": "herd", "HERD_FORMAT": herd_format, "HERD_REFRESH": refresh}
                entry = {"KEY_PREFIX": f"{herd_format}-{refresh}", "OPTIONS": options}
                caches[refresh] = RedisCache(server.url, entry)
                caches[refresh].get_or_set("k", slow, 3600)
            for name in ("get_or_set", "get"):
                arguments = ("k", slow, 3600) if name == "get_or_set" else ("k",)
                calls = {
                    refresh: partial(getattr(cache, name), *arguments)
                    for refresh, cache in caches.items()
                }
                base = calls.pop(None)
                outcome = compare(base, {str(kind): call for kind, call in calls.items()})
                for kind, ratio in outcome.ratios.items():
                    print(f"| {herd_format} | `{name}` | {kind} | {ratio:.2f} |")
                print(f"(control {outcome.control:.2f})")


if __name__ == "__main__":
    main()
