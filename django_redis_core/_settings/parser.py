"""Checks a CACHES entry, option by option."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .._options.option import UNSET, Option, constructor_keywords, nearest
from .._options.redaction import explained, secrets_in, shown
from .._plugins.registry import Registry, registry
from ..connections import ConnectionOptions
from ..connections.urls import locations_of, scheme_of
from ..interfaces import OLDER_API_VERSIONS
from .mistakes import Collected
from .model import CacheOptions, PluginUse
from .named import Named, names_sentinel_client, plugins_of, refusal
from .tables import (
    CACHE_OPTIONS,
    CONNECTION_OPTIONS,
    ENTRY_OPTIONS,
    PLUGIN_KEYS,
    PLUGIN_OPTIONS,
    WITHOUT_EFFECT,
)
from .unknown import misplaced

#: Where LOCATION cannot be read, a URL that asks for no connection factory.
_ANY = "redis://"


def parse(
    alias: str, location: Any, params: Mapping[str, Any], plugins: Registry = registry
) -> CacheOptions:
    """Checks an entry of CACHES. Raises ImproperlyConfigured, or its subclass PluginError; several
    mistakes are told at once, as ``Mistakes``."""
    where = f"CACHES[{alias!r}]"
    # Django reads a lower-case "timeout" too.
    entry = {str(name).upper(): value for name, value in params.items()}
    options = entry.get("OPTIONS")
    if options is not None and not isinstance(options, Mapping):
        raise refusal(where, "OPTIONS", options, "a dict")
    options = dict(options or {})
    mistakes = Collected()
    tried = mistakes.tried
    locations = tried(locations_of, where, location, default=())
    before = len(mistakes.found)
    uses: dict[str, list[PluginUse]] = {}
    for key in PLUGIN_KEYS:
        named = tried(plugins_of, key, where, options, locations or (_ANY,), default=())
        made = [tried(_use, one, plugins) for one in named]
        uses[key] = [use for use in made if use is not None]
    complete = len(mistakes.found) == before
    found = [use for of_key in uses.values() for use in of_key]
    taken = {option.name for use in found for option in use.plugin.options}
    mistakes.found += misplaced(where, entry, options, taken, complete=complete)
    built = {
        key: tuple(tried(_with_options, use, where, options) for use in of_key)
        for key, of_key in uses.items()
    }
    for option in PLUGIN_OPTIONS:
        if option.name not in taken:
            tried(_value, option, where, options)
    values = {
        option.keyword: tried(_value, option, where, written)
        for table, written in ((ENTRY_OPTIONS, entry), (CACHE_OPTIONS, options))
        for option in table
    }
    connection = _connection(where, options, mistakes)
    if mistakes.found and connection is not None:  # whoever puts the cache together will not come
        for url in locations:
            if scheme_of([url]) is None:
                tried(connection.server, url)
    mistakes.tell()
    deprecated = tuple(_deprecations(where, options, found))
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
        observers=built["OBSERVERS"],
        connection=connection,  # type: ignore[arg-type]  # without mistakes it is there
        unused=tuple(name for name in options if name in optional - taken),
        deprecated=deprecated,
        **values,
    )


def _deprecations(
    where: str, options: Mapping[Any, Any], uses: Iterable[PluginUse]
) -> Iterable[str]:
    """A message for each thing in an entry that will not work for ever."""
    for option in (*CACHE_OPTIONS, *CONNECTION_OPTIONS):
        if option.deprecated is not None and option.name in options:
            yield option.deprecated.message(f"{where}: {option.name}")
    for use in uses:
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


def _connection(
    where: str, options: Mapping[Any, Any], mistakes: Collected
) -> ConnectionOptions | None:
    """None where a value of it is a mistake."""
    before = len(mistakes.found)
    values = {
        option.keyword: mistakes.tried(_value, option, where, options)
        for option in CONNECTION_OPTIONS
    }
    if len(mistakes.found) > before:
        return None
    if values["read_from"] is None and names_sentinel_client(options):
        values["read_from"] = "replicas"
    return ConnectionOptions(where, **values)


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
