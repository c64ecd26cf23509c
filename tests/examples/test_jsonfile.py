"""The connection factory of docs/connection-factory.md passes its own tests, as an author runs
them."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ..registry.conftest import CORE, Site

PROJECT = CORE / "examples" / "jsonfile"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip makes of its wheel; tests/packaging/check_wheels.py builds real ones."""
    folder = tmp_path_factory.mktemp("packages")
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    ((name, module),) = project["entry-points"]["django_redis_core"].items()
    source = PROJECT / "src" / module
    Site(folder).install(
        name,
        (source / "__init__.py").read_text(),
        distribution=project["name"],
        version=project["version"],
        module=module,
    )
    for file in source.glob("*.py"):
        (folder / module / file.name).write_text(file.read_text())
    return folder


# What pipelines do does not depend on the factory; an author runs them all the same.
@pytest.mark.parametrize(("tests", "which"), [("contract", "not pipeline"), ("following", "test")])
def test_its_own_tests_pass(packages: Path, tests: str, which: str) -> None:
    file = f"tests/test_{tests}.py"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:asyncio", "-k", which, file],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(packages), str(CORE)])},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
