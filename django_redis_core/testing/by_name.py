"""The conformance kit on an installed plugin, by its name and without a test file.

A small test module is written to a temporary folder, such as its author would write, and run by
pytest there: with nothing of the configuration of the folder that one happens to be in.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .._engine.assembly import Engine
from .._plugins.catalogue import OURS
from .._plugins.hookspecs import KINDS
from .._plugins.listing import IGNORED
from .._plugins.registry import registry
from .._settings import PLUGIN_KEYS, parse
from ..exceptions import PluginError, PluginLoadError

if TYPE_CHECKING:
    import pytest

    from .servers import Server

CONTRACTS = {
    "serializer": "SerializerContract",
    "compressor": "CompressorContract",
    "sealer": "SealerContract",
    "connection_factory": "ConnectionFactoryContract",
    "client": "ClientContract",
}

#: Kinds whose contract is the operation suite on a server.
ON_SERVERS = {"connection_factory": "CONNECTION_FACTORY", "client": "CLIENT"}

#: What the kit imports beside the core's own requirements.
REQUIRED = ("pytest", "hypothesis")


class Unusable(Exception):
    """The kit cannot begin: the name, or what it needs, is not there."""


class NotConforming(Exception):
    """The plugin cannot even be loaded."""


@dataclass(frozen=True)
class Subject:
    """A plugin under test, and how: ``options`` are its own (the keywords of its constructor),
    ``cache_options`` those in OPTIONS beside it, ``locations`` what LOCATION is to be."""

    kind: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    other_options: Mapping[str, Any] = field(default_factory=dict)
    cache_options: Mapping[str, Any] = field(default_factory=dict)
    locations: Sequence[str] = ()

    @property
    def where(self) -> str:
        return f"The {words(self.kind)} {self.name!r}"

    @property
    def in_options(self) -> dict[str, Any]:
        """OPTIONS of a cache that uses it."""
        written = {"NAME": self.name, "OPTIONS": dict(self.options)}
        return {ON_SERVERS[self.kind]: written, **self.cache_options}


def words(kind: str) -> str:
    return kind.replace("_", " ")


def configure() -> None:
    """Gives Django the settings that the kit needs, where the site has none."""
    if not settings.configured and "DJANGO_SETTINGS_MODULE" not in os.environ:
        settings.configure(SECRET_KEY="for tests", USE_TZ=True)


def refuse_without_requirements() -> None:
    missing = [name for name in REQUIRED if find_spec(name) is None]
    if missing:
        raise Unusable(
            f"The conformance kit needs {' and '.join(missing)}. "
            "Install it with: pip install 'django-redis-core[testing]'."
        )


def kinds_of(name: str) -> list[str]:
    """The kinds of the installed plugin ``name``. Raises ``Unusable`` or ``NotConforming``."""
    lines = [line for line in registry.describe() if line.name == name]
    if not lines:
        raise Unusable(_unknown(name))
    for line in lines:
        if line.error.startswith(IGNORED):
            raise NotConforming(
                f"The {words(line.kind)} {name!r} of {line.distribution} {line.version} is "
                f"{line.error}."
            )
    if not all(line.kind for line in lines):
        # Its hooks stand elsewhere than in the module that the entry point names.
        try:
            registry.plugin(KINDS[0], name, f"The plugin {name!r}")
        except PluginLoadError as error:
            lines = [line for line in registry.describe() if line.name == name and line.kind]
            if not lines:
                raise NotConforming(str(error)) from error
    return [kind for kind in KINDS if any(line.kind == kind for line in lines)]


def _unknown(name: str) -> str:
    if "." in name:
        return (
            f"{name!r} is not the name of an installed plugin. A class of a project's own is "
            "tested by a test class, a subclass of the contract of its kind in "
            f"django_redis_core.testing with `name = {name!r}`."
        )
    by_kind = {kind: registry.names(kind) for kind in KINDS}
    installed = [known for names in by_kind.values() for known in names]
    parts = [f"There is no plugin named {name!r}."]
    close = get_close_matches(name, [*installed, *OURS], 1, 0.5)
    if close and close[0] != name:
        parts.append(f"Did you mean {close[0]!r}?")
    if close and close[0] not in installed:
        parts.append(f"Install it with: pip install 'django-redis-core[{close[0]}]'.")
    listed = (f"{words(kind)}: {', '.join(names)}" for kind, names in by_kind.items())
    return " ".join([*parts, f"Installed: {'; '.join(listed)}."])


def refuse_unloadable(subject: Subject) -> None:
    """Loads the plugin, so that what is wrong with it as a whole is said once and not by every
    test."""
    try:
        plugin = registry.plugin(subject.kind, subject.name, subject.where)
    except PluginError as error:
        raise NotConforming(str(error)) from error
    if subject.kind in ON_SERVERS:
        _refuse_settings(subject)
        return
    if subject.cache_options or subject.locations:
        given = ", ".join([*subject.cache_options, *(["LOCATION"] if subject.locations else [])])
        raise Unusable(
            f"{subject.where} is tested by itself, so {given} would have no effect; "
            "--option takes the keyword arguments of its constructor."
        )
    try:
        _refuse_unknown(subject)
        made = plugin(**subject.options)
    except Exception as error:
        said = _said(subject, error)
        raise Unusable(
            f"{subject.where} cannot be made with the options {dict(subject.options)!r}: "
            f"{said} Give others with --option NAME=JSON."
        ) from error
    unfinished = made.unfinished()
    if unfinished:
        raise NotConforming(f"{subject.where}: {unfinished}.")


def _refuse_settings(subject: Subject) -> None:
    """Says before there is a server what is wrong with the settings of caches on it."""
    location = list(subject.locations) or "redis://localhost"
    try:
        options = parse(subject.name, location, {"OPTIONS": subject.in_options})
        if subject.kind == "client":
            Engine(options)
    except ImproperlyConfigured as error:
        raise Unusable(
            f"{subject.where} cannot be used: {_said(subject, error)} "
            "Options are given with --option NAME=JSON."
        ) from error


def _refuse_unknown(subject: Subject) -> None:
    key = next(key for key, (kind, _) in PLUGIN_KEYS.items() if kind == subject.kind)
    written = {"NAME": subject.name, "OPTIONS": dict(subject.options)}
    parse(subject.name, "redis://localhost", {"OPTIONS": {key: written}})


def _said(subject: Subject, error: Exception) -> str:
    """A sentence of what an error says, in one line and without an alias that nobody wrote."""
    text = " ".join(str(error).split())
    if isinstance(error, ImproperlyConfigured):
        text = text.removeprefix(f"CACHES[{subject.name!r}]").removeprefix(": ")
    else:
        text = f"{type(error).__name__}: {text}"
    return text if text.endswith((".", "?")) else f"{text}."


def run(subjects: Sequence[Subject], arguments: Sequence[str]) -> int:
    """Runs the contracts; ``arguments`` are pytest's. Returns its exit code."""
    import pytest

    with TemporaryDirectory(prefix="django-redis-core-") as name:
        folder = Path(name).resolve()
        # pytest looks for its configuration beside the tests first. The kit has event loops of its
        # own, and pytest-asyncio, where it is installed, would ask for a configuration.
        (folder / "pytest.ini").write_text("[pytest]\naddopts = -p no:asyncio\n", encoding="utf-8")
        (folder / "conftest.py").write_text(_conftest(subjects), encoding="utf-8")
        tests = folder / f"test_{subjects[0].name}.py"
        tests.write_text(_tests(subjects), encoding="utf-8")
        # Where hypothesis keeps its examples: by default in the folder that one happens to be in.
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(folder / "hypothesis"))
        return int(pytest.main([*arguments, str(tests)]))


def _conftest(subjects: Sequence[Subject]) -> str:
    return f"""\
from django_redis_core.testing.by_name import Subject, summarize

pytest_plugins = ["django_redis_core.testing.fixtures"]

SUBJECTS = {list(subjects)!r}


def pytest_terminal_summary(terminalreporter):
    summarize(terminalreporter, SUBJECTS)
"""


def _tests(subjects: Sequence[Subject]) -> str:
    imported = ", ".join(sorted({CONTRACTS[subject.kind] for subject in subjects}))
    parts = [
        "import pytest",
        f"from django_redis_core.testing import {imported}",
        "from django_redis_core.testing.by_name import Subject, usable_location",
        "from django_redis_core.testing.observed import finds_damage, what_is_kept",
    ]
    for subject in subjects:
        title = "".join(map(str.capitalize, subject.kind.split("_")))
        start = ["", "", f"class Test{title}({CONTRACTS[subject.kind]}):"]
        start.append(f"    name = {subject.name!r}")
        if subject.kind in ON_SERVERS:
            parts += [
                "",
                "",
                f"{subject.kind} = {subject!r}",
                "",
                '@pytest.fixture(scope="module")',
                f"def {subject.kind}_location(request):",
                f"    return usable_location({subject.kind}, request)",
                *start,
                "",
                "    @pytest.fixture",
                f"    def location(self, {subject.kind}_location):",
                f"        return {subject.kind}_location",
                "",
                "    @pytest.fixture",
                "    def options(self):",
                f"        return {subject.kind}.in_options",
            ]
            if subject.kind == "client":
                # What nobody has stated: found out, and more keys than clients of ours remember.
                parts += ["", "    round_trips, remembered = None, 20_000"]
            continue
        parts += start
        parts.append(f"    options = {dict(subject.options)!r}")
        if subject.kind == "serializer":
            parts.append("    found = what_is_kept(name, options)")
            parts.append("    keeps, changes, partly = found.keeps, found.changes, found.partly")
        elif subject.kind == "compressor":
            parts.append("    checksum = finds_damage(name, options)")
        elif subject.kind == "sealer":
            parts.append(f"    other_options = {dict(subject.other_options)!r}")
    return "\n".join(parts) + "\n"


def usable_location(subject: Subject, request: pytest.FixtureRequest) -> Any:
    """The LOCATION to test on: the one that was given, or one of the kit's own server, of which
    the first is taken that the plugin can use. Where there is none, pytest ends with the reason."""
    import pytest

    from .processes import ServerError

    if subject.locations:
        places: list[Any] = [list(subject.locations)]
    else:
        try:
            places = list(_own_places(subject, request.getfixturevalue("redis_server")))
        except ServerError as error:
            pytest.exit(
                f"{subject.where} is tested on a server, and none can be started: {error}",
                returncode=int(pytest.ExitCode.USAGE_ERROR),
            )
    problems = []
    for place in places:
        problem = _problem(subject, place)
        if problem is None:
            return place
        problems.append(f"  {place}: {problem}")
    hint = "" if subject.locations else "\nSay where its servers are with --location URL."
    pytest.exit(
        "\n".join([f"{subject.where} cannot be used.", *problems])
        + hint
        + "\nOptions are given with --option NAME=JSON.",
        returncode=int(pytest.ExitCode.USAGE_ERROR),
    )


def _own_places(subject: Subject, server: Server) -> Iterator[str]:
    if subject.kind == "client":
        yield server.url
        return
    # A factory with a scheme of its own; one that is named in CONNECTION_FACTORY; one that needs no
    # address. The last comes last because it may stand for a server that is not the kit's, and the
    # suite empties databases.
    yield f"{subject.name}://{server.host}:{server.port}/0"
    yield server.url
    yield f"{subject.name}://"


def _problem(subject: Subject, location: Any) -> str | None:
    """Why a cache on ``location`` cannot be used, or None where it can."""
    from ..cache import RedisCache

    try:
        entry = {"KEY_PREFIX": "conformance", "OPTIONS": subject.in_options}
        with closing(RedisCache(location, entry)) as cache:
            cache.set("k", "value", 10)
            if cache.get("k") == "value":
                return None
            return "what was set is not read again"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def summarize(reporter: Any, subjects: Sequence[Subject]) -> None:
    """Writes what was found out by trying at the end of pytest's report."""
    from .observed import described, round_trips_described

    lines: list[str] = []
    for subject in subjects:
        if subject.kind == "client":
            lines += round_trips_described(subject.name)
        elif subject.kind in CONTRACTS and subject.kind not in ON_SERVERS:
            lines += described(subject.kind, subject.name, subject.options)
    if lines:
        reporter.section("to be documented")
        for line in lines:
            reporter.write_line(line)
