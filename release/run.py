"""Makes a release and tries it: ``tox run -e release``.

Nothing leaves the machine and nothing of the checkout changes. What is committed is copied, the
copy's changelog is written from ``news/``, and every distribution is built from it. The files that
came out are looked at, installed by pip where nothing else is, and tested. They are in
``build/release/``:

    dist/         a wheel and an sdist of each distribution, which may be published as they are
    NOTES.md      what is new, for the page of the release
    SHA256SUMS    of all files in dist/

A release is these steps, of which the last two are a workflow's (.github/workflows/release.yml):

    tox run -e release                   does it work?
    tox run -e release -- --write        writes CHANGELOG.md and removes the fragments; commit that
    git tag vX.Y.Z && git push --tags
    tox run -e release -- --tag vX.Y.Z   the tag is the version, and no fragment is left
    uv publish build/release/dist/*
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "build" / "release"
BINARIES = "Scripts" if os.name == "nt" else "bin"


@dataclass(frozen=True)
class Distribution:
    """What one folder is built into."""

    folder: Path
    name: str
    version: str

    @classmethod
    def of(cls, folder: Path) -> Distribution:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return cls(folder, project["name"], project["version"])

    def files(self) -> list[str]:
        """The names of its wheel and its sdist."""
        stem = f"{self.name.replace('-', '_')}-{self.version}"
        return [f"{stem}-py3-none-any.whl", f"{stem}.tar.gz"]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tag", help="the release's tag: it must be the version, and news/ empty")
    parser.add_argument("--write", action="store_true", help="write the changelog, and no more")
    parser.add_argument(
        "--date",
        type=datetime.date.fromisoformat,
        default=datetime.datetime.now(datetime.UTC).date(),
    )
    parser.add_argument(
        "--no-tests", action="store_true", help="build, check and install; run no tests of plugins"
    )
    chosen = parser.parse_args(arguments)
    if chosen.write:
        write(chosen.date)
        return 0
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        make(Path(folder), chosen.tag, chosen.date, tests=not chosen.no_tests)
    return 0


def make(folder: Path, tag: str | None, date: datetime.date, *, tests: bool) -> None:
    tree = folder / "tree"
    step("copying what is committed")
    copy(tree)
    of_all = list(distributions(tree))
    version = of_all[0].version
    agree(of_all, tag)
    shutil.rmtree(TARGET, ignore_errors=True)
    dist = TARGET / "dist"
    dist.mkdir(parents=True)

    step(f"the notes of {version}")
    notes = written(tree, version, date, may_write=tag is None)
    (TARGET / "NOTES.md").write_text(notes, encoding="utf-8")

    step(f"building {len(of_all)} distributions")
    for one in of_all:
        run("uv", "build", "--quiet", "--no-sources", "--out-dir", dist, one.folder)
    files = sorted(path.name for path in dist.iterdir() if path.name != ".gitignore")
    wanted = sorted(name for one in of_all for name in one.files())
    if files != wanted:
        fail(f"built {files}, wanted {wanted}")
    (dist / ".gitignore").unlink(missing_ok=True)  # uv's

    step("checking the files")
    run(sys.executable, "-m", "twine", "check", "--strict", *sorted(dist.iterdir()))

    step("installing them with pip, where nothing else is")
    installed(folder / "site", tree, dist, of_all)

    if tests:
        tested(folder, tree, dist, of_all)

    sums = [f"{hashlib.sha256((dist / name).read_bytes()).hexdigest()}  {name}" for name in files]
    (TARGET / "SHA256SUMS").write_text("\n".join(sums) + "\n", encoding="utf-8")
    step(f"{len(files)} files of {version} are in {dist.relative_to(ROOT)}/")


def copy(tree: Path) -> None:
    """What HEAD has, and nothing that lies beside it."""
    if changed := run("git", "status", "--porcelain", cwd=ROOT, quiet=True):
        print(f"not committed, and so not released:\n{changed}", flush=True)
    packed = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True)
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(tree, filter="data")


def distributions(tree: Path) -> Iterator[Distribution]:
    """The core, then every plugin."""
    yield Distribution.of(tree)
    for path in sorted(tree.glob("plugins/*/pyproject.toml")):
        yield Distribution.of(path.parent)


def agree(of_all: list[Distribution], tag: str | None) -> None:
    versions = {one.version for one in of_all}
    if len(versions) != 1:
        fail(f"there is more than one version: {sorted(versions)}")
    if tag is not None and tag != f"v{of_all[0].version}":
        fail(f"the tag {tag} is not that of version {of_all[0].version}")


def written(tree: Path, version: str, date: datetime.date, *, may_write: bool) -> str:
    """The section of ``version`` in the copy's changelog, out of the fragments if there are any."""
    fragments = [path for path in (tree / "news").iterdir() if path.name != "README.md"]
    if fragments and not may_write:
        fail(
            f"news/ still has {len(fragments)} fragments: commit what "
            "`tox run -e release -- --write` makes of them"
        )
    if fragments:
        towncrier(tree, version, date)
    changelog = (tree / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(
        rf"^## {re.escape(version)} \([^)\n]*\)\n(.*?)(?=^## |\Z)", changelog, re.M | re.S
    )
    if section is None or not section[1].strip():
        fail(f"CHANGELOG.md has nothing about {version}, and news/ has no fragments")
    return section[1].strip() + "\n"


def write(date: datetime.date) -> None:
    """The changelog of the checkout itself."""
    version = Distribution.of(ROOT).version
    towncrier(ROOT, version, date)
    print(f"CHANGELOG.md has {version}; look at it, commit it, and tag the commit v{version}")


def towncrier(folder: Path, version: str, date: datetime.date) -> None:
    command = (sys.executable, "-m", "towncrier", "build", "--yes")
    run(*command, "--version", version, "--date", date.isoformat(), cwd=folder, quiet=True)


def installed(folder: Path, tree: Path, dist: Path, of_all: list[Distribution]) -> None:
    """All of them, by their extras, as a site does it; and the tour, which uses most plugins."""
    venv.create(folder, with_pip=True)
    python = folder / BINARIES / "python"
    core = of_all[0]
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    wanted = f"{core.name}[all,compat,hiredis]=={core.version}"
    report = json.loads(run(*pip, "--find-links", dist, "--report", "-", wanted, quiet=True))
    came_from: dict[str, Any] = {
        item["metadata"]["name"]: item["download_info"]["url"] for item in report["install"]
    }
    for one in of_all:
        if not str(came_from.get(one.name, "")).startswith(dist.as_uri()):
            fail(f"{one.name} was not installed from {dist}, but from {came_from.get(one.name)}")
    run(python, "-m", "pip", "check")
    run(python, tree / "examples" / "tour.py", quiet=True)


def tested(folder: Path, tree: Path, dist: Path, of_all: list[Distribution]) -> None:
    """What tox' environments `wheels` and `alone-*` do, on these files instead of others.

    Not by tox, which passes over an environment whose interpreter it does not find: here it is
    the one that runs this, and nothing is left out.
    """
    packaging = tree / "tests" / "packaging"
    check = ("-m", "pytest", f"--confcutdir={packaging}", packaging / "check_wheels.py")
    for one in of_all:
        step(f"testing {one.name}")
        place = folder / one.name
        run("uv", "venv", "--quiet", "--python", sys.executable, place)
        env = {"VIRTUAL_ENV": str(place), "DRC_DIST": str(dist)}
        run("uv", "pip", "install", "--quiet", "--group", f"{tree}/pyproject.toml:tests", env=env)
        if one is of_all[0]:
            command: tuple[str | Path, ...] = check
        else:
            command = (packaging / "alone.py", f"alone-{one.folder.name}", "-q")
        run(place / BINARIES / "python", *command, cwd=place, env=env)


def run(
    *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] = {}, quiet: bool = False
) -> str:
    """Run ``command``; ends the release where it fails. With ``quiet`` its output is returned."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet and "--report" not in command else None,
        text=True,
        check=False,
    )
    if done.returncode:
        fail(f"{' '.join(map(str, command))}\nended with {done.returncode}\n{done.stdout or ''}")
    return done.stdout or ""


def step(what: str) -> None:
    print(f"\nrelease, {time.strftime('%H:%M:%S')}: {what}", flush=True)


def fail(why: str) -> NoReturn:
    sys.exit(f"release: {why}")


if __name__ == "__main__":
    sys.exit(main())
