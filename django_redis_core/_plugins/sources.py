"""Where plugins come from: a distribution's entry point, a dotted path, this process. And who of
them has hooks that act."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from django.utils.module_loading import import_string

from ..exceptions import PluginLoadError
from . import hookspecs
from .catalogue import counterpart

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class Source:
    """Where a plugin comes from, as errors name it; ``version`` None: this distribution's."""

    def __init__(
        self, distribution: str, version: str | None = "", entry_point: EntryPoint | None = None
    ) -> None:
        self.distribution = distribution
        self._version = version
        self.entry_point = entry_point

    @property
    def version(self) -> str:
        if self._version is None:  # by way of sys.modules: the package stands above this module
            self._version = str(sys.modules[hookspecs.PROJECT].__version__)
        return self._version

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()


class Hooked(NamedTuple):
    """A module or object with hooks that act. ``offers`` are the classes of its parts; ``listed``
    is how DJANGO_REDIS_PLUGINS writes it, None for what is registered by another way."""

    plugin: object
    name: str
    source: Source
    offers: tuple[type[Any], ...] = ()
    listed: str | None = None

    def is_asked(self, uses: Iterable[type[Any]] | None) -> bool:
        """Whether it has a say of a cache that uses these classes, or of none in particular."""
        if uses is None or not self.offers:
            return True
        return any(issubclass(used, self.offers) for used in uses)


def source_of(entry_point: EntryPoint) -> Source:
    # What a broken uninstall leaves behind has entry points and no METADATA: no name either.
    try:
        metadata: Any = entry_point.dist.metadata if entry_point.dist else None
    except FileNotFoundError:  # since Python 3.15
        metadata = None
    if metadata and metadata.get("Name"):
        return Source(metadata.get("Name"), metadata.get("Version") or "", entry_point)
    return Source(f"an unknown distribution ({entry_point.value})", "", entry_point)


def rivals(candidates: list[EntryPoint]) -> str:
    return " and ".join(sorted(str(source_of(candidate)) for candidate in candidates))


def imported(path: str, where: str) -> Any:
    """The module or object of a dotted path."""
    try:
        try:
            return importlib.import_module(path)
        except ModuleNotFoundError as error:
            if not f"{path}.".startswith(f"{error.name}."):
                raise  # of a module that this one imports
            return import_string(path)
    except (Exception, SystemExit) as error:
        raise PluginLoadError(not_imported(path, where, error)) from error


def not_imported(path: str, where: str, error: BaseException) -> str:
    words = f"{where}: {path!r} could not be imported: {type(error).__name__}: {error}"
    if name := counterpart(path):
        words = f"{words.removesuffix('.')}. Write {name!r}, the plugin that does its job."
    return words
