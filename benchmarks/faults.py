"""What each backend does when things break, all in one run; the page of it in the docs.

    python benchmarks/faults.py [--only FAULT] [--write docs/faults.md]

Each fault is made by a proxy or by hand, on a real server, to a site (``faults_site.py``) that
knows Django's cache API only. The others are the negative controls: where they do as well as this
backend, the fault proves nothing. They are installed into ``build/faults``, an environment of
their own, for one of them has a package that an extra of this project has, too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from django_redis_core.testing.proxy import FaultProxy
from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import replicated

ROOT = Path(__file__).resolve().parent.parent
SITE = Path(__file__).with_name("faults_site.py")
OURS = "django-redis-core"
OTHERS = {
    "django-redis": "django-redis",
    "Django": "django",
    "django-valkey": "django-valkey",
    "django-vcache": "django-vcache",
}
REQUIREMENTS = ["django-redis>=7", "django-valkey[libvalkey]", "django-vcache", "hiredis", "redis"]

Seen = dict[str, Any]
Site = subprocess.Popen[str]


def environment() -> str:
    """The Python that has the others."""
    folder = ROOT / "build" / "faults"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
    return str(python)


def go(site: Site) -> None:
    """Waits until the site is ready, and lets it go on."""
    assert site.stdout is not None
    if site.stdout.readline() != "ready\n":
        raise RuntimeError("the site ended before the fault")


def on(site: Site) -> None:
    assert site.stdin is not None
    site.stdin.write("\n")
    site.stdin.flush()


@contextmanager
def plain() -> Iterator[tuple[list[str], Callable[[Site], None]]]:
    with Server() as server:
        yield [server.url], lambda site: None


@contextmanager
def hole() -> Iterator[tuple[list[str], Callable[[Site], None]]]:
    with Server() as server, FaultProxy(*server.address) as proxy:

        def fault(site: Site) -> None:
            go(site)
            proxy.black_hole()
            on(site)
            time.sleep(3)
            proxy.heal()

        yield [proxy.url], fault


@contextmanager
def half_open() -> Iterator[tuple[list[str], Callable[[Site], None]]]:
    with Server() as server, FaultProxy(*server.address) as proxy:

        def fault(site: Site) -> None:
            go(site)
            proxy.forget()
            on(site)

        yield [proxy.url], fault


@contextmanager
def slow_line() -> Iterator[tuple[list[str], Callable[[Site], None]]]:
    with Server() as server, FaultProxy(*server.address) as proxy:

        def fault(site: Site) -> None:
            go(site)
            proxy.throttle(10_000_000)
            on(site)

        yield [proxy.url], fault


@contextmanager
def silent_replica() -> Iterator[tuple[list[str], Callable[[Site], None]]]:
    with replicated(1) as group, FaultProxy(*group.replicas[0].address) as proxy:

        def fault(site: Site) -> None:
            go(site)
            proxy.black_hole()
            on(site)

        yield [group.primary.url, proxy.url], fault


@dataclass(frozen=True)
class Fault:
    name: str
    #: What happens, and what this project promises then.
    happens: str
    promise: str
    place: Callable[[], Any]
    shown: Callable[[Seen], str]
    #: Who has the feature at all.
    has: frozenset[str] = frozenset((OURS, *OTHERS))


def interrupts(seen: Seen) -> str:
    of = sum(seen.values()) - seen.get("wrong values", 0)
    parts = [
        f"{seen[name]} {name}"
        for name in ("lost", "became another error", "wrong values")
        if seen.get(name)
    ]
    return f"{', '.join(parts) or '0 lost'} of {of}"


def bits(seen: Seen) -> str:
    parts = [f"{seen.get(name, 0)} {name}" for name in ("wrong", "error", "miss", "right")]
    return ", ".join(part for part in parts if not part.startswith("0 ")) + " of 400"


FAULTS = [
    Fault(
        "interrupts",
        "1,000 time limits (an exception of a signal's handler) at random moments of `get`, "
        "`get_many`, `set`, `incr`",
        "each comes out as itself; no value is another key's",
        plain,
        interrupts,
    ),
    Fault(
        "black hole",
        "the network loses all packets for 3 s; 8 threads read, with timeouts of 0.5 s",
        "callers are refused at once and not one after the other; soon back",
        hole,
        lambda seen: (
            f"a thread waited {seen['waited']:.1f} s of 3, {seen['longest']:.1f} s at once; back "
            f"after {seen['back']:.1f} s"
        ),
    ),
    Fault(
        "half-open",
        "a firewall has forgotten idle connections; new ones work; 8 threads read",
        "a fresh connection is tried, and nobody is refused for the old ones",
        half_open,
        lambda seen: (
            f"{seen['failed']} of {seen['calls']} failed, the longest took {seen['longest']:.1f} s"
        ),
    ),
    Fault(
        "slow upload",
        "15 MB go out at 10 MB/s, on asyncio, while 160 small values are read; timeouts of 0.5 s",
        "what makes progress is not late; the others are not cut off",
        slow_line,
        lambda seen: (
            f"{seen['failed']} of 160 failed, the value was "
            f"{'stored' if seen['arrived'] else 'not stored'}"
        ),
    ),
    Fault(
        "silent replica",
        "a replica says nothing for 4 s; the primary is well; 8 threads read",
        "another server answers, within the call's time",
        silent_replica,
        lambda seen: (
            f"{seen['failed']} of {seen['calls']} failed, the longest took {seen['longest']:.1f} s"
        ),
        frozenset((OURS, "django-redis", "Django", "django-valkey")),
    ),
    Fault("bits", "one bit of a stored value is flipped", "no promise without a seal", plain, bits),
    Fault(
        "bits under a seal",
        "the same under `SEALER: signed`",
        "never a wrong value",
        plain,
        bits,
        frozenset((OURS,)),
    ),
    Fault(
        "bomb",
        "1 MB that is 1 GB when it is decompressed (zlib; zstd for django-vcache)",
        "it is refused, and takes no more memory than a value may",
        plain,
        lambda seen: f"{seen['outcome']}, {seen['megabytes']:,.0f} MB",
        frozenset((OURS, "django-redis", "django-valkey", "django-vcache")),
    ),
]


def see(fault: Fault, backend: str, python: str) -> str:
    """What a site with ``backend`` makes of ``fault``, in words."""
    with fault.place() as (urls, make):
        command = [python, str(SITE), fault.name, backend, *urls]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as site:
            try:
                make(site)
                out, _ = site.communicate(timeout=90)
            except subprocess.TimeoutExpired:
                site.kill()
                return "hung"
        if site.returncode:
            return f"the process ended with {site.returncode}"
        return fault.shown(json.loads(out.splitlines()[-1]))


def versions(python: str) -> dict[str, str]:
    code = "import importlib.metadata as m, sys; print(*map(m.version, sys.argv[1:]))"
    out = subprocess.run(
        [python, "-c", code, *OTHERS.values(), "redis"], capture_output=True, text=True, check=True
    ).stdout.split()
    return {**dict(zip((*OTHERS, "redis"), out, strict=True)), OURS: metadata.version(OURS)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", help="the name of a fault, or a part of it")
    parser.add_argument("--write", type=Path, help="the page to write the table into")
    arguments = parser.parse_args()
    python = environment()
    known = versions(python)
    lines = [
        f"| fault | promise | {' | '.join(f'{one} {known[one]}' for one in (OURS, *OTHERS))} |",
        f"| --- | --- |{' --- |' * (1 + len(OTHERS))}",
    ]
    for fault in FAULTS:
        if arguments.only and arguments.only not in fault.name:
            continue
        cells = [f"**{fault.name}**: {fault.happens}", fault.promise]
        for backend in (OURS, *OTHERS):
            if backend in fault.has:
                cells.append(see(fault, backend, sys.executable if backend == OURS else python))
            else:
                cells.append("-")
            print(f"{fault.name}, {backend}: {cells[-1]}", file=sys.stderr, flush=True)
        lines.append(f"| {' | '.join(cells)} |")
    machine = (
        f"Python {platform.python_version()}, redis-py {known['redis']}, {os.cpu_count()} cores, "
        f"{time.strftime('%d %B %Y')}."
    )
    table = "\n".join([*lines, "", machine])
    print(table)
    if arguments.write:
        page = arguments.write.read_text()
        head, begin, rest = page.partition("<!-- begin: the table -->\n")
        _, end, tail = rest.partition("<!-- end: the table -->\n")
        if not (begin and end):
            raise SystemExit(f"{arguments.write} has no place for the table")
        arguments.write.write_text(f"{head}{begin}\n{table}\n\n{end}{tail}")


if __name__ == "__main__":
    main()
