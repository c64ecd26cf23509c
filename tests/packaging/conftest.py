"""What the packaging tests share: the root, the plugins' folders, and every pyproject.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Source:
    """A folder that a distribution is built from."""

    folder: Path
    pyproject: dict[str, Any]

    @property
    def name(self) -> str:
        """The distribution's name."""
        return self.pyproject["project"]["name"]

    @property
    def version(self) -> str:
        return self.pyproject["project"]["version"]

    @property
    def module(self) -> str:
        """The import name."""
        (package,) = self.pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
        return Path(package).name

    @property
    def registers(self) -> bool:
        """Whether it offers a plugin; compat offers names for what there is."""
        return "entry-points" in self.pyproject["project"]


def read(folder: Path) -> Source:
    return Source(folder, tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8")))


PLUGIN_FOLDERS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def core() -> Source:
    return read(ROOT)


@pytest.fixture(scope="session")
def plugins() -> list[Source]:
    return [read(folder) for folder in PLUGIN_FOLDERS]


@pytest.fixture(scope="session", params=PLUGIN_FOLDERS, ids=lambda folder: folder.name)
def plugin(request: pytest.FixtureRequest) -> Source:
    return read(request.param)
