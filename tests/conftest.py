"""Django as the project's own tests need it, and the fixtures of the kit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import django
import hypothesis
import pytest
from django.conf import settings

from django_redis_core import hookimpl, register
from django_redis_core._plugins.registry import registry

pytest_plugins = ["django_redis_core.testing.fixtures"]

# What stands there is for other packages' suites, in environments of their own.
collect_ignore = ["ecosystem"]

# pytest-asyncio asks for the current loop before each of its tests. Until somebody has set one,
# Python before 3.14 makes one for that, which nobody closes.
asyncio.set_event_loop(None)

# An example may take what a busy machine takes for it; Hypothesis's own deadline is 0.2 s.
hypothesis.settings.register_profile("busy", deadline=None)
hypothesis.settings.load_profile("busy")

if not settings.configured:
    settings.configure(
        SECRET_KEY="for tests",
        USE_TZ=True,
        ALLOWED_HOSTS=["testserver"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django.contrib.sessions"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        ROOT_URLCONF="",
    )
    django.setup()


@pytest.fixture
def acting() -> Iterator[Callable[..., object]]:
    """``acting("acme 1.0", examine=function, …)``: an object with these hooks, registered in this
    process for one test."""
    made: list[object] = []

    def make(source: str = "acme 1.0", **hooks: Any) -> object:
        marked = {
            name: staticmethod(hook if hasattr(hook, "django_redis_core_impl") else hookimpl(hook))
            for name, hook in hooks.items()
        }
        plugin = type("Acting", (), marked)
        register(plugin, source)
        made.append(plugin)
        return plugin

    yield make
    for plugin in made:
        registry.manager.unregister(plugin)
    registry._hooked[:] = [one for one in registry._hooked if one.plugin not in made]
