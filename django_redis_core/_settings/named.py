"""Which plugins an entry names, told from its text alone: nothing is looked up or imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .._options.redaction import shown
from .._plugins.catalogue import SENTINEL_CLIENTS, plugin_name
from ..connections.urls import SCHEMES, scheme_of
from .tables import PLUGIN_KEYS, SEVERAL

_HTTP = " (an address of HTTP, as Upstash has one beside redis:// or rediss://)"

#: What hosts hand out beside a URL that can be used, if no plugin has the scheme.
_OF_HOSTS = {
    "http": _HTTP,
    "https": _HTTP,
    "tcp": " (as Docker has it in the environment; write redis://)",
}


@dataclass(frozen=True, slots=True)
class Named:
    """A plugin as settings write it: a name, a dotted path or a class, with the options of its
    dict form. ``where`` says in errors which setting it was."""

    key: str
    kind: str
    where: str
    written: str | type[Any]
    options: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """What the registry calls it, or the dotted path of a class of the site's own."""
        if isinstance(self.written, str):
            return plugin_name(self.kind, self.written)
        return f"{self.written.__module__}.{self.written.__qualname__}"


def refusal(where: str, name: str, value: Any, words: str) -> ImproperlyConfigured:
    """The error for ``value``, which is not what ``name`` must be."""
    return ImproperlyConfigured(f"{where}: {name} must be {words}, not {shown(value, name)}.")


def named_plugins(
    where: str, options: Mapping[Any, Any], locations: Sequence[str]
) -> dict[str, list[Named]]:
    """The plugins of an entry, by the key that names them. Raises ImproperlyConfigured."""
    return {key: plugins_of(key, where, options, locations) for key in PLUGIN_KEYS}


def plugins_of(
    key: str, entry: str, options: Mapping[Any, Any], locations: Sequence[str]
) -> list[Named]:
    """The same of one key."""
    kind, default = PLUGIN_KEYS[key]
    where, value = f"{entry}: {key}", options.get(key)
    if key == "CLIENT" and options.get("CLIENT_CLASS") is not None:
        if value is not None:
            raise ImproperlyConfigured(
                f"{entry}: OPTIONS has both CLIENT and CLIENT_CLASS, which is django-redis' name "
                "of the same; leave one of them out."
            )
        where, value = f"{entry}: CLIENT_CLASS", options["CLIENT_CLASS"]
    if key == "CONNECTION_FACTORY" and value is None:
        where, value = _factory(entry, options, locations)
    if value is None:
        value = [] if default is None else default
    several = value if isinstance(value, list | tuple) else [value]
    if isinstance(value, list | tuple):
        if key not in SEVERAL:
            raise ImproperlyConfigured(f"{where} takes one plugin, not a {type(value).__name__}.")
        if not value and default is not None:
            raise ImproperlyConfigured(f"{where} is empty; write a plugin, or leave it out.")
    return [_one(where, key, kind, written) for written in several]


def _factory(
    entry: str, options: Mapping[Any, Any], locations: Sequence[str]
) -> tuple[str, str | None]:
    """What asks for a connection factory where CONNECTION_FACTORY does not."""
    if scheme := scheme_of(locations):
        close = get_close_matches(scheme, SCHEMES, 1)
        meant = f" (did you mean {close[0]}://?)" if close else _OF_HOSTS.get(scheme, "")
        return f"{entry}: the scheme of LOCATION{meant}", scheme
    everywhere = getattr(settings, "DJANGO_REDIS_CONNECTION_FACTORY", None)
    if everywhere is not None:
        return f"{entry}: settings.DJANGO_REDIS_CONNECTION_FACTORY", everywhere
    if key := names_sentinel_client(options):
        return f"{entry}: {key}", "sentinel"
    return f"{entry}: CONNECTION_FACTORY", None


def names_sentinel_client(options: Mapping[Any, Any]) -> str | None:
    """The key that names django-redis' sentinel client, which is the default client over a
    service's primary and replicas."""
    for key in ("CLIENT", "CLIENT_CLASS"):
        written = options.get(key)
        several = written if isinstance(written, list | tuple) else [written]
        if any(isinstance(one, str) and one in SENTINEL_CLIENTS for one in several):
            return key
    return None


def _one(where: str, key: str, kind: str, written: Any) -> Named:
    options: Any = None
    if isinstance(written, Mapping):
        if "NAME" not in written or set(written) - {"NAME", "OPTIONS"}:
            raise ImproperlyConfigured(
                f"{where}: a plugin in a dict is written {{'NAME': …, 'OPTIONS': {{…}}}}, with "
                f"nothing else in it; here are {', '.join(map(shown, written)) or 'no keys'}."
            )
        written, options = written["NAME"], written.get("OPTIONS")
        if options is not None and not (
            isinstance(options, Mapping) and all(isinstance(name, str) for name in options)
        ):
            raise refusal(where, f"OPTIONS of {shown(written)}", options, "a dict with str keys")
    if not isinstance(written, str | type) or not written:
        entry, _, name = where.rpartition(": ")
        raise refusal(
            entry, name, written, "a plugin's name, a dict of NAME and OPTIONS, or a class"
        )
    return Named(key, kind, where, written, dict(options or {}))
