"""What a plugin of every kind promises: it is found by its name, and costs nothing until then."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ..._plugins.checked import BASES
from ..._plugins.registry import registry
from ..._settings import PLUGIN_KEYS, parse
from ...interfaces import API_VERSION
from ..installed import Named
from .at_import import entry_point_of, imported, work_at_import


class PluginContract(Named):
    """The base of the contracts of codec plugins; subclass that of your plugin's kind.

    ``name`` is the plugin's name, or the dotted path of a project's own class. ``options`` are the
    constructor's arguments to test it with; a second subclass with other options tests those.
    ``library`` is the module that the plugin is there to use, for example ``"zstandard"``: it must
    not be imported before settings name the plugin.
    """

    kind: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}
    library: ClassVar[str | None] = None

    @classmethod
    def missing(cls) -> str:
        # A class that a test brings itself needs no distribution.
        own = vars(PluginContract)["plugin_class"].__func__
        return "" if cls.plugin_class.__func__ is not own else super().missing()  # type: ignore[attr-defined]

    @classmethod
    def plugin_class(cls) -> type[Any]:
        if not settings.configured and "DJANGO_SETTINGS_MODULE" not in os.environ:
            settings.configure(SECRET_KEY="for tests", USE_TZ=True)
        return registry.plugin(cls.kind, cls.name, cls.__name__)

    def build(self, **more: Any) -> Any:
        """An instance with ``options``, and with ``more`` of them."""
        return self.plugin_class()(**{**self.options, **more})

    def entry_point(self) -> EntryPoint | None:
        """Where the plugin is found; None for one of the core's own."""
        return entry_point_of(self.name)

    def in_settings(self, **options: Any) -> None:
        """Checks an entry of CACHES that names the plugin with ``options``."""
        key = next(key for key, (kind, _) in PLUGIN_KEYS.items() if kind == self.kind)
        written = {"NAME": self.name, "OPTIONS": options}
        parse("contract", "redis://localhost", {"OPTIONS": {key: written}})

    def test_it_is_found_by_its_name(self) -> None:
        plugin = self.plugin_class()
        if "." not in self.name:
            assert plugin.name == self.name
        assert issubclass(plugin, BASES[self.kind])
        assert plugin.api_version == API_VERSION
        assert not inspect.isabstract(plugin)
        for line in registry.describe():
            # Else the class under test may be another one than its author means.
            assert line.name != self.name or not line.error, f"{line.distribution}: {line.error}"

    def test_nothing_is_imported_before_settings_name_it(self) -> None:
        plugin, entry_point = self.plugin_class(), self.entry_point()
        found = imported(self.kind, self.name, plugin.__module__)
        assert not found.failed, found.failed
        home = plugin.__module__ if entry_point is None else entry_point.module
        own = home.partition(".")[0]
        foreign = {name.partition(".")[0] for name in found.new} - sys.stdlib_module_names - {own}
        assert not foreign, f"importing {home} imports {foreign}: import them inside the hook"
        if home != plugin.__module__:
            assert plugin.__module__ not in found.new
        assert self.library not in found.new
        assert self.library is None or self.library in sys.modules, "`library` is another one"

    def test_importing_it_does_nothing_else(self) -> None:
        done = work_at_import(self.kind, self.name, self.plugin_class())
        assert not done, done

    def test_its_options_are_accepted_in_settings(self) -> None:
        self.in_settings(**self.options)

    def test_an_unknown_option_is_refused_by_name(self) -> None:
        with pytest.raises(ImproperlyConfigured, match="no_such_option"):
            self.in_settings(no_such_option=1)

    def test_its_options_are_documented(self) -> None:
        plugin = self.plugin_class()
        declared = {option.keyword for option in plugin.options}
        for option in plugin.options:
            assert option.doc, f"the option {option.name} has no doc"
        for parameter in list(inspect.signature(plugin.__init__).parameters.values())[1:]:
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            assert parameter.name in declared or f"``{parameter.name}``" in _docstrings(plugin), (
                f"no docstring of {plugin.__name__} mentions ``{parameter.name}``"
            )


def _docstrings(plugin: type[Any]) -> str:
    return "\n".join(base.__doc__ or "" for base in plugin.__mro__[:-1])
