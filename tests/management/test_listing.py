"""``plugins`` tells which code a site runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

from django_redis_core.commands import Operation
from django_redis_core.interfaces import Client, operation

from .conftest import Ran


def lines_of(ran: Ran) -> dict[tuple[str, str], dict[str, Any]]:
    return {(line["kind"], line["name"]): line for line in ran.json["plugins"]}


def test_each_plugin_has_its_caches(site: Callable[..., Any], manage: Callable[..., Ran]) -> None:
    site(default={"OPTIONS": {"SERIALIZER": ["json", "pickle"]}}, other={})
    ran = manage("plugins", "--json")
    found = lines_of(ran)
    assert found["serializer", "pickle"]["aliases"] == ["default", "other"]
    json = found["serializer", "json"]
    assert (json["distribution"], json["aliases"]) == ("django-redis-core-json", ["default"])
    assert json["file"].endswith("serializer.py")
    assert json["version"]
    assert found["client", "shard"]["aliases"] == []
    assert ran.code == 0

    of_one = lines_of(manage("plugins", "--alias", "other", "--json"))
    assert {name for _, name in of_one} == {"pickle", "identity", "none", "single", "default"}


def test_operations_that_plugins_add_are_listed(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    class Stamping(Client):
        name = "stamping"

        @operation(fallback=None)
        def stamp(self, key: Any) -> Operation[None]:
            """Stamps an entry."""
            yield from ()

    site(default={"OPTIONS": {"CLIENT": Stamping}}, other={})
    assert manage("plugins", "--json").json["operations"] == {"default": ["stamp"]}
    assert "default: stamp" in manage("plugins").out


LISTED = """
import sys
import django
from django.conf import settings
from django.core.management import call_command

backend = "django_redis_core.cache.RedisCache"
settings.configure(
    INSTALLED_APPS=["django_redis_core"],
    CACHES={"default": {"BACKEND": backend, "LOCATION": "redis://127.0.0.1:1/0"}},
)
django.setup()
call_command("redis_cache", "plugins")
print([name for name in sys.modules if name.startswith("django_redis_core_")])
"""


def test_what_is_not_used_is_not_imported() -> None:
    """In a process of its own: in this one other tests have used the plugins."""
    ran = subprocess.run(
        [sys.executable, "-c", LISTED], capture_output=True, text=True, check=True, timeout=60
    )
    *listing, imported = ran.stdout.splitlines()
    assert any(" lzma " in f" {line} " or line.startswith("lzma") for line in listing)
    assert imported == "[]"


def test_problems_are_told_and_the_listing_goes_on(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    site(
        default={},
        typo={"OPTIONS": {"SERIALISER": "json"}},
        missing={"OPTIONS": {"COMPRESSOR": "brotli"}},
    )
    ran = manage("plugins", "--json")
    assert lines_of(ran)["compressor", "brotli"]["error"] == "not installed"
    refused = {entry["alias"]: entry["error"] for entry in ran.json["refused"]}
    assert "Did you mean 'SERIALIZER'" in refused["typo"]
    assert "no compressor named 'brotli'" in refused["missing"]
    assert "default" not in refused

    ran = manage("plugins")
    assert (ran.code, ran.error) == (1, "2 problems with plugins.")
    text = ran.out
    assert "no compressor named 'brotli'" in text
    assert "brotli: not installed" not in text, "one fault is told once"
    assert "\x1b" not in text
    header, *rows = text.splitlines()
    place = header.index("KIND")
    pickle = next(row for row in rows if row.startswith("pickle"))
    assert pickle[place:].startswith("serializer")


def test_an_alias_that_is_not_ours_is_refused(
    site: Callable[..., Any], manage: Callable[..., Ran]
) -> None:
    site(default={}, memory={"BACKEND": "django.core.cache.backends.locmem.LocMemCache"})
    for alias in ("memory", "nothing"):
        for command in (["plugins"], ["doctor"], ["get", "k"], ["recode"]):
            ran = manage(*command, "--alias", alias)
            assert ran.code == 2
            assert f"{alias!r} is no cache of this package" in ran.error
            assert "there is default" in ran.error
