"""Every option and setting of the code is in the docs with its default, and none that is not."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from types import ModuleType
from typing import Any

import pytest
from django.core.cache.backends.base import default_key_func
from django.test import override_settings

from django_redis_core._options.option import constructor_keywords
from django_redis_core._plugins.catalogue import OURS
from django_redis_core._settings import (
    CACHE_OPTIONS,
    CONNECTION_OPTIONS,
    ENTRY_OPTIONS,
    PLUGIN_KEYS,
    PLUGIN_OPTIONS,
    parse,
    unknown_settings,
)

from .conftest import DOCUMENTS, PLUGINS, code, plugin_classes, read, rows

PAGE = read("docs/options.md")
IN_ENTRY = {code(row[0]): row for row in rows(PAGE, "name")}
IN_OPTIONS = {code(row[0]): row for row in rows(PAGE, "name in `OPTIONS`")}
SETTINGS = {code(row[0]): row for row in rows(PAGE, "setting")}
TABLES = {**IN_ENTRY, **IN_OPTIONS}


def of_plugins() -> dict[str, Any]:
    return {option.name: option for cls in plugin_classes().values() for option in cls.options}


def declared() -> dict[str, Any]:
    own = {option.name: option for option in (*ENTRY_OPTIONS, *CACHE_OPTIONS, *CONNECTION_OPTIONS)}
    return own | of_plugins()


def test_every_name_of_an_entry_is_documented_and_no_other() -> None:
    in_code = {option.name for option in ENTRY_OPTIONS} | set(PLUGIN_KEYS)
    assert set(IN_ENTRY) == in_code | {"LOCATION", "OPTIONS"}


def test_every_name_in_options_is_documented_and_no_other() -> None:
    in_code = {option.name for option in (*CACHE_OPTIONS, *CONNECTION_OPTIONS)}
    assert {option.name for option in PLUGIN_OPTIONS} <= set(of_plugins())
    assert set(IN_OPTIONS) == in_code | set(of_plugins())


@pytest.mark.parametrize("name", sorted(declared()))
def test_the_default_is_the_codes(name: str) -> None:
    default, cell = declared()[name].default, TABLES[name][1]
    if default is None:  # what that means stands there in words
        assert not re.match(r"`?['\"\d{[]", cell)
    elif default is default_key_func:
        assert code(cell) == "prefix:version:key"
        assert default("key", "prefix", "version") == "prefix:version:key"
    else:
        assert ast.literal_eval(code(cell)) == default


def test_the_names_in_a_plugins_dict_are_those_of_options() -> None:
    others = {name: option.keyword for name, option in of_plugins().items()}
    others = {name: keyword for name, keyword in others.items() if keyword != name.lower()}
    assert others == {"PICKLE_VERSION": "protocol", "PICKLE_ALLOW": "allow"}
    assert "`PICKLE_VERSION` and `PICKLE_ALLOW` as `protocol` and `allow`" in PAGE


@pytest.mark.parametrize("name", PLUGIN_KEYS)
def test_the_default_plugin_is_the_codes(name: str) -> None:
    assert code(TABLES[name][1]) == f'"{PLUGIN_KEYS[name][1]}"'


@pytest.fixture
def functions_of_a_site(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = ModuleType("myproject.keys")
    keys.make_key = default_key_func  # type: ignore[attr-defined]
    keys.make_pattern = default_key_func  # type: ignore[attr-defined]
    keys.plain_key = lambda stored: stored.split(":", 2)[2]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "myproject", ModuleType("myproject"))
    monkeypatch.setitem(sys.modules, "myproject.keys", keys)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_the_example_is_understood(name: str, functions_of_a_site: None) -> None:
    written = eval("{" + code(TABLES[name][3]) + "}")
    assert name in written
    entry = written if name in IN_ENTRY and name not in PLUGIN_KEYS else {"OPTIONS": written}
    location = entry.pop("LOCATION", "redis://cache:6379/0")
    assert not parse("default", location, entry).unused


def test_every_setting_is_documented_and_no_other() -> None:
    of_options = {option.setting: option.name for option in declared().values() if option.setting}
    others = {
        "DJANGO_REDIS_CONNECTION_FACTORY": "CONNECTION_FACTORY",
        "DJANGO_REDIS_PLUGINS": "no part of a cache",
    }
    assert {name: code(row[1]) for name, row in SETTINGS.items()} == of_options | others


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_the_example_of_a_setting_is_understood(name: str) -> None:
    written: dict[str, Any] = {}
    exec(code(SETTINGS[name][2]), {}, written)
    assert list(written) == [name]
    options = {"CLIENT": "herd", "SENTINELS": [("sentinel-1", 26379)]}
    with override_settings(**written):
        parse("default", "redis://service/0", {"OPTIONS": options})
        assert unknown_settings() == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: "/".join(path.parts[-2:]))
def test_no_document_names_a_setting_that_is_not_there(document: Any) -> None:
    named = set(re.findall(r"\bDJANGO_REDIS_[A-Z_]*[A-Z]\b", document.read_text("utf-8")))
    assert named <= set(SETTINGS)


@pytest.mark.parametrize("name", [name for name in PLUGINS if name in OURS])
def test_a_plugins_page_has_all_its_options_and_no_other(name: str, plugins: Any) -> None:
    text = read(f"plugins/{name}/README.md")
    cls = plugins[name]
    assert {code(row[0]) for row in rows(text, "name in `OPTIONS`")} == {
        option.name for option in cls.options
    }
    # Those of its dict form; max_length is the cache's MAX_DECOMPRESSED_SIZE.
    others = constructor_keywords(cls) - {option.keyword for option in cls.options}
    assert {code(row[0]) for row in rows(text, "name")} == others - {"max_length"}


@pytest.mark.parametrize("name", [name for name in PLUGINS if name in OURS])
def test_the_defaults_on_a_plugins_page_are_the_codes(name: str, plugins: Any) -> None:
    text = read(f"plugins/{name}/README.md")
    cls = plugins[name]
    for row in rows(text, "name"):
        keyword = code(row[0])
        if keyword == "min_length":
            default = cls.default_min_length
        else:
            default = inspect.signature(cls).parameters[keyword].default
        if default is None:  # what that means stands there in words
            assert not re.match(r"`?['\"\d{[]", row[1])
        else:
            assert ast.literal_eval(row[1].strip("`")) == default
