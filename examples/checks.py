"""What the tour checks beside the values in its table.

A check returns what it saw, in words, or raises `Differs` with what was not as it should be.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.request import HTTPCookieProcessor, OpenerDirector, ProxyHandler, build_opener

from bookshop.books import BOOKS
from bookshop.measure import difference
from django.contrib.sessions.backends.cache import SessionStore
from django.core.cache import cache, caches


class Differs(Exception):
    """Something came back otherwise than it should have."""


def expect(what: str, expected: Any, got: Any) -> None:
    if wrong := difference(expected, got):
        raise Differs(f"{what}: {wrong}")


def pipelines() -> str:
    books = {f"pipeline:{book.slug}": book for book in BOOKS}

    async def native() -> list[Any]:
        async with cache.apipeline() as queue:
            for key in books:
                queue.get(key)
            return await queue.execute()

    with cache.pipeline() as queue:
        stored = [queue.set(key, book, 60) for key, book in books.items()]
        queue.set("pipeline:count", 41, 60)
        count = queue.incr("pipeline:count")
    expect("set on a pipeline", [True] * len(books), [result.value for result in stored])
    expect("incr on a pipeline", 42, count.value)
    expect("get on an asyncio pipeline", list(books.values()), asyncio.run(native()))
    return f"{len(books)} sets and an incr in one pipeline, {len(books)} gets in one of asyncio"


def tasks() -> str:
    """Every task gets its own value, and none of them needs a thread."""
    count = 50

    async def one(number: int) -> Any:
        key = f"task:{number}"
        await cache.aset(key, BOOKS[number % len(BOOKS)], 60)
        await asyncio.sleep(0)
        return await cache.aget(key)

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*[one(number) for number in range(count)])

    before = set(threading.enumerate())
    got = asyncio.run(all_of_them())
    expect("the tasks' values", [BOOKS[number % len(BOOKS)] for number in range(count)], got)
    expect("threads started", set(), set(threading.enumerate()) - before)
    return f"{count} tasks at once read back each its own value; no thread was started"


def counters() -> str:
    """Counting is exact where many count, in this process and in another one."""
    threads, each = 8, 50
    cache.set("counter", 0, 60)

    def count() -> None:
        for _ in range(each):
            cache.incr("counter")

    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(count) for _ in range(threads)]:
            future.result()
    expect("the count", threads * each, cache.get("counter"))
    return f"{threads} threads counted to {threads * each}"


def processes() -> str:
    """Another process that names the server's directory has the same cache."""
    cache.set("processes", 1, 60)
    examples = Path(__file__).parent
    code = (
        "import django; django.setup(); from django.core.cache import cache; "
        "print(cache.incr('processes'), end='')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=examples,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    expect("what the other process said", "2", done.stdout + done.stderr)
    expect("what it left", 2, cache.get("processes"))
    return "another process that names the directory counted on from 1 to 2"


def locks() -> str:
    async def native() -> tuple[bool, bool]:
        async with cache.alock("restock", timeout=5):
            held = await cache.alock("restock").acquire(blocking=False)
        second = cache.alock("restock", timeout=5)
        free = await second.acquire(blocking=False)
        await second.release()
        return held, free

    with cache.lock("restock", timeout=5):
        held = cache.lock("restock").acquire(blocking=False)
    second = cache.lock("restock", timeout=5)
    free = second.acquire(blocking=False)
    second.release()
    expect("a lock, while held and when released", (False, True), (held, free))
    expect("one of asyncio", (False, True), asyncio.run(native()))
    return "a held lock kept others out, blocking and asyncio; a released one did not"


def expiry() -> str:
    cache.set("soon", BOOKS, 0.05)
    cache.set("later", BOOKS, 60)
    expect("touch", True, cache.touch("later", 120))
    expect("ttl", 120, cache.ttl("later"))
    expect("an entry in its time", BOOKS, cache.get("soon"))
    time.sleep(0.08)
    expect("an entry after its time", None, cache.get("soon"))
    return "an entry of 50 ms was there, then gone; touch gave another one 120 s"


def patterns() -> str:
    """Keys are found by the names that callers gave them, and others stay."""
    shards = caches["sharded"]
    shards.set_many({f"shelf:{number}": number for number in range(100)}, 60)
    shards.set("shop", "open", 60)
    expected = sorted(f"shelf:{number}" for number in range(100))
    expect("keys", expected, sorted(shards.keys("shelf:*")))
    expect("delete_pattern", 100, shards.delete_pattern("shelf:*"))
    expect("what is left", "open", shards.get("shop"))
    return "100 keys on two shards were found, and deleted, by a pattern"


def structures() -> str:
    """Redis' own data types, with values that the serializer takes there and back."""
    api = caches["api"]
    api.delete_many(["stock", "queue", "subjects", "sales"])
    api.hset("stock", mapping={book.slug: {"copies": at} for at, book in enumerate(BOOKS)})
    expect("hget", {"copies": 3}, api.hget("stock", BOOKS[3].slug))
    expect(
        "hgetall",
        {book.slug: {"copies": at} for at, book in enumerate(BOOKS)},
        api.hgetall("stock"),
    )
    api.rpush("queue", "first", 2, [3.5])
    expect(
        "lpop and lrange", ["first", [2, [3.5]]], [api.lpop("queue"), api.lrange("queue", 0, -1)]
    )
    api.sadd("subjects", "sea", "novel", "sea")
    expect("smembers", {"sea", "novel"}, api.smembers("subjects"))
    api.zadd("sales", {"Kim": 3, "Walden": 12.5, "Flatland": 7})
    expect("zrange", ["Kim", "Flatland", "Walden"], api.zrange("sales", 0, -1))
    expect("zscore", 12.5, asyncio.run(api.azscore("sales", "Walden")))
    return "a hash, a list, a set and a sorted set gave back what was put in"


def sessions() -> str:
    wanted = {"user": 7, "basket": [{"slug": BOOKS[0].slug, "count": 2}], "guest": False}
    session = SessionStore()
    session.update(wanted)
    session.save()
    loaded = SessionStore(session.session_key)
    expect("the session", wanted, dict(loaded.items()))
    loaded.flush()
    expect("the session after a log-out", {}, dict(SessionStore(session.session_key).items()))
    return "a session was saved, read, and gone after the log-out"


CHECKS: tuple[Callable[[], str], ...] = (
    pipelines,
    tasks,
    counters,
    processes,
    locks,
    expiry,
    patterns,
    structures,
    sessions,
)


class Visitor:
    """Somebody with a browser: fetches pages of the running site and keeps its cookies."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.browser: OpenerDirector = build_opener(
            ProxyHandler({}), HTTPCookieProcessor(CookieJar())
        )

    def fetch(self, path: str) -> tuple[str, float]:
        """A page and the milliseconds that it took."""
        start = time.perf_counter()
        with self.browser.open(f"{self.address}{path}", timeout=10) as response:
            text = response.read().decode()
            expect(f"the status of {path}", 200, response.status)
        return text, (time.perf_counter() - start) * 1000


def number_of_rendering(page: str) -> int:
    found = re.search(r'id="rendering">(\d+)<', page)
    if found is None:
        raise Differs(f"no number of a rendering in {page[:200]!r}")
    return int(found[1])


def cached_page(address: str) -> str:
    """The view counts its renderings, so the page says itself where it came from."""
    visitor = Visitor(address)
    caches["pages"].clear()
    first, slow = visitor.fetch("/books/")
    second, quick = visitor.fetch("/books/")
    expect("the page, fetched again", first, second)
    caches["pages"].clear()
    third, _ = visitor.fetch("/books/")
    numbers = [number_of_rendering(page) for page in (first, second, third)]
    at = numbers[0]
    expect("its renderings, with a clear() before the third", [at, at, at + 1], numbers)
    return f"rendered once for two fetches ({slow:.1f} ms, then {quick:.1f}), again after clear()"


def cached_fragment(address: str) -> str:
    visitor = Visitor(address)
    path = f"/books/{BOOKS[0].slug}/"
    caches["template_fragments"].clear()
    numbers = [number_of_rendering(visitor.fetch(path)[0]) for _ in range(2)]
    caches["template_fragments"].clear()
    numbers.append(number_of_rendering(visitor.fetch(path)[0]))
    at = numbers[0]
    expect("the fragment's renderings", [at, at, at + 1], numbers)
    return "rendered once for two pages, again after clear()"


def visits(address: str) -> str:
    visitor, stranger = Visitor(address), Visitor(address)
    seen, expected = [], []
    for at, book in enumerate(BOOKS[:3]):
        page, _ = visitor.fetch(f"/books/{book.slug}/")
        seen.append(re.findall(r">([^<]+)</a>", page.partition('id="seen"')[2]))
        expected.append([other.title for other in BOOKS[:at]])
    expect("what the session remembered", expected, seen)
    page, _ = stranger.fetch(f"/books/{BOOKS[0].slug}/")
    expect("a stranger is new", True, "The first book of this visit." in page)
    return "each page knew what this visitor had seen before, and nothing of a stranger"


def live_page(address: str) -> str:
    page, milliseconds = Visitor(address).fetch("/")
    found = re.search(r"All (\d+) values came back", page)
    if found is None:
        raise Differs("the live page has found something wrong as well")
    return f"measured everything anew and compared {found[1]} values in {milliseconds:.0f} ms"


def metrics(address: str) -> str:
    """Prometheus is told what the pages look up, each once."""
    visitor = Visitor(address)
    sample = re.compile(
        r'^django_redis_core_lookups_total\{alias="template_fragments".*result="(\w+)".* ([\d.]+)$',
        re.M,
    )

    def lookups() -> dict[str, float]:
        text, _ = visitor.fetch("/metrics")
        return {result: float(value) for result, value in sample.findall(text)}

    caches["template_fragments"].clear()
    before = lookups()
    for _ in range(3):
        visitor.fetch(f"/books/{BOOKS[0].slug}/")
    after = lookups()
    grown = {name: after[name] - before.get(name, 0) for name in after}
    expect("what three visits looked up", {"hit": 2.0, "miss": 1.0}, grown)
    return "three visits of a page: a miss and two hits of its fragment were counted"


SITE_CHECKS: tuple[Callable[[str], str], ...] = (
    cached_page,
    cached_fragment,
    visits,
    live_page,
    metrics,
)
