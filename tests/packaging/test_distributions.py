"""The core and its plugins are one family: one version, one naming, and an extra for each plugin.

Wherever a new plugin must be entered beside its own folder is checked here.
"""

import ast
import configparser
import re

import pytest


@pytest.fixture(scope="session")
def promised(core):
    """The bounds by which a plugin asks for the core, and an extra for its plugin."""
    major, minor, _ = core.version.split(".")
    return f">={major}.{minor},<{int(major) + 1}"


def test_every_distribution_has_the_cores_version(core, plugins):
    assert {source.name: source.version for source in plugins} == {
        source.name: core.version for source in plugins
    }


def test_every_distribution_supports_the_same_pythons(core, plugin):
    wanted = core.pyproject["project"]["requires-python"]
    assert plugin.pyproject["project"]["requires-python"] == wanted


def test_a_plugin_is_named_for_its_folder_everywhere(plugin):
    name = plugin.folder.name
    assert plugin.name == f"django-redis-core-{name}"
    if plugin.registers:
        assert plugin.module == f"django_redis_core_{name}"
        entry_points = plugin.pyproject["project"]["entry-points"]
        assert entry_points == {"django_redis_core": {name: plugin.module}}


def test_a_plugin_is_found_by_its_keyword(root, plugins):
    """Of the package index, by the word in docs/plugins.md; compat is none."""
    word = "django-redis-core-plugin"
    assert f"`{word}`" in (root / "docs" / "plugins.md").read_text(encoding="utf-8")
    for source in plugins:
        keywords = source.pyproject["project"].get("keywords", [])
        assert (word in keywords) is source.registers, source.name
    kit = root / "django_redis_core" / "testing" / "template" / "pyproject.toml.template"
    for file in (kit, *root.glob("examples/*/pyproject.toml")):
        assert f'keywords = ["{word}"]' in file.read_text(encoding="utf-8"), file


def test_only_compat_registers_nothing(plugins):
    """And only it may have an import name that is not its own."""
    assert [(s.folder.name, s.module) for s in plugins if not s.registers] == [
        ("compat", "django_redis")
    ]


def test_a_plugin_requires_this_minor_of_the_core(plugin, promised):
    assert f"django-redis-core{promised}" in plugin.pyproject["project"]["dependencies"]


def test_a_plugin_has_a_readme_types_tests_and_a_docstring(plugin):
    assert (plugin.folder / "README.md").read_text(encoding="utf-8").startswith("# ")
    assert list(plugin.folder.glob("tests/test_*.py")), "a plugin comes with tests of its own"
    package = plugin.folder / "src" / plugin.module
    assert (package / "py.typed").is_file()
    assert ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8")))


def test_the_core_is_typed(root):
    assert (root / "django_redis_core" / "py.typed").is_file()


def test_a_plugin_is_an_extra_of_the_core(core, plugin, promised):
    extras = core.pyproject["project"]["optional-dependencies"]
    assert extras.get(plugin.folder.name) == [f"{plugin.name}{promised}"]


def test_the_extra_all_names_every_plugin(core, plugins):
    """But not what registers nothing: nobody asks for it by its name in CACHES."""
    names = ",".join(source.folder.name for source in plugins if source.registers)
    extras = core.pyproject["project"]["optional-dependencies"]
    assert extras["all"] == [f"django-redis-core[{names}]"]


def test_no_extra_is_left_without_its_plugin(core, plugins):
    names = {source.folder.name for source in plugins}
    extras = set(core.pyproject["project"]["optional-dependencies"])
    assert extras == names | {"all", "hiredis", "testing"}


def test_uv_takes_every_distribution_from_the_workspace(core, plugins):
    sources = core.pyproject["tool"]["uv"]["sources"]
    assert sources == {source.name: {"workspace": True} for source in [core, *plugins]}


def test_the_import_contracts_cover_every_distribution(core, plugins):
    roots = core.pyproject["tool"]["importlinter"]["root_packages"]
    assert roots == [core.module, *(source.module for source in plugins)]


def test_tox_tests_every_plugin_alone(root, plugins):
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(root / "tox.ini", encoding="utf-8")
    alone = "alone-{" + ",".join(source.folder.name for source in plugins) + "}"
    assert alone in tox["tox"]["env_list"].split()
    assert f"testenv:{alone}" in tox.sections()


def test_tox_tests_the_oldest_of_everything(root, core):
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(root / "tox.ini", encoding="utf-8")
    assert "floor" in tox["tox"]["env_list"].split()
    floor = tox["testenv:floor"]
    oldest = core.pyproject["project"]["requires-python"].removeprefix(">=")
    assert floor["base_python"] == f"python{oldest}"
    assert "--resolution lowest-direct" in floor["commands_pre"]
    assert "check_floor.py" in floor["commands"]


def test_no_lock_file_and_no_package_index_is_in_the_checkout(root, core, plugins):
    for source in [core, *plugins]:
        text = (source.folder / "pyproject.toml").read_text(encoding="utf-8")
        assert "tool.uv.index" not in text
    assert re.search(r"^uv\.lock$", (root / ".gitignore").read_text(encoding="utf-8"), re.M)
