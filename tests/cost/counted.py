"""Counts what calls execute, beside redis-py's own ``get`` in the same process.

    python tests/cost/counted.py            prints what is counted here
    python tests/cost/counted.py --write    makes it the figures that check_cost.py holds changes to

Wall and CPU time depend on who else uses the machine, and a limit of 5% would fail at random. What
the interpreter executes does not: every bytecode instruction is one, and a call is ``A_CALL`` more,
which a function in C costs that no instruction is seen of. So the figures are those of a version of
Python, of redis-py and of hiredis. What a call makes the kernel do, or C work longer, is not seen:
that is for benchmarks/calls.py and benchmarks/layers.py.
"""

from __future__ import annotations

import asyncio
import gc
import json
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

FIGURES = Path(__file__).with_name("figures.json")

#: A call in bytecode instructions: by callgrind, ``get``, ``set`` and redis-py's ``get`` then cost
#: what is counted here within a sixth.
A_CALL = 5

#: Calls before one is counted: connections are made then and bytecode is specialised.
_WARM = 50

#: Awaited together, so that what starts and ends a loop is not counted as the calls'.
_AWAITED = 20


#: So often is a call counted. Most are the same each time; on asyncio a timer may come in between.
_TIMES = 5


def count(call: Callable[[], object]) -> int:
    """What one call executes, where nothing comes in between."""
    for _ in range(_WARM):
        call()
    return min(_once(call) for _ in range(_TIMES))


def _once(call: Callable[[], object]) -> int:
    monitoring = sys.monitoring
    events, tool = monitoring.events, monitoring.PROFILER_ID
    cost = 0

    def instruction(*where: Any) -> None:
        nonlocal cost
        cost += 1

    def called(*where: Any) -> None:
        nonlocal cost
        cost += A_CALL

    monitoring.use_tool_id(tool, "counted")
    monitoring.register_callback(tool, events.INSTRUCTION, instruction)
    monitoring.register_callback(tool, events.CALL, called)
    gc.collect()
    gc.disable()
    try:
        monitoring.set_events(tool, events.INSTRUCTION | events.CALL)
        call()
        monitoring.set_events(tool, 0)
    finally:
        gc.enable()
        monitoring.free_tool_id(tool)
    return cost


def dearer(call: Callable[[], object], by: float) -> Callable[[], object]:
    """``call`` with so much work more in each (.06: 6%), to see that it is noticed."""

    def planted(rounds: int) -> Callable[[], object]:
        def more() -> object:
            for _ in range(rounds):
                pass
            return call()

        return more

    cost, nothing, hundred = count(call), count(planted(0)), count(planted(100))
    return planted(round((cost * (1 + by) - nothing) * 100 / (hundred - nothing)))


def calls(url: str) -> tuple[Callable[[], object], dict[str, Callable[[], object]]]:
    """redis-py's ``get``, and ours by name."""
    from django.conf import settings

    settings.configure(
        CACHES={
            "default": {"BACKEND": "django_redis_core.cache.RedisCache", "LOCATION": url},
        }
    )
    import redis
    from django.core.cache import caches

    cache = caches["default"]
    raw = redis.Redis.from_url(url, protocol=2)
    many = {f"key{number}": "x" * 100 for number in range(100)}
    names = list(many)
    cache.set_many({"key": "x" * 100, "count": 0, **many}, None)
    loop = asyncio.new_event_loop()

    async def one_by_one() -> None:
        for _ in range(_AWAITED):
            await cache.aget("key")

    return lambda: raw.get(":1:key"), {
        "get": lambda: cache.get("key"),
        "set": lambda: cache.set("key", "x" * 100),
        "incr": lambda: cache.incr("count"),
        "get_many": lambda: cache.get_many(names),
        "set_many": lambda: cache.set_many(many),
        "aget": lambda: loop.run_until_complete(one_by_one()),
    }


def ratios(url: str, *, more: float = 0) -> dict[str, float]:
    """What each operation executes, as a ratio to redis-py's ``get``; with ``more`` in each."""
    base, ours = calls(url)
    raw = count(base)
    found = {}
    for name, call in ours.items():
        cost = count(dearer(call, more) if more else call)
        found[name] = round(cost / raw / (_AWAITED if name == "aget" else 1), 4)
    return found


def taken_with() -> dict[str, str]:
    """What the figures depend on beside our own code."""
    return {name: version(name) for name in ("redis", "hiredis")}


def python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def main(*arguments: str) -> None:
    from django_redis_core.testing.servers import Server

    with Server() as server:
        found = ratios(server.url, more=0.06 if "--planted" in arguments else 0)
    here = {"with": taken_with(), "ratios": found}
    if "--write" in arguments:
        figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
        figures = dict(sorted({**figures, python(): here}.items()))
        FIGURES.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(here) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
