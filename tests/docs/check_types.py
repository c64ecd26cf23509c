"""docs/site-code.md as mypy and pyright see it. `tox run -e types` runs this.

Pyright is basedpyright's, which the package index alone provides, in pyright's own mode.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PAGE = "".join(
    re.findall(
        r"^```python\n(.*?)^```$", (ROOT / "docs/site-code.md").read_text("utf-8"), re.M | re.S
    )
)

#: What the checkers must know of a site's calls.
KNOWN = """
from typing import Any, assert_type

import redis
import redis.asyncio
import redis.asyncio.lock
import redis.lock

import django_redis_core_herd as herd
from django_redis_core import get_async_redis_connection
from django_redis_core.cache import AsyncPipeline, Pipeline, RedisCache, Result

assert_type(cache, RedisCache)
assert_type(cache.set("k", 1, nx=True, xx=False, client=None), bool)
assert_type(cache.incr("k", 2, ignore_key_check=True, timeout=None, client=None), int)
assert_type(cache.get_many(["k"]), dict[Any, Any])
assert_type(cache.set_many({"k": 1}, timeout=60), list[Any])
assert_type(cache.ttl("k"), int | None)
assert_type(cache.delete_pattern("k*"), int)
assert_type(cache.hgetall("k"), dict[str, Any])
assert_type(cache.pipeline(), Pipeline)
assert_type(cache.apipeline(), AsyncPipeline)
assert_type(cache.pipeline().set("k", 1), Result[bool])
assert_type(cache.pipeline().set("k", 1).value, bool)
assert_type(cache.raw_client(), redis.Redis)
assert_type(get_async_redis_connection(), redis.asyncio.Redis)
lock: redis.lock.Lock = cache.lock("k", timeout=10, blocking_timeout=1)
alock: redis.asyncio.lock.Lock = cache.alock("k")


@herd.cached(60, tags=["menu"])
def squared(number: int, *, by: float = 2) -> float:
    return float(number**by)


@herd.cached(None, key=lambda name: f"page:{name}", version=2)
async def page(name: str) -> bytes:
    return name.encode()


class Shelf:
    @herd.cached(60)
    def titles(self, first: str) -> list[str]:
        return [first]

    @herd.cached(60)
    async def books(self) -> int:
        return 1


assert_type(squared(2, by=3.0), float)
assert_type(squared.refresh(2), float)
assert_type(squared.invalidate(2), bool)
assert_type(squared.key(2), str)
assert_type(Shelf().titles("a"), list[str])
assert_type(Shelf.titles.invalidate(Shelf(), "a"), bool)


async def cached() -> None:
    assert_type(await page("a"), bytes)
    assert_type(await page.refresh("a"), bytes)
    assert_type(await page.invalidate("a"), bool)
    assert_type(await Shelf().books(), int)


async def known() -> None:
    assert_type(await cache.aset("k", 1, nx=True), bool)
    assert_type(await cache.adecr("k"), int)
    async with cache.alock("k"), cache.apipeline() as queue:
        assert_type(queue.delete("k"), Result[bool])
    async for key in cache.aiter_keys("*"):
        print(key)
"""

#: What is wrong, a line each.
WRONG = """
cache.set("k", 1, nxx=True)
cache.set()
cache.get_or_set("k")
cache.incr("k", "1")
cache.lock("k", timeout="10")
cache.hset("k", mapping=["not", "a mapping"])
cache.zadd("k", {"member": "no score"})
number: str = cache.set("k", 1)
cache.pipeline().set("k", 1, nxx=True)
cache.pipeline().incr("k").value.upper()
cache.iter_keys()
squared("2")
squared(2, of=3)
squared.invalidate()
squared.refresh(2, 3)
text: str = squared(2)
""".strip().splitlines()


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def mypy(file: Path) -> dict[int, str]:
    """The errors by their lines."""
    # Django has no types of its own, and no page of ours asks a site for django-stubs.
    said = run(
        *[sys.executable, "-m", "mypy", "--strict", "--no-error-summary"],
        *["--config-file=", "--cache-dir", str(file.parent / "mypy"), file.name],
        cwd=file.parent,
    )
    lines = re.findall(rf"^{file.name}:(\d+): error: (.*)$", said, re.M)
    assert lines or not said.strip(), said
    return {int(line): words for line, words in lines}


def pyright(file: Path) -> dict[int, str]:
    """The errors by their lines."""
    settings = {
        "typeCheckingMode": "standard",
        "pythonVersion": "3.11",
        "reportMissingTypeStubs": False,
    }
    (file.parent / "pyrightconfig.json").write_text(json.dumps(settings))
    program = Path(sysconfig.get_path("scripts")) / "basedpyright"
    said = run(
        *[str(program), "--outputjson", "--pythonpath", sys.executable, file.name],
        cwd=file.parent,
    )
    found = json.loads(said)["generalDiagnostics"]
    return {
        each["range"]["start"]["line"] + 1: each["message"]
        for each in found
        if each["severity"] == "error"
    }


@pytest.fixture(params=[mypy, pyright], ids=["mypy", "pyright"])
def checker(request: pytest.FixtureRequest) -> Callable[[Path], dict[int, str]]:
    return request.param  # type: ignore[no-any-return]


def test_the_page_and_what_is_known_of_a_cache(
    checker: Callable[[Path], dict[int, str]], tmp_path: Path
) -> None:
    file = tmp_path / "site_code.py"
    file.write_text(PAGE + KNOWN)
    shown = dict(enumerate((PAGE + KNOWN).splitlines(), 1))
    assert {shown[line]: words for line, words in checker(file).items()} == {}


def test_what_is_wrong_is_found(checker: Callable[[Path], dict[int, str]], tmp_path: Path) -> None:
    head = [
        "import django_redis_core_herd as herd",
        "from django_redis_core import cache_for",
        'cache = cache_for("default")',
        "@herd.cached(60)",
        "def squared(number: int) -> int: return number**2",
    ]
    first = len(head) + 1
    file = tmp_path / "wrong.py"
    file.write_text("\n".join([*head, *WRONG]) + "\n")
    found = checker(file)
    assert [line for place, line in enumerate(WRONG, first) if place not in found] == []
    assert set(found) <= set(range(first, first + len(WRONG)))
