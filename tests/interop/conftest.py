"""Sites on this package and on the real django-redis, beside each other on one server."""

import os
import pickle
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from django_redis_core.testing.servers import Server
from django_redis_core.testing.topologies import shards

SHARED = Path(__file__).parent / "shared"
if str(SHARED) not in sys.path:
    # What the other package's interpreter runs too, so it cannot be part of this test package.
    sys.path.append(str(SHARED))

from fleet import RELEASES as NUMBERS  # noqa: E402
from sites import WorkerError  # noqa: E402

#: What is installed beside each release: a redis-py that it was made for, and the newest.
RELEASES = {
    "5.3.0": ["django-redis==5.3.0", "redis~=5.0", "pyzstd<0.17"],
    "7.0.0": ["django-redis==7.0.0", "redis<9", "pyzstd"],
}
WITH_ALL = ["django~=5.2.0", "lz4", "msgpack"]


class Worker:
    """A process of one package; ``worker(*request)`` is its answer, or raises ``WorkerError``.

    ``release`` is that of django-redis, None for this package.
    """

    def __init__(
        self, python: str | Path, package: str, urls: list[str], release: str | None = None
    ) -> None:
        self.release = release
        self.process = subprocess.Popen(
            [python, SHARED / "worker.py", package, *urls],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=SHARED,
        )

    def __call__(self, *request: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(pickle.dumps(request).hex() + "\n")
        self.process.stdin.flush()
        how, what = pickle.loads(bytes.fromhex(self.process.stdout.readline()))
        if how == "raised":
            raise WorkerError(what)
        return what

    def close(self) -> None:
        self.process.communicate()
        assert self.process.returncode == 0


def environment(folder: Path, requirements: list[str]) -> Path:
    """The Python of a new environment with ``requirements`` from the package index."""
    python = folder / "bin" / "python"
    if uv := shutil.which("uv"):
        subprocess.run([uv, "venv", "-q", "-p", sys.executable, folder], check=True)
        install = [uv, "pip", "install", "-q", "-p", python]
    else:
        venv.create(folder, with_pip=True, symlinks=True)
        install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*install, *WITH_ALL, *requirements], check=True)
    return python


@pytest.fixture(scope="session")
def servers() -> Iterator[list[Server]]:
    """Two servers that know nothing of each other."""
    with shards(2, kind=os.environ.get("DRC_TEST_SERVER", "valkey")) as started:
        yield started


@pytest.fixture(scope="session")
def urls(servers: list[Server]) -> list[str]:
    return [server.url for server in servers]


@pytest.fixture(scope="session")
def workers(urls: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A worker for each release of django-redis, and ``ours``."""
    folder = tmp_path_factory.mktemp("releases")
    started = {
        release: Worker(environment(folder / release, wanted), "django_redis", urls, release)
        for release, wanted in RELEASES.items()
    }
    started["ours"] = Worker(sys.executable, "django_redis_core", urls)
    yield started
    for worker in started.values():
        worker.close()


@pytest.fixture(params=NUMBERS)
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def theirs(release: str, workers: dict[str, Worker]) -> Worker:
    return workers[release]


@pytest.fixture
def ours(workers: dict[str, Worker]) -> Worker:
    return workers["ours"]


@pytest.fixture(params=["they write", "we write"])
def pair(request: pytest.FixtureRequest, ours: Worker, theirs: Worker) -> tuple[Worker, Worker]:
    """Who writes, and who reads."""
    return (theirs, ours) if request.param == "they write" else (ours, theirs)


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return re.sub(r"[^\w.-]", "-", request.node.name)
