"""What operators run, on a server with a million keys: how long each holds the server up.

    python benchmarks/operators.py [--keys 1000000] [--only PART] [--write docs/growth.md]

Each command of ``manage.py redis_cache`` in a process of its own, and each page of the admin. The
server's slow log tells which of its commands took longest, its INFO the longest turn of its loop,
in which it answers nobody else, and a second client what it waited for a PING at most. Another one
waits for PINGs of a server that nobody uses: so long the machine alone makes clients wait.

Where it is allowed (to root), all of them have their processor before all others, so that other
work of the machine is not counted as theirs. A turn over ``LIMIT`` is run again, and the least of
``TRIES`` counts. Ends with 1 where that is over it.

Large data structures go from server to server too: a hash, a list, a set and a sorted set of
100,000 elements each. Needs the plugin ``admin``, and 1 GB of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from environments import machine
from pages import fill
from stalls import before_all_others, longest_stall
from tables import table

from django_redis_core.testing.servers import Server

LIMIT, TRIES = 5.0, 3  # milliseconds, runs
LARGE = 100_000  # elements of a large data structure
LOGGED = 200  # microseconds from which on the server notes a command

SETTINGS = """
SECRET_KEY = "of a benchmark, and of nothing else: 0123456789"
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.messages", "django.contrib.sessions",
    "django_redis_core", "django_redis_core_admin",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": %(database)r}}
ALLOWED_HOSTS = ["testserver"]
ROOT_URLCONF = "operated_urls"
STATIC_URL = "/static/"
USE_TZ = True


def entry(location, prefix, **options):
    return {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": location,
        "KEY_PREFIX": prefix,
        "OPTIONS": {"SOCKET_TIMEOUT": 30, **options},
    }


CACHES = {
    "default": entry(%(first)r, "shop"),
    "part": entry(%(first)r, "part"),
    "recoded": entry(%(first)r, "part", SERIALIZER=["json", "pickle"]),
    "new": entry(%(second)r, "part"),
    "json": entry(%(second)r, "json", SERIALIZER="json"),
}
"""
URLS = """
from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
"""

ALL = ["--rate", "1000000"]


@dataclass(frozen=True)
class Step:
    """``words`` of a command, or the address of a page and what is posted to it. ``prepare``: what
    it needs each time, which is not measured."""

    name: str
    words: tuple[str, ...] = ()
    page: str | None = None
    posted: tuple[tuple[str, str], ...] = ()
    prepare: Callable[[Site], None] = lambda site: None


@dataclass
class Site:
    """Two servers, and what is stored on them."""

    first: Server
    second: Server
    idle: Server
    keys: int

    @property
    def cache(self) -> Any:
        from django.core.cache import caches

        return caches

    def everything(self) -> None:
        """Families of many small entries, and some large ones."""
        for family, part, value in (
            ("user", 0.60, {"name": "somebody", "visits": 7}),
            ("page", 0.20, "x" * 300),
            ("session", 0.15, {"cart": [1, 2, 3], "token": "y" * 60}),
            ("cart", 0.05, ["an article"] * 5),
        ):
            self.family(family, round(self.keys * part), value)
        default = self.cache["default"]
        default.set("export:large", "z" * 3_000_000, 100_000)
        structures(default, LARGE)

    def family(self, name: str, count: int, value: Any) -> None:
        for start in range(0, count, 5_000):
            some = range(start, min(start + 5_000, count))
            self.cache["default"].set_many({f"{name}:{one}": value for one in some}, 100_000)

    def carts(self) -> None:
        self.family("cart", round(self.keys * 0.05), ["an article"] * 5)

    def part(self) -> None:
        """What is copied and recoded: few keys among many, and large structures."""
        part = self.cache["part"]
        part.set_many({f"entry:{one}": {"of": one} for one in range(10_000)}, 100_000)
        for one in range(100):
            part.hset(f"small:{one}", mapping={f"field {two}": two for two in range(10)})
        structures(part, LARGE)

    def emptied(self) -> None:
        """The other server."""
        self.second.cli("FLUSHALL", "ASYNC")


def structures(cache: Any, count: int) -> None:
    cache.delete_many(["followers", "queue", "tags", "scores"])
    for start in range(0, count, 2_000):
        some = range(start, start + 2_000)
        cache.hset("followers", mapping={f"user {one}": "since long ago" for one in some})
        cache.rpush("queue", *(f"a job with the number {one}" for one in some))
        cache.sadd("tags", *(f"a tag with the number {one}" for one in some))
        cache.zadd("scores", {f"player {one}": float(one) for one in some})


def command(words: str, *more: str, prepare: Callable[[Site], None] = lambda site: None) -> Step:
    return Step(f"`{words}`", (*words.split(), *more), prepare=prepare)


def page(name: str, address: str, **posted: str) -> Step:
    return Step(f"page: {name}", page=address, posted=tuple(posted.items()))


STEPS = [
    command("doctor", "--alias", "default"),
    command("stats", "--alias", "default"),
    command("stats --lookups", "--alias", "default"),
    command("stats --all", "--alias", "default"),
    command("stats --interval 1", "--alias", "default"),
    command("top --once --hot", "--alias", "default"),
    command("metrics", "--alias", "default"),
    command("slowlog", "--alias", "default"),
    command("sample", "--alias", "default"),
    command("keys user:77*", "--limit", "100000"),
    command("get export:large"),
    command("ttl user:7"),
    command("set banner noon"),
    command("touch user:7"),
    command("copy --to new", "--alias", "part", *ALL, prepare=Site.emptied),
    command("copy --to new --replace", "--alias", "part", "--no-input", *ALL),
    command("compare --with new", "--alias", "part", *ALL),
    command("copy --to json", "--alias", "part", *ALL, prepare=Site.emptied),
    command("compare --with json", "--alias", "part", *ALL),
    command("recode", "--alias", "recoded", *ALL, prepare=Site.part),
    command("delete --pattern cart:*", "--no-input", prepare=Site.carts),
    command("clear", "--alias", "part", "--no-input", prepare=Site.part),
    page("all caches", ""),
    page("a cache", "default/"),
    page("a cache, with more", "default/?more=1&lookups=1"),
    page("now", "default/live.json"),
    page("history", "default/history/"),
    page("keys", "default/keys/?q=user:777*"),
    page("keys, of a type that is rare", "default/keys/?type=hash&lookups=1"),
    page("an entry of 3 MB", "default/entry/?key=export:large"),
    page("a large hash", "default/entry/?key=followers"),
    page("a large list", "default/entry/?key=queue&at=50000"),
    page("a large sorted set", "default/entry/?key=scores&at=50000"),
    page("expire", "default/expire/", key="queue", seconds="9999", yes="1"),
    page("delete, of large ones", "default/delete/", key="tags", yes="1"),
]


class Visitor:
    """A process that opens pages of the admin when it is told to."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--visit"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._wait()

    def open(self, step: Step) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps([step.page, dict(step.posted)])}\n")
        self._process.stdin.flush()
        self._wait()

    def _wait(self) -> None:
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "done\n":
            raise RuntimeError("a page could not be opened: see above")

    def close(self) -> None:
        self._process.communicate()


def visit() -> None:
    """That process: an address and what is posted to it, a line each."""
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", verbosity=0)
    client = Client()
    client.force_login(User.objects.create_superuser("operator"))
    print("done", flush=True)
    for line in sys.stdin:
        place, posted = json.loads(line)
        address = f"/admin/redis_caches/cache/{place}"
        answer = client.post(address, posted) if posted else client.get(address)
        if answer.status_code != (302 if posted else 200):
            raise SystemExit(f"{address}: {answer.status_code}")
        print("done", flush=True)


class Seen(NamedTuple):
    """In milliseconds: the longest turn of a server's loop meanwhile, its longest command and that
    one's name, the longest that a PING waited, and that one of a server waited which is idle."""

    turn: float
    command: float
    name: str
    wait: float
    control: float


def watched(site: Site, work: Callable[[], None]) -> Seen:
    servers = (site.first, site.second)
    for server in servers:
        server.cli("SLOWLOG", "RESET")  # first: it may take as long as what is looked for
        server.cli("CONFIG", "RESETSTAT")
    with ExitStack() as stack:
        pings, control = [
            [stack.enter_context(longest_stall(server, first=True)) for server in some]
            for some in (servers, (site.idle,))
        ]
        work()
    turns, logged = [], [(0.0, "")]
    for server in servers:
        turns.append(server.info("debug").get("eventloop_duration_max", 0) / 1000)
        for _, _, microseconds, words, *_ in server.cli("SLOWLOG", "GET", 1000):
            if words not in (["SLOWLOG", "RESET"], ["CONFIG", "RESETSTAT"]):  # our own
                logged.append((microseconds / 1000, words[0]))
    command, name = max(logged)
    # Servers before Redis 7.2 do not tell it; no turn is shorter than its command.
    turn = max(*turns, command)
    return Seen(turn, command, name, max(one[0] for one in pings), control[0][0])


def measure(site: Site, step: Step, run: Callable[[Step], None]) -> Seen:
    """The least of some tries."""
    tries: list[Seen] = []
    while not tries or (min(tries).turn > LIMIT and len(tries) < TRIES):
        step.prepare(site)
        tries.append(watched(site, lambda: run(step)))
    return min(tries)


def in_short(seen: Seen) -> list[str]:
    return [f"{one:.1f}" for one in (seen.turn, seen.wait, seen.control)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--only", default="", help="a part of the name of a command or page")
    parser.add_argument("--write", type=Path, help="the page to write the table into")
    parser.add_argument("--visit", action="store_true")
    arguments = parser.parse_args()
    if arguments.visit:
        visit()
        return
    config = {
        "slowlog-log-slower-than": LOGGED,
        "slowlog-max-len": 1000,
        "maxmemory": "4gb",
        "maxmemory-policy": "allkeys-lfu",
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(config=config) as first,
        Server(config=config) as second,
        Server() as idle,
    ):
        names = {"first": first.url, "second": second.url, "database": f"{folder}/site.sqlite3"}
        (Path(folder) / "operated.py").write_text(SETTINGS % names)
        (Path(folder) / "operated_urls.py").write_text(URLS)
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "operated",
            "PYTHONPATH": os.pathsep.join([folder, str(Path(__file__).parent)]),
        }
        sys.path.insert(0, folder)
        os.environ["DJANGO_SETTINGS_MODULE"] = "operated"
        import django

        django.setup()
        for server in (first, second, idle):
            before_all_others(server.pid)
        site = Site(first, second, idle, arguments.keys)
        print(f"filling {arguments.keys:,} keys …", file=sys.stderr)
        site.everything()
        site.part()
        visitor = Visitor(environment)

        def run(step: Step) -> None:
            if step.page is not None:
                visitor.open(step)
                return
            subprocess.run(
                [sys.executable, "-m", "django", "redis_cache", *step.words],
                env=environment,
                stdout=subprocess.DEVNULL,
                check=True,
            )

        rows, quick, over = [], [], []
        for step in STEPS:
            if arguments.only not in step.name:
                continue
            seen = measure(site, step, run)
            print(f"{step.name}: {seen}", file=sys.stderr, flush=True)
            if seen.command:
                rows.append([step.name, f"{seen.command:.1f}", f"`{seen.name}`", *in_short(seen)])
            else:
                quick.append((step.name, seen))
            if seen.turn > LIMIT:
                over.append(step.name)
        visitor.close()
    if quick:
        steps, all_seen = zip(*quick, strict=True)
        turns, _, _, waits, controls = zip(*all_seen, strict=True)
        most = Seen(max(turns), 0.0, "", max(waits), max(controls))
        rows.append([", ".join(steps), f"under {LOGGED / 1000}", "", *in_short(most)])
    head = [
        *("command or page", "longest command of the server, ms", "which"),
        *("longest turn of its loop, ms", "longest PING, ms", "of an idle server, ms"),
    ]
    text = (
        f"{table(head, rows)}\n\n{arguments.keys:,} keys; Python {platform.python_version()}, "
        f"{machine()}."
    )
    print(text)
    if arguments.write:
        fill(arguments.write, "operators", text)
    if over:
        raise SystemExit(f"over {LIMIT:g} ms: {', '.join(over)}")


if __name__ == "__main__":
    main()
