"""Every operation, hook, signal, error and check is in the docs, and none that there is not."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pluggy
import pytest
from django.dispatch import Signal

from django_redis_core import exceptions, signals, testing
from django_redis_core._operations.declare import declared
from django_redis_core._plugins import hookspecs
from django_redis_core.cache import AsyncPipeline, Pipeline, RedisCache
from django_redis_core.interfaces import OPERATIONS, BuiltCache, Client

from .conftest import DOCUMENTS, PLUGINS, ROOT, code, plugin_classes, read, rows

sys.path.insert(0, str(ROOT / "docs"))
try:
    import draw_diagrams
    import hooks
    import reference
finally:
    sys.path.remove(str(ROOT / "docs"))

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: "/".join(path.parts[-2:])
)


# --- operations -----------------------------------------------------------------------------------


def test_every_operation_is_on_its_page_once() -> None:
    built = reference.with_operations(read("docs/operations.md"))
    assert "<!--" not in built
    assert sorted(re.findall(r"^### (\w+)$", built, re.M)) == sorted(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_documented_signature_is_the_codes(name: str) -> None:
    shown = reference.signature(OPERATIONS[name])
    assert max(map(len, shown.splitlines())) <= 80
    function = ast.parse(f"def {shown.replace('=…', '=None')}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    arguments = function.args
    parameters = list(OPERATIONS[name].signature.parameters.values())[1:]
    assert [one.arg for one in (*arguments.args, *arguments.kwonlyargs)] == [
        one.name for one in parameters if one.kind is not one.VAR_POSITIONAL
    ]
    assert {one.arg for one in arguments.kwonlyargs} == {
        one.name for one in parameters if one.kind is one.KEYWORD_ONLY
    }
    assert (arguments.vararg.arg if arguments.vararg else None) == next(
        (one.name for one in parameters if one.kind is one.VAR_POSITIONAL), None
    )


def test_fallbacks_that_depend_on_arguments_are_in_words() -> None:
    """``reference`` calls the others with arguments that only have names."""
    shown = {name: reference.fallback(declaration) for name, declaration in OPERATIONS.items()}
    closed = {name for name, declaration in OPERATIONS.items() if declaration.fallback is None}
    assert {name for name, words in shown.items() if "raised" in words} == closed
    assert shown["get"] == "`default`"
    assert shown["get_many"] == "`{}`"
    assert shown["lpop"] == "`None`, with `count` `[]`"
    assert not [name for name, words in shown.items() if "object at" in words]


@each_document
def test_a_document_calls_what_a_cache_has(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    called = set(re.findall(r"(?<![\w.])cache\.(\w+)\(", text))
    if document.name == "writing-a-plugin.md":  # where hooks are handed another thing
        called -= {"call", "part", "run"} & set(vars(BuiltCache))
    # What a plugin adds that the page shows, or one of ours that it names.
    shown = set(re.findall(r"@operation\(.*\n +def (\w+)", text))
    for name, plugin in plugin_classes().items():
        if issubclass(plugin, Client) and f"plugins/{name}" in f"{document} {text}":
            shown |= declared(plugin).keys() - OPERATIONS.keys()
    for name in called:
        added = name in shown or name.removeprefix("a") in shown
        assert added or hasattr(RedisCache, name), name
    for name in re.findall(r"(?<![\w.])queue\.(\w+)\(", text):
        assert hasattr(Pipeline, name) or hasattr(AsyncPipeline, name), name


# --- hooks ----------------------------------------------------------------------------------------


def test_every_hook_is_in_the_docs() -> None:
    specified = {name for name, one in vars(hookspecs).items() if name.startswith("register_")}
    assert specified == {f"register_{kind}" for kind in hookspecs.KINDS}
    page = read("docs/writing-a-plugin.md")
    assert {name for name in specified if name not in page} == set()


def test_every_hook_that_acts_is_in_the_docs_with_its_arguments_and_no_other() -> None:
    page = read("docs/writing-a-plugin.md")
    documented = {code(row[0]) for row in rows(page, "hook")}
    acting = {name: getattr(hookspecs, name) for name in hookspecs.ACTS}
    assert documented == {
        f"{name}({', '.join(inspect.signature(one).parameters)})" for name, one in acting.items()
    }
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    specified = {name for name in vars(manager.hook) if not name.startswith("_")}
    assert specified == {*hookspecs.ACTS, *(f"register_{kind}" for kind in hookspecs.KINDS)}
    assert all(inspect.getdoc(one) for one in acting.values())


@pytest.mark.parametrize("hook", hookspecs.ACTS)
def test_every_hook_that_acts_has_a_user_here(hook: str) -> None:
    """A plugin of ours that does something by it, and says so in the list of users."""
    users = [
        path.parent.name.removeprefix("django_redis_core_")
        for path in ROOT.glob("plugins/*/src/*/__init__.py")
        if re.search(rf"^def {hook}\(", path.read_text(encoding="utf-8"), re.M)
    ]
    line = re.search(r"^In this repository (.*)$", read("docs/writing-a-plugin.md"), re.M)
    assert users
    assert line
    assert {name for name in users if f"`{name}`" not in line[1]} == set()


def test_what_plugins_check_has_its_id_on_their_pages() -> None:
    for path in ROOT.glob("plugins/*/src/*/*.py"):
        plugin = path.parent.name
        page = read(f"plugins/{path.parents[2].name}/README.md")
        ids = re.findall(rf'"({plugin}\.[EWI]\d{{3}})"', path.read_text(encoding="utf-8"))
        assert {one for one in ids if one not in page} == set()


@each_document
def test_no_document_names_a_hook_that_is_not_there(document: Path) -> None:
    named = set(re.findall(r"\bregister_\w+", document.read_text(encoding="utf-8")))
    assert named <= {f"register_{kind}" for kind in hookspecs.KINDS}


# --- signals --------------------------------------------------------------------------------------

SIGNALS = {name: one for name, one in vars(signals).items() if isinstance(one, Signal)}
PAGE = read("docs/signals-and-errors.md")


def sent() -> Iterator[tuple[str, set[str]]]:
    """Each place where a signal is sent: its name, and the names of its arguments."""
    for path in [*ROOT.glob("django_redis_core/**/*.py"), *ROOT.glob("plugins/*/src/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            of = node.func.value
            name = of.attr if isinstance(of, ast.Attribute) else getattr(of, "id", "")
            if node.func.attr.startswith("send") and name in SIGNALS:
                yield name, {str(keyword.arg) for keyword in node.keywords} - {"sender"}


def test_every_signal_is_documented_with_its_arguments_and_no_other() -> None:
    documented = {
        code(row[0]): set(re.findall(r"`(\w+)`", row[2] if len(row) > 2 else ""))
        for row in rows(PAGE, "signal")
    }
    places = list(sent())
    assert {name for name, _ in places} == set(SIGNALS) == set(documented)
    assert [(name, given) for name, given in places if given != documented[name]] == []


# --- errors ---------------------------------------------------------------------------------------


def test_the_drawn_tree_of_errors_is_the_codes() -> None:
    above: list[str] = []
    parents: dict[str, str] = {}
    for depth, name in draw_diagrams.ERRORS:
        del above[depth:]
        parents[name] = above[-1] if above else ""
        above.append(name)
    for name, parent in parents.items():
        if parent:
            bases = getattr(exceptions, name).__bases__
            assert getattr(exceptions, parent) in bases, name
    in_code = {name for name in exceptions.__all__ if inspect.isclass(getattr(exceptions, name))}
    assert set(parents) == in_code | {"ImproperlyConfigured"}
    assert {code(row[0]) for row in rows(PAGE, "error")} == in_code


# --- system checks and plugins --------------------------------------------------------------------


def test_every_system_check_is_documented_and_no_other() -> None:
    in_code = set(re.findall(r"\b[EWI]\d{3}\b", read("django_redis_core/checks.py")))
    page = read("docs/options.md")
    assert {code(row[0]) for row in rows(page, "id")} == in_code


def test_every_plugin_is_in_the_overview() -> None:
    linked = re.findall(r"\.\./plugins/(\w+)/README\.md", read("docs/combining.md"))
    assert sorted(linked) == PLUGINS


# --- what is put in when the pages are built ------------------------------------------------------


def test_links_lead_to_pages_or_to_the_files_themselves() -> None:
    text = "[a](../plugins/zstd/README.md#options) [b](start.md) [c](https://example.org/)\n"
    built = hooks.links_to_pages(text + "[d](../examples/tour.py)", "options.md")
    assert built == (
        "[a](plugins/zstd.md#options) [b](start.md) [c](https://example.org/)\n"
        "[d](source/examples/tour.py)"
    )
    assert hooks.links_to_pages("[a](../zstd)", "plugins/zlib.md") == "[a](zstd.md)"
    code_block = "```text\n[a](../zstd)\n```\n"
    assert hooks.links_to_pages(code_block, "plugins/zlib.md") == code_block


def test_files_that_pages_link_to_come_with_the_site() -> None:
    pages = {"options.md": "[a](../examples/tour.py) [b](start.md) [c](https://example.org/)"}
    assert hooks.linked_files(pages) == ["examples/tour.py"]


def test_what_is_not_released_yet_is_among_the_changes(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(read("pyproject.toml"), encoding="utf-8")
    (tmp_path / "news").mkdir()
    assert hooks.unreleased(tmp_path) == ""
    (tmp_path / "news" / "+one.feature.md").write_text("First.\n\nSecond.\n", encoding="utf-8")
    (tmp_path / "news" / "+two.misc.md").write_text("Not told.\n", encoding="utf-8")
    assert hooks.unreleased(tmp_path) == (
        "\n## Not released yet\n\n### New\n\n- First.\n\n    Second.\n"
    )


def test_the_modules_that_plugins_build_on_are_those_of_the_import_contract() -> None:
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (public,) = (contract for contract in contracts if contract["id"] == "public")
    allowed = [line for line in public["ignore_imports"] if line.startswith("** -> ")]
    page = read("docs/writing-a-plugin.md")
    listed = page.partition("names that are public")[2].partition(".\n")[0]
    whole, *modules = re.findall(r"`(\w+)`", listed)
    assert [whole, *(f"{whole}.{module}" for module in modules)] == [
        line.removeprefix("** -> ") for line in allowed
    ]


def test_what_a_contract_lets_a_plugin_state_is_in_the_docs() -> None:
    inner = {"kind", "part", "covers"}  # which the kit's own classes set
    contracts = [getattr(testing, name) for name in testing.__all__ if name.endswith("Contract")]
    stated = {
        name
        for contract in contracts
        for base in contract.__mro__
        for name, annotation in inspect.get_annotations(base).items()
        if "ClassVar" in str(annotation)
    }
    page = read("docs/writing-a-plugin.md")
    shown = set(re.findall(r"`(\w+)(?: = \w+)?`|^    (\w+) = ", page, re.M))
    assert stated - inner <= {name for pair in shown for name in pair}
    assert {"keeps", "partly", "checksum", "other_options", "limits", "library"} <= stated
