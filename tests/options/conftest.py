"""Entries of CACHES, checked without a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_redis_core._engine import assembly
from django_redis_core._settings import CacheOptions, parse

URL = "redis://localhost:6379/0"


def parsed(
    options: Any = None, location: Any = URL, *, alias: str = "default", **entry: Any
) -> CacheOptions:
    return parse(alias, location, {"OPTIONS": options, **entry} if options is not None else entry)


def refusal(options: Any = None, location: Any = URL, **entry: Any) -> str:
    """The words of the error; every one says which cache it is about."""
    with pytest.raises(ImproperlyConfigured) as caught:
        assembly.Engine(parsed(options, location, alias="shop", **entry))
    message = str(caught.value)
    assert message.startswith("CACHES['shop']"), message
    return message


@pytest.fixture(autouse=True)
def settings() -> Iterator[Any]:
    """Django's settings, to be changed; what was built from them is forgotten afterwards."""
    with override_settings():
        from django.conf import settings

        yield settings
    assembly._engines.clear()
