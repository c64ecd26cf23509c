"""Where suites are laid out: sdists from the package index, and environments for each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from suites import Suite

from django_redis_core.testing.servers import find_binary

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(__file__).resolve().parent / "site"
BUILD = ROOT / "build" / "ecosystem"
DJANGO_REDIS_7 = "django-redis==7.0.0"


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


def wheels() -> list[Path]:
    """The core and compat, built anew: what a site would install."""
    folder = BUILD / "wheels"
    shutil.rmtree(folder, ignore_errors=True)
    for source in (ROOT, ROOT / "plugins" / "compat"):
        run(
            *(sys.executable, "-m", "uv", "build", "--quiet", "--wheel"),
            *("--out-dir", folder, source),
        )
    return sorted(folder.glob("*.whl"))


def binaries() -> Path:
    """A folder in which the kit's server is called redis-server, for suites that start one."""
    folder = BUILD / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    name = folder / "redis-server"
    name.unlink(missing_ok=True)
    name.symlink_to(find_binary("valkey"))
    return folder


def sdist(suite: Suite) -> Path:
    """The sdist of ``suite`` from the package index, kept from run to run."""
    folder = BUILD / "sdists" / f"{suite.package}-{suite.version}"
    if not list(folder.glob("*.tar.gz")):
        # uv has no download. The requirements of the release are not wanted, only its files.
        run(
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-binary", ":all:", "--dest", folder),
            f"{suite.package}=={suite.version}",
        )
    return next(folder.glob("*.tar.gz"))


def unpacked(suite: Suite) -> Path:
    """The files of the sdist as they were released, whatever an earlier run has left in them."""
    folder = BUILD / "suites" / suite.package
    shutil.rmtree(folder, ignore_errors=True)
    # pytest looks upwards for settings: a suite without any shall not find those of this checkout.
    folder.parent.mkdir(parents=True, exist_ok=True)
    (folder.parent / "pytest.ini").write_text("[pytest]\n")
    with tarfile.open(sdist(suite)) as archive:
        archive.extractall(folder, filter="data")
    (found,) = folder.iterdir()
    if suite.laid:
        shutil.copytree(SITE / suite.laid, found, dirs_exist_ok=True)
    return found


def environment(suite: Suite, kind: str, source: Path, with_it: list[str | Path]) -> Path:
    """The Python of an environment with the suite and ``with_it``, made anew: it is quick."""
    folder = BUILD / "environments" / f"{suite.package}-{kind}"
    shutil.rmtree(folder, ignore_errors=True)
    uv = (sys.executable, "-m", "uv")
    run(*uv, "venv", "--quiet", "--python", sys.executable, folder)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(
        *(*uv, "pip", "install", "--quiet", "--python", python),
        *(source, suite.django, *suite.requires, *with_it),
    )
    return python
