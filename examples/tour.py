"""A tour of django-redis-core: a small site whose caches do real work, with every value checked.

    python examples/tour.py              the tour; ends with 0 only if all came back right
    python examples/tour.py serve [8000] the site; its first page shows the same, live
    python examples/tour.py fault        the server is killed in the middle

No server needs to be installed: CACHES says embedded://, so the first use of a cache starts one.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import django

CALLS = 200  # of each operation, fewer where that takes longer than measure.BUDGET


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="A tour of django-redis-core; see the top of this file."
    )
    modes = parser.add_subparsers(dest="mode")
    serving = modes.add_parser("serve", help="serve the site, whose first page shows the same live")
    serving.add_argument("port", nargs="?", type=int, default=8000)
    modes.add_parser("fault", help="kill the server in the middle")
    chosen = parser.parse_args(arguments)
    os.environ["DJANGO_SETTINGS_MODULE"] = "bookshop.settings"
    django.setup()
    if chosen.mode == "serve":
        return serve(chosen.port)
    return fault() if chosen.mode == "fault" else tour()


def tour() -> int:
    import checks
    from bookshop import measure
    from django.conf import settings

    start = time.perf_counter()
    print(f"Python {sys.version.split()[0]}, Django {django.get_version()}, {settings.SERVER}\n")
    report = measure.measure(CALLS)
    print_table(report.lines)
    print(f"\n{report.values} values were compared, types included.\n")
    wrong = list(report.wrong)
    with running_site() as address:
        for check in (*checks.CHECKS, *checks.SITE_CHECKS):
            name = check.__name__.replace("_", " ")
            try:
                seen = check(address) if check in checks.SITE_CHECKS else check()
                print(f"  ok     {name:<16} {seen}")
            except Exception as error:
                print(f"  WRONG  {name:<16} see below")
                wrong.append(f"{name}: {type(error).__name__}: {error}")
    print(
        f"\n{'WRONG' if wrong else 'All came back right'}, in {time.perf_counter() - start:.1f} s."
    )
    for line in wrong:
        print(f"  {line}")
    return 1 if wrong else 0


def print_table(lines: Sequence) -> None:
    rows = [("alias", "plugins", "operation", "bytes stored", "µs a call")]
    named = None
    for line in lines:
        first = ("", "") if line.alias == named else (line.alias, line.plugins)
        named = line.alias
        rows.append((*first, line.operation, str(line.stored), f"{line.microseconds:.1f}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for at, row in enumerate(rows):
        words = [cell.ljust(width) for cell, width in zip(row[:3], widths[:3], strict=True)]
        numbers = [cell.rjust(width) for cell, width in zip(row[3:], widths[3:], strict=True)]
        print("  ".join([*words, *numbers]).rstrip())
        if at == 0:
            print("  ".join("-" * width for width in widths))


def make_server(port: int, quiet: bool):
    """Django's own WSGI server with the site, on the loopback address; port 0 is any free one."""
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    class Quiet(WSGIRequestHandler):
        def log_message(self, *args) -> None:
            pass

    server = ThreadedWSGIServer(("127.0.0.1", port), Quiet if quiet else WSGIRequestHandler)
    server.daemon_threads = True
    server.set_app(get_wsgi_application())
    return server, f"http://127.0.0.1:{server.server_port}"


@contextmanager
def running_site() -> Iterator[str]:
    """The site, in a thread; gives its address."""
    server, address = make_server(0, quiet=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def make_database() -> str:
    """The admin's tables, with a user; returns the password."""
    from secrets import token_urlsafe

    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", verbosity=0)
    password = token_urlsafe(9)
    user, _ = User.objects.get_or_create(username="keeper", is_staff=True, is_superuser=True)
    user.set_password(password)
    user.save()
    connections.close_all()
    return password


def keep_samples(ended: threading.Event) -> None:
    """What cron does on a real site."""
    from django.core.management import call_command
    from django.core.management.base import CommandError
    from django.db import connections

    while not ended.wait(10):
        with open(os.devnull, "w") as nowhere, suppress(CommandError):
            call_command("redis_cache", "sample", stdout=nowhere)
        connections.close_all()


def serve(port: int) -> int:
    from django.conf import settings
    from django.contrib.staticfiles.handlers import StaticFilesHandler

    try:
        server, address = make_server(port, quiet=False)
    except OSError as error:
        print(f"Port {port} cannot be used: {error.strerror}. Name another.", file=sys.stderr)
        return 2
    password = make_database()
    server.set_app(StaticFilesHandler(server.get_app()))
    ended = threading.Event()
    keeper = threading.Thread(target=keep_samples, args=(ended,))
    keeper.start()
    print(
        f"{address}/ shows the caches, live. Ctrl-C ends it.\n"
        f"{address}/admin/redis_caches/cache/ shows how they are, to keeper with the password "
        f"{password}",
        flush=True,
    )
    # Also where a shell has told its background jobs to ignore Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        server.server_close()
        ended.set()
        keeper.join()
        with suppress(FileNotFoundError):
            os.remove(settings.DATABASES["default"]["NAME"])
    return 0


def fault() -> int:
    """Kills the server with SIGKILL, and shows ten reads before and after."""
    from django.core.cache import cache

    from django_redis_core import get_redis_connection

    def pid() -> int:
        return get_redis_connection().info("server")["process_id"]

    def reads(expected: object) -> list[str]:
        shown = []
        for _ in range(10):
            start = time.perf_counter()
            got = cache.get("greeting")
            shown.append(f"{(time.perf_counter() - start) * 1000:.2f}")
            if got != expected:
                raise SystemExit(f"WRONG: {got!r} is not {expected!r}")
        return shown

    cache.set("greeting", "hello", 60)
    first = pid()
    print("ms of ten reads in a row, each answered by the cache; none of them raised:\n")
    print("  server up      ", *reads("hello"))
    os.kill(first, signal.SIGKILL)
    print("  server killed  ", *reads(None), "  <- the first one started it again, empty")
    cache.set("greeting", "hello again", 60)
    print("  written again  ", *reads("hello again"))
    print(f"\nThe server was process {first} and is now process {pid()}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
