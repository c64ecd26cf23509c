"""The test suites of packages that sites use, on this backend and on two others.

    python tests/ecosystem/run.py [--only PACKAGE …] [--known] [--write docs/ecosystem.md]

Each suite comes out of its sdist, unchanged but for its cache, and runs four times: on this
backend, on ``django_redis.cache.RedisCache`` of the compat plugin, on django-redis, and on
Django's locmem. A test that fails here and passes on one of the latter two is a fault of this
project, and makes the command fail. Everything is laid out under ``build/ecosystem``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from places import BUILD, DJANGO_REDIS_7, ROOT, SITE, binaries, environment, unpacked, wheels
from suites import COMPAT, DJANGO_REDIS, LOCMEM, OURS, SUITES, Suite

from django_redis_core.testing.servers import Server

RESULTS = BUILD / "results"
LIMIT = 900  # seconds for one suite on one backend; the longest takes two minutes

Outcomes = dict[str, str]


class EndedError(Exception):
    """A suite did not come to its tests."""


@dataclass(frozen=True)
class Backend:
    title: str
    path: str
    environment: str


BACKENDS = (
    Backend(OURS, "django_redis_core.cache.RedisCache", "ours"),
    Backend(COMPAT, "django_redis.cache.RedisCache", "ours"),
    Backend(DJANGO_REDIS, "django_redis.cache.RedisCache", "others"),
    Backend(LOCMEM, "", "others"),
)


def outcomes(suite: Suite, backend: Backend, python: Path, source: Path) -> Outcomes:
    """What became of each test of ``suite`` on ``backend``."""
    folder = RESULTS / suite.package
    folder.mkdir(parents=True, exist_ok=True)
    record, log = folder / f"{backend.title}.json", folder / f"{backend.title}.log"
    record.unlink(missing_ok=True)
    with Server() as server, log.open("w") as output:
        host, port = server.address
        env = {
            **os.environ,
            "PATH": os.pathsep.join([str(binaries()), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join(
                [str(SITE), *(str(source / path) for path in suite.paths)]
            ),
            "ECOSYSTEM_SETTINGS": suite.settings,
            "ECOSYSTEM_BACKEND": backend.path or suite.locmem,
            "ECOSYSTEM_SERVER": f"redis://{host}:{port}",
            "ECOSYSTEM_RECORD": str(record),
            **{name: text.format(host=host, port=port) for name, text in suite.env.items()},
        }
        if suite.own_backend:
            env["DJANGO_SETTINGS_MODULE"] = suite.settings
        elif suite.settings:
            env["DJANGO_SETTINGS_MODULE"] = "ecosystem_settings"
        subprocess.run(
            [python, *suite.command],
            cwd=source,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=LIMIT,
            check=False,
        )
    if not record.exists():
        raise EndedError(f"{suite.package} ended before its tests on {backend.title}: see {log}")
    found: Outcomes = json.loads(record.read_text())
    return found


@dataclass(frozen=True)
class Row:
    suite: Suite
    of: dict[str, Outcomes]

    def passed(self, title: str) -> set[str]:
        return {name for name, outcome in self.of.get(title, {}).items() if outcome == "passed"}

    def tests(self) -> int:
        """The tests that some backend let run."""
        return len(
            {
                name
                for found in self.of.values()
                for name, outcome in found.items()
                if outcome != "skipped"
            }
        )

    def faults(self) -> list[str]:
        """The tests that pass on a control and not here; what is wrongly said to be locmem's."""
        of_locmem = set(self.suite.of_locmem)
        controls = self.passed(DJANGO_REDIS) | (self.passed(LOCMEM) - of_locmem)
        found = [
            f"fails on {title} only: {name}"
            for title in (OURS, COMPAT)
            if title in self.of
            for name in sorted(controls - self.passed(title))
            if title != OURS or name not in self.suite.by_name
        ]
        if untrue := of_locmem - self.passed(LOCMEM) | of_locmem & self.passed(DJANGO_REDIS):
            found.append(f"is said to pass on locmem only: {', '.join(sorted(untrue))}")
        return found

    def line(self, mark: str) -> str:
        cells = [f"`{self.suite.package}`{mark}", self.suite.version, str(self.tests())]
        for backend in BACKENDS:
            ran = backend.title in self.of
            cells.append(str(len(self.passed(backend.title))) if ran else "–")
        return f"| {' | '.join(cells)} |"


def known(suite: Suite) -> Row | None:
    """What an earlier run has left, if that is all of it."""
    records = {title: RESULTS / suite.package / f"{title}.json" for title in suite.backends}
    if not all(record.exists() for record in records.values()):
        return None
    return Row(suite, {title: json.loads(path.read_text()) for title, path in records.items()})


def measured(suite: Suite, built: list[Path]) -> Row:
    source = unpacked(suite)
    pythons = {
        "ours": environment(suite, "ours", source, [*built]),
        "others": environment(suite, "others", source, [DJANGO_REDIS_7]),
    }
    return Row(
        suite,
        {
            backend.title: outcomes(suite, backend, pythons[backend.environment], source)
            for backend in BACKENDS
            if backend.title in suite.backends
        },
    )


def table(rows: list[Row]) -> str:
    """The rows, what is to be said of some, and the packages that have no result."""
    lines = [
        "| package | release | tests | passed: " + " | ".join(b.title for b in BACKENDS) + " |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    notes = []
    for row in rows:
        mark = ""
        if row.suite.note:
            notes.append(row.suite.note)
            mark = f" ({len(notes)})"
        lines.append(row.line(mark))
    foot = [f"{number}. {note}" for number, note in enumerate(notes, 1)]
    there = [row.suite for row in rows]
    if without := [f"`{suite.package}`" for suite in SUITES if suite not in there]:
        foot += ["", f"Without a result yet: {', '.join(without)}."]
    return "\n".join([*lines, "", *foot])


def write(page: Path, rows: list[Row]) -> None:
    """Puts the table between the marks of ``page``."""
    text, times = re.subn(
        r"(<!-- begin: the table -->\n).*?(\n<!-- end: the table -->)",
        lambda found: f"{found[1]}\n{table(rows)}\n{found[2]}",
        page.read_text(encoding="utf-8"),
        flags=re.S,
    )
    if not times:
        raise SystemExit(f"{page} has no marks for the table")
    page.write_text(text, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    names = [suite.package for suite in SUITES]
    parser.add_argument("--only", nargs="+", choices=names, metavar="PACKAGE", default=names)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into PAGE")
    parser.add_argument("--known", action="store_true", help="run only what has no result yet")
    chosen = parser.parse_args()
    built = wheels()
    rows: list[Row] = []
    faulty: set[str] = set()
    for suite in SUITES:
        if suite.package not in chosen.only:
            # The table is written whole: what an earlier run has found stays in it.
            if chosen.write and (row := known(suite)):
                rows.append(row)
            continue
        try:
            row = (known(suite) if chosen.known else None) or measured(suite, built)
        except (EndedError, subprocess.SubprocessError) as error:
            faulty.add(suite.package)
            print(f"`{suite.package}`: {error}", flush=True)
            continue
        rows.append(row)
        print(row.line(""), flush=True)
        for fault in row.faults():
            faulty.add(suite.package)
            print(f"    {fault}", flush=True)
    if chosen.write and not faulty:
        write(ROOT / chosen.write, rows)
    # In the form of other test runners' last lines, of suites.
    print(f"{len(chosen.only) - len(faulty)} passed, {len(faulty)} failed")
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
