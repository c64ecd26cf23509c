"""A contract of a plugin that is not installed fails once, and says what to install."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from .._plugins.registry import registry
from .._settings import PLUGIN_KEYS
from ..exceptions import PluginError, PluginNotFound


class Named:
    """The root of all contracts: ``name`` is that of the plugin under test.

    It is looked for when a subclass says its name, which is before pytest collects the tests:
    else every one of them would fail, all with the same words. Nothing is imported for it.
    """

    name: ClassVar[str]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "name" not in vars(cls):
            return
        missing = cls.missing()
        if missing:
            for test in [name for name in dir(cls) if name.startswith("test")]:
                setattr(cls, test, None)
            cls.test_the_plugin_is_installed = _failing(missing)  # type: ignore[attr-defined]

    @classmethod
    def kind_under_test(cls) -> str:
        part: str = getattr(cls, "part", "")
        return PLUGIN_KEYS[part][0] if part else str(getattr(cls, "kind", ""))

    @classmethod
    def missing(cls) -> str:
        """Words on a plugin that nobody offers; empty where somebody does."""
        kind = cls.kind_under_test()
        if not kind or "." in cls.name or cls.name in registry.names(kind):
            return ""
        try:
            registry.plugin(kind, cls.name, cls.__name__)
        except PluginNotFound as error:
            return (
                f"{error} A project's own plugin is registered before tests are collected, in "
                "conftest.py say."
            )
        except PluginError:
            return ""  # it is there, and the tests tell what is wrong with it
        return ""


def _failing(words: str) -> Any:
    def test_the_plugin_is_installed(self: Any) -> None:
        pytest.fail(words, pytrace=False)

    return test_the_plugin_is_installed
