"""What is deprecated works, warns with its date, and is a line of ``manage.py check``."""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.test import override_settings

from django_redis_core import checks, interfaces
from django_redis_core.cache import RedisCache
from django_redis_core.exceptions import PluginLoadError
from django_redis_core.interfaces import Compressor, Deprecation, Option, integer
from django_redis_core.interfaces.plugin import OLDER_API_VERSIONS

ROOT = Path(__file__).parents[2]
DATE = datetime.date(2028, 1, 31)


class Halving(Compressor):
    """Compresses nothing."""

    name = "halving"
    magic = (b"HALF",)
    options: ClassVar[tuple[Option, ...]] = (
        Option("HALVING_LEVEL", "level", integer(1), default=1),
        Option(
            "HALVING_EFFORT",
            "effort",
            integer(1),
            deprecated=Deprecation("1.3", DATE, "Write HALVING_LEVEL instead."),
        ),
    )

    def __init__(self, *, level: int = 1, effort: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.level = effort or level

    def compress(self, data: bytes) -> bytes:
        return b"HALF" + data

    def decompress(self, data: bytes) -> bytes:
        return data[4:]


class Ending(Halving):
    name = "ending"
    deprecated = Deprecation("1.4", DATE, "Use 'zlib'.")


class Older(Halving):
    name = "older"
    api_version = 0


def make(compressor: Any, **options: Any) -> RedisCache:
    return RedisCache("redis://localhost/0", {"OPTIONS": {"COMPRESSOR": compressor, **options}})


def checked(**options: Any) -> list[tuple[str | None, str]]:
    entry = {
        "BACKEND": "django_redis_core.cache.RedisCache",
        "LOCATION": "redis://localhost/0",
        "OPTIONS": options,
    }
    with override_settings(CACHES={"default": entry}):
        return [(message.id, message.msg) for message in checks.check_caches()]


@pytest.fixture
def older_version() -> Iterator[None]:
    versions: Any = OLDER_API_VERSIONS
    versions[0] = Deprecation("1.5", DATE, "Update the plugin.")
    yield
    del versions[0]


def test_what_is_not_deprecated_is_quiet() -> None:
    make(Halving, HALVING_LEVEL=2)
    assert checked(COMPRESSOR=Halving, HALVING_LEVEL=2) == []


@pytest.mark.parametrize(
    ("compressor", "options", "what"),
    [
        (Halving, {"HALVING_EFFORT": 3}, "HALVING_EFFORT"),
        ({"NAME": Halving, "OPTIONS": {"effort": 3}}, {}, "'halving': effort"),
    ],
)
def test_an_option_works_and_warns_with_its_date(
    compressor: Any, options: dict[str, Any], what: str
) -> None:
    with pytest.warns(DeprecationWarning, match="deprecated since 1.3") as caught:
        cache = make(compressor, **options)
    [warning] = caught
    message = str(warning.message)
    assert what in message
    assert message.endswith(
        "is deprecated since 1.3, and works in every release until 2028-01-31. "
        "Write HALVING_LEVEL instead."
    )
    assert cache._engine.options.compressors[0].build().level == 3  # type: ignore[attr-defined]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_check_names_the_cache() -> None:
    [(number, message)] = checked(COMPRESSOR=Halving, HALVING_EFFORT=3)
    assert number == "django_redis_core.W006"
    assert message.startswith("CACHES['default']: HALVING_EFFORT is deprecated since 1.3")


def test_a_whole_plugin() -> None:
    with pytest.warns(DeprecationWarning, match=r"'ending' is deprecated since 1\.4.*Use 'zlib'"):
        make(Ending)


def test_an_older_plugin_interface(older_version: None) -> None:
    with pytest.warns(DeprecationWarning, match="version 0 of the plugin interface is deprecated"):
        make(Older)


def test_one_that_is_no_longer_spoken_is_refused() -> None:
    with pytest.raises(PluginLoadError, match="was written for version 0"):
        make(Older)


def test_the_page_says_the_versions_that_are_required() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    page = (ROOT / "docs" / "compatibility.md").read_text()
    floors = dict(re.findall(r"^\| (Python|Django|redis-py) \| ([\d.]+) \|", page, re.MULTILINE))
    required = " ".join(project["dependencies"])
    assert project["requires-python"] == f">={floors['Python']}"
    assert f"django>={floors['Django']}" in required
    assert f"redis>={floors['redis-py']}," in required


def test_nothing_is_deprecated_past_its_date() -> None:
    """The page says that nothing is; what is added one day has its date there."""
    assert interfaces.OLDER_API_VERSIONS == {}
