"""Greenlets whose calls are cut short by gevent's timeouts; run by test_greenlets.py.

    python greenlets.py URL TIMEOUTS

In a process of its own, because gevent patches the standard library for all of it. Prints what was
counted, as JSON.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import random  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

import gevent  # noqa: E402
from django.conf import settings  # noqa: E402

from django_redis_core.cache import RedisCache  # noqa: E402
from django_redis_core.testing.clients import PATIENCE  # noqa: E402

KEYS = [f"key{number}" for number in range(50)]


def main(url: str, timeouts: int) -> dict[str, Any]:
    settings.configure()
    cache = RedisCache(url, {"OPTIONS": {**PATIENCE, "BREAKER_FAILURES": 0}})
    cache.set_many({key: f"value of {key}" for key in KEYS})
    counted = {"reads": 0, "struck": 0}
    wrong: list[str] = []

    def read(key: str) -> None:
        value = cache.get(key)
        counted["reads"] += 1
        if value != f"value of {key}":
            wrong.append(f"{key} gave {value!r}")

    def work() -> None:
        while counted["struck"] < timeouts:
            # A BaseException, raised wherever this greenlet waits.
            with gevent.Timeout(random.uniform(0.0001, 0.003), False) as timeout:
                while True:
                    read(random.choice(KEYS))
            counted["struck"] += 1
            assert timeout is not None
            read(random.choice(KEYS))

    gevent.joinall([gevent.spawn(work) for _ in range(10)], raise_error=True)
    return {**counted, "wrong": wrong}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
