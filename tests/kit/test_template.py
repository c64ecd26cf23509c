"""A new plugin of each kind works as it was made: its own tests, and the kit's command line."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from django_redis_core._plugins.catalogue import OURS
from django_redis_core._plugins.checked import BASES
from django_redis_core._plugins.hookspecs import KINDS
from django_redis_core.testing.__main__ import main
from django_redis_core.testing.scaffold import texts

from ..registry.conftest import CORE, Site

#: One example of a blocking call of each family, and all that is not an operation's test.
SOME_OF_THE_SUITE = "not async and not pipeline"


class Project:
    """A distribution as ``new`` made it, installed beside the core."""

    def __init__(self, name: str, kind: str, folder: Path) -> None:
        self.name, self.kind, self.folder = name, kind, folder / "project"
        assert main(["new", name, "--kind", kind, "--directory", str(self.folder)]) == 0
        self.packages = folder / "packages"
        self.packages.mkdir()
        self.install()

    def install(self) -> None:
        """What pip makes of the wheel; tests/packaging/check_wheels.py builds a real one."""
        project = tomllib.loads((self.folder / "pyproject.toml").read_text())["project"]
        (entry_point,) = project["entry-points"]["django_redis_core"].items()
        source = self.folder / "src" / entry_point[1]
        Site(self.packages).install(
            entry_point[0],
            (source / "__init__.py").read_text(),
            distribution=project["name"],
            version=project["version"],
            module=entry_point[1],
        )
        for file in source.iterdir():
            (self.packages / entry_point[1] / file.name).write_text(file.read_text())

    def python(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(self.packages), str(CORE)])},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
        return done.stdout


@pytest.fixture(scope="module", params=KINDS)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project("jitter", request.param, tmp_path_factory.mktemp("new"))


def test_its_own_tests_pass(project: Project) -> None:
    # pytest-asyncio, which this project has and a plugin's author need not have.
    said = project.python("pytest", "-q", "-x", "-p", "no:asyncio", "-k", SOME_OF_THE_SUITE)
    assert " passed" in said
    assert "skipped" not in said
    assert "warning" not in said


def test_it_conforms_by_its_name(project: Project) -> None:
    some = "comes_back or found or in_use or lists_and_dicts or add"
    said = project.python("django_redis_core.testing", project.name, "-q", "-x", "-k", some)
    assert " passed" in said
    assert "warning" not in said


def test_it_has_what_a_distribution_needs(project: Project) -> None:
    source = project.folder / "src" / "django_redis_core_jitter"
    assert (source / "py.typed").is_file()
    modules = {path.stem for path in source.glob("*.py")}
    assert modules == {"__init__", project.kind.replace("connection_", "")}
    written = "".join(path.read_text() for path in source.glob("*.py"))
    assert "Write your own" in written
    assert BASES[project.kind].__name__ in written
    for path, text in texts(project.name, project.kind).items():
        assert (project.folder / path).read_text() == text
        assert "$" not in text, path
        if path.endswith(".py"):
            ast.parse(text)
            assert max(map(len, text.splitlines()), default=0) <= 100, path
    pyproject = tomllib.loads((project.folder / "pyproject.toml").read_text())
    assert pyproject["project"]["name"] == "django-redis-core-jitter"
    assert "django-redis-core>=1." in pyproject["project"]["dependencies"][0]


def test_the_example_is_a_new_client_as_it_was_made() -> None:
    """So what the documentation walks through is what an author starts from."""
    example = CORE / "examples" / "plugin"
    for path, text in texts("jitter", "client").items():
        assert (example / path).read_text(encoding="utf-8") == text, path


REFUSED = {
    "a built-in's": (
        ["pickle", "--kind", "client"],
        "taken by the serializer of django-redis-core",
    ),
    "ours, installed": (["zlib", "--kind", "client"], "taken by the compressor of"),
    "no module's": (["my-own", "--kind", "client"], "write small letters, digits and underscores"),
    "a keyword": (["class", "--kind", "client"], "write small letters, digits and underscores"),
    "a scheme": (["rediss", "--kind", "connection_factory"], "has a meaning of its own"),
    "the command's": (["new", "--kind", "client"], "has a meaning of its own"),
    "an unknown kind": (["brotli", "--kind", "compresser"], "invalid choice: 'compresser'"),
    "no kind": (["brotli"], "required: --kind"),
}


@pytest.mark.parametrize(("arguments", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_made_is_refused(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        code: object = main(["new", *arguments])
    except SystemExit as ended:
        code = ended.code
    assert code == pytest.ExitCode.USAGE_ERROR
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_a_plugin_of_ours_that_is_not_installed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(OURS, "snappy", "client")
    assert main(["new", "snappy", "--kind", "client"]) == pytest.ExitCode.USAGE_ERROR
    assert "taken by the client of django-redis-core-snappy, which is" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "two_words", "--kind", "sealer"]) == 0
    (made,) = tmp_path.iterdir()
    assert made.name == "django-redis-core-two-words"
    assert (
        "class TwoWordsSealer(Sealer):"
        in (made / "src" / "django_redis_core_two_words" / "sealer.py").read_text()
    )
    (made / "README.md").write_text("mine")
    assert main(["new", "two_words", "--kind", "client"]) == pytest.ExitCode.USAGE_ERROR
    assert "is there already" in capsys.readouterr().err
    assert (made / "README.md").read_text() == "mine"
