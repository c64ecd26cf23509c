"""Checks a CACHES entry, option by option."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .._options.option import UNSET, Option, constructor_keywords, nearest
from .._options.redaction import explained, secrets_in, shown
from .._plugins.catalogue import OURS
from .._plugins.registry import Registry, registry
from ..connections import ConnectionOptions
from ..connections.urls import locations_of
from ..interfaces import OLDER_API_VERSIONS
from .model import CacheOptions, PluginUse
from .named import Named, named_plugins, names_sentinel_client, refusal
from .tables import (
    CACHE_OPTIONS,
    CONNECTION_OPTIONS,
    ENTRY_OPTIONS,
    PLUGIN_KEYS,
    PLUGIN_OPTIONS,
    WITHOUT_EFFECT,
)

_IN_ENTRY = {option.name for option in ENTRY_OPTIONS}
_IN_OPTIONS = {
    *PLUGIN_KEYS,
    "CLIENT_CLASS",
    *(option.name for option in (*CACHE_OPTIONS, *CONNECTION_OPTIONS, *PLUGIN_OPTIONS)),
}


def parse(
    alias: str, location: Any, params: Mapping[str, Any], plugins: Registry = registry
) -> CacheOptions:
    """Checks an entry of CACHES. Raises ImproperlyConfigured, or its subclass PluginError."""
    where = f"CACHES[{alias!r}]"
    # Django reads a lower-case "timeout" too.
    entry = {str(name).upper(): value for name, value in params.items()}
    options = entry.get("OPTIONS")
    if options is not None and not isinstance(options, Mapping):
        raise refusal(where, "OPTIONS", options, "a dict")
    options = dict(options or {})
    locations = locations_of(where, location)
    uses = {
        key: [_use(named, plugins) for named in of_key]
        for key, of_key in named_plugins(where, options, locations).items()
    }
    taken = {
        option.name for of_key in uses.values() for use in of_key for option in use.plugin.options
    }
    _refuse_unknown(where, entry, options, taken)
    built = {
        key: tuple(_with_options(use, where, options) for use in of_key)
        for key, of_key in uses.items()
    }
    for option in PLUGIN_OPTIONS:
        if option.name not in taken:
            _value(option, where, options)
    deprecated = tuple(_deprecations(where, options, uses))
    for message in deprecated:
        warnings.warn(message, DeprecationWarning, stacklevel=2)
    optional = WITHOUT_EFFECT | {option.name for option in PLUGIN_OPTIONS}
    return CacheOptions(
        alias=alias,
        locations=locations,
        clients=built["CLIENT"],
        serializers=built["SERIALIZER"],
        compressors=built["COMPRESSOR"],
        sealer=built["SEALER"][0],
        connection_factory=built["CONNECTION_FACTORY"][0],
        connection=_connection(where, options),
        unused=tuple(name for name in options if name in optional - taken),
        deprecated=deprecated,
        **_values(ENTRY_OPTIONS, where, entry),
        **_values(CACHE_OPTIONS, where, options),
    )


def _deprecations(
    where: str, options: Mapping[Any, Any], uses: Mapping[str, Sequence[PluginUse]]
) -> Iterable[str]:
    """A message for each thing in an entry that will not work for ever."""
    for option in (*CACHE_OPTIONS, *CONNECTION_OPTIONS):
        if option.deprecated is not None and option.name in options:
            yield option.deprecated.message(f"{where}: {option.name}")
    for use in (use for of_key in uses.values() for use in of_key):
        plugin = use.plugin
        name = f"{use.where}: {plugin.name!r}"
        if plugin.deprecated is not None:
            yield plugin.deprecated.message(name)
        if plugin.api_version in OLDER_API_VERSIONS:
            older = OLDER_API_VERSIONS[plugin.api_version]
            yield older.message(f"{name}: version {plugin.api_version} of the plugin interface")
        for option in plugin.options:
            if option.deprecated is not None:
                if option.name in options:
                    yield option.deprecated.message(f"{where}: {option.name}")
                if option.keyword in use.options:
                    yield option.deprecated.message(f"{name}: {option.keyword}")


def _connection(where: str, options: Mapping[Any, Any]) -> ConnectionOptions:
    values = _values(CONNECTION_OPTIONS, where, options)
    if values["read_from"] is None and names_sentinel_client(options):
        values["read_from"] = "replicas"
    return ConnectionOptions(where, **values)


def _values(table: Sequence[Option], where: str, written: Mapping[Any, Any]) -> dict[str, Any]:
    return {option.keyword: _value(option, where, written) for option in table}


def _value(option: Option, where: str, written: Mapping[Any, Any]) -> Any:
    """From ``written``, else the global setting, else the default."""
    name = option.name
    if name in written:
        value = written[name]
    elif option.setting is not None and hasattr(settings, option.setting):
        name, value = f"settings.{option.setting}", getattr(settings, option.setting)
    else:
        return option.default
    return _checked(option, where, name, value)


def _checked(option: Option, where: str, name: str, value: Any) -> Any:
    try:
        checked = option.check(value)
    except (TypeError, ValueError) as error:
        words, cause = explained(error, secrets_in({name: value}))
    else:
        return option.default if checked is UNSET else checked
    raise refusal(where, name, value, words) from cause


def _use(named: Named, plugins: Registry) -> PluginUse:
    """The plugin with the options of its dict form."""
    plugin = plugins.plugin(named.kind, named.written, named.where)
    accepted = constructor_keywords(plugin)
    declared = {option.keyword: option for option in plugin.options}
    checked = {}
    for name, value in named.options.items():
        if name not in accepted:
            raise ImproperlyConfigured(
                f"{named.where}: {plugin.name!r} has no option {shown(name)}."
                f"{nearest(name, accepted)} It has: {', '.join(sorted(accepted)) or 'none'}."
            )
        if name in declared:
            value = _checked(declared[name], named.where, f"{name} of {plugin.name}", value)
        checked[name] = value
    return PluginUse(plugin, checked, named.where)


def _with_options(use: PluginUse, where: str, options: Mapping[Any, Any]) -> PluginUse:
    """``use`` with the names that the plugin adds to OPTIONS, beside those of its dict."""
    arguments = dict(use.options)
    for option in use.plugin.options:
        if option.keyword not in arguments:
            value = _value(option, where, options)
            if value is not None:
                arguments[option.keyword] = value
    return PluginUse(use.plugin, arguments, use.where)


def _refuse_unknown(
    where: str, entry: Mapping[str, Any], options: Mapping[Any, Any], taken: set[str]
) -> None:
    known = _IN_OPTIONS | taken
    for name in options:
        if name in known or name in WITHOUT_EFFECT:
            continue
        if name in _IN_ENTRY:
            raise ImproperlyConfigured(
                f"{where}: {name} stands in OPTIONS, but belongs into the entry itself, beside "
                "OPTIONS."
            )
        hint = _of_another_plugin(str(name), taken) or nearest(str(name), known)
        if not hint and isinstance(name, str) and name.islower():
            hint = " Arguments of redis-py's connections go into CONNECTION_POOL_KWARGS."
        raise ImproperlyConfigured(f"{where}: OPTIONS has an unknown key {shown(name)}.{hint}")
    # Django ignores what it does not know here, so sites may keep notes of their own; but an
    # option one level too high, or mistyped, would be ignored as well.
    for name in entry:
        if name in known:
            raise ImproperlyConfigured(f"{where}: {name} belongs into OPTIONS.")
        if name not in _IN_ENTRY | {"OPTIONS", "LOCATION", "BACKEND"} | WITHOUT_EFFECT:
            hint = nearest(name, {*_IN_ENTRY, "OPTIONS", "LOCATION"}, 0.8)
            if hint:
                raise ImproperlyConfigured(f"{where} has an unknown key {shown(name)}.{hint}")


def _of_another_plugin(name: str, taken: Iterable[str]) -> str:
    """That an option begins like those of a plugin of ours which the cache does not use."""
    prefix, underscore, _ = name.partition("_")
    plugin = prefix.lower()
    if not underscore or plugin not in OURS or any(one.startswith(f"{prefix}_") for one in taken):
        return ""
    return f" It looks like an option of the plugin {plugin!r}, which this cache does not use."
