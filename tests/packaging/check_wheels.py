"""The wheels, as pip sees them: they build, hold what they should, and an extra brings its plugin.

Not named test_*: building them all takes longer than a test of the suite may. tox' environment
`wheels` runs this file, the suite does not.
"""

import json
import os
import subprocess
import tarfile
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

LABELS = Path(__file__).parent / "labels"


def run(*command):
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def built(core, plugins, tmp_path_factory):
    """The folder with all wheels, each built from its sdist as a release does.

    DRC_DIST names one that has them: a release's."""
    if "DRC_DIST" in os.environ:
        return Path(os.environ["DRC_DIST"])
    folder = tmp_path_factory.mktemp("wheels")
    for source in [core, *plugins]:
        run("uv", "build", "--quiet", "--out-dir", folder, source.folder)
    return folder


@pytest.fixture(scope="session")
def python(tmp_path_factory):
    """The Python of a new environment that has pip and nothing else."""
    folder = tmp_path_factory.mktemp("user") / "venv"
    venv.create(folder, with_pip=True, symlinks=True)
    return folder / "bin" / "python"


def wheel_of(built, source):
    (wheel,) = built.glob(f"{source.name.replace('-', '_')}-{source.version}-*.whl")
    return zipfile.ZipFile(wheel)


def contents(wheel, source):
    """The names in a wheel beside its metadata."""
    names = set(wheel.namelist())
    folder = f"{source.name.replace('-', '_')}-{source.version}.dist-info/"
    metadata = {name for name in names if name.startswith(folder)}
    assert metadata
    return names - metadata


def test_the_cores_wheel_holds_the_core_and_nothing_else(built, core):
    names = contents(wheel_of(built, core), core)
    assert {name.split("/")[0] for name in names} == {"django_redis_core"}
    assert "django_redis_core/py.typed" in names


def test_a_plugins_wheel_holds_its_module_and_nothing_else(built, plugin):
    names = contents(wheel_of(built, plugin), plugin)
    assert {name.split("/")[0] for name in names} == {plugin.module}
    assert f"{plugin.module}/py.typed" in names
    on_disk = (plugin.folder / "src").rglob("*.py")
    assert {str(path.relative_to(plugin.folder / "src")) for path in on_disk} <= names


def test_the_cores_wheel_says_which_extras_there_are(built, core, plugins):
    with wheel_of(built, core) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(wheel.read(name).decode())
    assert {source.folder.name for source in plugins} <= set(metadata.get_all("Provides-Extra"))
    assert metadata["License-File"] == "LICENSE"


def test_every_file_has_the_licence(built, core, plugins):
    """Whoever passes one on has to pass that on too."""
    text = (core.folder / "LICENSE").read_bytes()
    for source in [core, *plugins]:
        stem = f"{source.name.replace('-', '_')}-{source.version}"
        with wheel_of(built, source) as wheel:
            assert wheel.read(f"{stem}.dist-info/licenses/LICENSE") == text, source.name
        with tarfile.open(built / f"{stem}.tar.gz") as sdist:
            assert sdist.extractfile(f"{stem}/LICENSE").read() == text, source.name


def test_the_cores_wheel_holds_the_template_of_a_new_plugin(built, core):
    on_disk = (core.folder / core.module / "testing" / "template").rglob("*.template")
    wanted = {str(path.relative_to(core.folder)) for path in on_disk}
    assert wanted
    assert wanted <= set(wheel_of(built, core).namelist())


def test_pip_brings_a_plugin_through_the_cores_extra(built, python, core):
    """It also shows that their bounds fit each other: pip does not know the workspace."""
    extra = "django-redis-core[zstd]"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    report = json.loads(run(*pip, "--find-links", built, "--report", "-", extra))
    came_from = {
        item["metadata"]["name"]: item["download_info"]["url"]
        for item in report["install"]
        if item["metadata"]["name"].startswith("django-redis-core")
    }
    assert set(came_from) == {"django-redis-core", "django-redis-core-zstd"}
    assert all(url.startswith(built.as_uri()) for url in came_from.values()), came_from
    found = run(
        python,
        "-c",
        "import importlib.metadata as m, django_redis_core, zstandard;"
        "print([e.load().__name__ for e in m.entry_points(group='django_redis_core')])",
    )
    assert found.strip() == "['django_redis_core_zstd']"
    run(python, "-m", "pip", "check")


@pytest.fixture(scope="module")
def author(built, tmp_path_factory):
    """The Python of a plugin's author: the core from its wheel, and what its kit needs."""
    folder = tmp_path_factory.mktemp("author") / "venv"
    venv.create(folder, with_pip=True, symlinks=True)
    python = folder / "bin" / "python"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--find-links", built, "django-redis-core[testing]")
    return python


@pytest.mark.parametrize(
    "kind", ["serializer", "compressor", "sealer", "connection_factory", "client", "observer"]
)
def test_a_new_plugin_builds_installs_and_conforms(author, kind, tmp_path):
    name, kit = f"acme_{kind}", (author, "-m", "django_redis_core.testing")
    project, wheels = tmp_path / "project", tmp_path / "wheels"
    run(*kit, "new", name, "--kind", kind, "--directory", project)
    run("uv", "build", "--quiet", "--out-dir", wheels, project)
    (wheel,) = wheels.glob("*.whl")
    assert f"django_redis_core_{name}/py.typed" in zipfile.ZipFile(wheel).namelist()
    # With its requirement: the core that is here must be one that it asks for.
    pip = (author, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--no-index", wheel)
    said = run(*kit, name, "-q", "-x", "-k", "not async and not pipeline")
    assert " passed" in said


def test_a_client_of_somebody_elses_adds_operations(built, author, tmp_path):
    """An operation and a keyword, in every way to call, under our clients, and in an outage."""
    run("uv", "build", "--quiet", "--wheel", "--out-dir", tmp_path, LABELS)
    (wheel,) = tmp_path.glob("*.whl")
    pip = (author, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index")
    ours = [f"django-redis-core-{name}" for name in ("near", "herd", "shard")]
    run(*pip, "--find-links", built, wheel, *ours)
    # -P: this folder would stand first on sys.path.
    told = json.loads(run(author, "-P", LABELS / "use.py"))
    assert all("site-packages" in place for place in told["from"]), told["from"]
    assert len(told["served"]) == len(told["down"]) == 20, "four ways, under five clients"
    for name, answers in told["served"].items():
        assert answers == {
            "set": True,
            "without": True,
            "before": {"page": "html", "plain": 3},
            "unknown": 0,
            "known": 1,
            "after": {"plain": 3},
        }, name
    for name, answers in told["down"].items():
        assert answers == {"set": False, "invalidate": 0}, name
