"""The plugins that are no part of a cache: ``DJANGO_REDIS_PLUGINS`` lists them."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .._options.redaction import shown
from .._plugins.registry import Registry, registry

#: The setting.
LISTED = "DJANGO_REDIS_PLUGINS"


def load_listed(plugins: Registry = registry) -> None:
    """Has the hooks of the listed plugins registered, and those of others no more. It is asked
    before hooks are called: what is loaded already costs a look at the setting. Raises
    ImproperlyConfigured."""
    written = getattr(settings, LISTED, ())
    where = f"settings.{LISTED}"
    if not isinstance(written, list | tuple):
        raise ImproperlyConfigured(
            f"{where} must be a list of plugins' names and of dotted paths of modules, not "
            f"{shown(written, LISTED)}."
        )
    for one in written:
        plugins.load(one, where)
    plugins.listed = frozenset(written)
