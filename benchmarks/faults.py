"""What each backend does when things break, all in one run; the page of it in the docs.

    python benchmarks/faults.py [--only FAULT] [--write docs/faults.md]

Each fault is made by a proxy or by hand, on a real server, to a site (``faults_site.py``) that
knows Django's cache API only. The others are the negative controls: where they do as well as this
backend, the fault proves nothing. With ``--write`` the picture beside the page is drawn, too.

They are installed into ``build/faults``, an environment of
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
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from environments import environment
from faults_places import (
    MakePlace,
    failovers,
    half_open,
    hole,
    plain,
    silent_replica,
    silent_shard,
    slow_line,
)
from pages import fill

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "docs"))
from draw_faults import draw  # noqa: E402

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
#: Whether the promise was kept, what the picture says, and what the table says after it.
Verdict = tuple[bool, str, str]


@dataclass(frozen=True)
class Fault:
    name: str
    #: What happens, and what this project promises then.
    happens: str
    promise: str
    place: MakePlace
    judge: Callable[[Seen], Verdict]
    #: Who has the feature at all.
    has: frozenset[str] = frozenset((OURS, *OTHERS))


def interrupts(seen: Seen) -> Verdict:
    counts = {name: seen.get(name, 0) for name in ("lost", "became another error", "wrong values")}
    each = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    bad = sum(counts.values())
    return not bad, f"{bad:,} bad", f"of 1,000{': ' if each else ''}{each}"


def black_hole(seen: Seen) -> Verdict:
    return (
        seen["waited"] < 1.5 and seen["back"] < 1.5,
        f"{seen['waited']:.1f} s of 3",
        f"waited by a thread, {seen['longest']:.1f} s at once; back after {seen['back']:.1f} s",
    )


def failed(most: int) -> Callable[[Seen], Verdict]:
    """The promise is kept where no more than ``most`` calls failed, none of them for long."""

    def judge(seen: Seen) -> Verdict:
        return (
            seen["failed"] <= most and seen["longest"] < 1,
            f"{seen['failed']} failed",
            f"of {seen['calls']:,}, the longest took {seen['longest']:.1f} s",
        )

    return judge


def upload(seen: Seen) -> Verdict:
    stored = "stored" if seen["arrived"] else "not stored"
    return (
        seen["arrived"] and not seen["failed"],
        stored,
        f"and {seen['failed']} of 160 reads failed",
    )


def replaced(seen: Seen) -> Verdict:
    """What had not left the primary when it died is nobody's fault: replication waits for none."""
    return (
        seen["lost"] <= seen["acknowledged"] / 1000 and not seen["wrong"],
        f"{seen['lost']:,} lost",
        f"of {seen['acknowledged']:,}, {seen['wrong']} wrong; silence of {seen['dark']:.0f} s",
    )


def one_shard(seen: Seen) -> Verdict:
    of = seen["of"]
    return (
        seen["single"] == seen["many"] == of,
        f"{seen['single'] / of:.0%}, {seen['many'] / of:.0%}",
        f"of {of} keys by `get`, by `get_many`; reading all 100 took {seen['took']:.0f} s",
    )


def bits(seen: Seen) -> Verdict:
    wrong = seen.get("wrong", 0)
    parts = [f"{seen[name]} {name}" for name in ("error", "miss", "right") if seen.get(name)]
    return not wrong, f"{wrong} wrong", f"of 400, {', '.join(parts)}"


def bomb(seen: Seen) -> Verdict:
    megabytes = max(0.0, seen["megabytes"])  # less than at the first look is none
    return megabytes < 300, f"{megabytes:,.0f} MB", f"then {seen['outcome']}"


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
        "interrupts by thread",
        "the same, set by another thread (`PyThreadState_SetAsyncExc`)",
        "the same",
        plain,
        interrupts,
    ),
    Fault(
        "black hole",
        "the network loses all packets for 3 s; 8 threads read, with timeouts of 0.5 s",
        "callers are refused at once and not one after the other; soon back",
        hole,
        black_hole,
    ),
    Fault(
        "half-open",
        "a firewall has forgotten idle connections; new ones work; 8 threads read",
        "a fresh connection is tried: no thread fails more than once",
        half_open,
        failed(8),
    ),
    Fault(
        "slow upload",
        "15 MB go out at 10 MB/s, on asyncio, while 160 small values are read; timeouts of 0.5 s",
        "what makes progress is not late; the others are not cut off",
        slow_line,
        upload,
    ),
    Fault(
        "failovers",
        "sentinels replace a primary 8 times (killed, silent, out of their reach, by order) while "
        "8 threads write",
        "no acknowledged write is lost but what the old primary had not sent on, below 1 in 1,000",
        failovers,
        replaced,
        frozenset((OURS, "django-redis", "django-valkey", "django-vcache")),
    ),
    Fault(
        "a shard down",
        "one of four shards says nothing; 100 keys are read one by one, then at once",
        "all keys of the others are answered",
        silent_shard,
        one_shard,
        frozenset((OURS, "django-redis", "django-valkey")),
    ),
    Fault(
        "silent replica",
        "a replica says nothing for 4 s; the primary is well; 8 threads read",
        "another server answers, within the call's time",
        silent_replica,
        failed(0),
        frozenset((OURS, "django-redis", "Django", "django-valkey")),
    ),
    Fault(
        "bits",
        "one bit of a stored value is flipped",
        "no wrong value: nobody promises that without a seal",
        plain,
        bits,
    ),
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
        bomb,
        frozenset((OURS, "django-redis", "django-valkey", "django-vcache")),
    ),
]
#: The table's cell, and the picture's, for who has no such feature.
DOES_NOT_APPLY = "does not apply"


def see(fault: Fault, backend: str, python: str) -> str:
    """What a site with ``backend`` makes of ``fault``, in words."""
    with fault.place() as (urls, make):
        command = [python, str(SITE), fault.name, backend, *urls]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as site:
            try:
                make(site)
                out, _ = site.communicate(timeout=120)
            except subprocess.TimeoutExpired:
                site.kill()
                return "✗ **hung**"
        if site.returncode:
            return f"✗ **crashed**: the process ended with {site.returncode}"
    kept, short, more = fault.judge(json.loads(out.splitlines()[-1]))
    return f"{'✓' if kept else '✗'} **{short}** {more}"


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
    python = environment("faults", REQUIREMENTS)
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
                cells.append(DOES_NOT_APPLY)
            print(f"{fault.name}, {backend}: {cells[-1]}", file=sys.stderr, flush=True)
        lines.append(f"| {' | '.join(cells)} |")
    machine = (
        f"Python {platform.python_version()}, redis-py {known['redis']}, {os.cpu_count()} cores, "
        f"{time.strftime('%d %B %Y')}."
    )
    table = "\n".join([*lines, "", machine])
    print(table)
    if arguments.write:
        fill(arguments.write, "the table", table)
        picture = arguments.write.with_suffix(".svg")
        picture.write_text(draw(arguments.write.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
