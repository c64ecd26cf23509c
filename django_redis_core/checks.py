"""System checks of the caches in settings: every mistake of every cache, before the first request.

Registered when this module is imported: by the backend, and by ``INSTALLED_APPS`` for a
``manage.py check`` that has not made a cache yet. Django has checks of its own that make every
cache and stop at the first error; ``manage.py check --tag django_redis_core`` lists them all.

No I/O: a cache is put together, and nothing is connected.
"""

from __future__ import annotations

import copy
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Error, Tags
from django.core.exceptions import ImproperlyConfigured

from ._engine.assembly import Engine, engine_for
from ._engine.built import ask
from ._interrupts import struck
from ._plugins.registry import registry
from ._settings import backend_of, load_listed, our_entries, unknown_settings
from .connections.config import ServerConfig, frozen
from .connections.counterparts import missing, missing_for_clients
from .connections.node import Node
from .connections.urls import OF_RAW_CLIENTS, verifies_nothing
from .exceptions import PluginConflict, PluginLoadError, PluginNotFound, RedisCacheError

TAG = "django_redis_core"

_ERRORS: tuple[tuple[type[ImproperlyConfigured], str, str], ...] = (
    (PluginNotFound, "E002", "Install the distribution that offers it, or correct the name."),
    (PluginConflict, "E003", "Uninstall all but one of the distributions that offer the name."),
    (PluginLoadError, "E004", "Install a release of the plugin that fits, or name another plugin."),
    (ImproperlyConfigured, "E001", "Correct the entry in the CACHES setting."),
)


@checks.register(Tags.caches, TAG)  # type: ignore[untyped-decorator]
def check_caches(**kwargs: Any) -> list[CheckMessage]:
    """E001 to E004, the settings that are refused; W001, W002, W004 to W006, W009 and W010,
    what is probably not meant; I001, what asyncio will refuse; what plugins say by
    ``check_cache``, and W008 for one that cannot say it."""
    engines, found = _engines()
    found += _shared_prefixes(engines)
    for alias, engine in engines.items():
        found += _unverified_tls(alias, engine)
        found += _without_effect(alias, engine)
        found += _refused_on_asyncio(alias, engine)
        found += _deprecations(engine)
        found += _overrides(alias)
        found += _forgotten(alias, engine)
        found += _said_by_plugins(alias, engine)
    found += _unknown_settings(engines)
    return found


@checks.register(Tags.caches, TAG)  # type: ignore[untyped-decorator]
def check_one_django_redis(**kwargs: Any) -> list[CheckMessage]:
    """E005: two distributions provide the import name ``django_redis``. It is told here, because
    of two that wrote the same files neither can be sure that its own code runs."""
    # Looked up here, for what is wanted at start-up alone costs every process.
    from importlib.metadata import PackageNotFoundError, version

    try:
        ours, theirs = version("django-redis-core-compat"), version("django-redis")
    except PackageNotFoundError:
        return []
    return [
        Error(
            f"django-redis {theirs} and django-redis-core-compat {ours} are both installed. Both "
            "provide the import name django_redis, from files that overwrite each other.",
            hint="Uninstall both, then install the one that you mean.",
            id=f"{TAG}.E005",
        )
    ]


# Only for a deployment: it looks at what is installed (18 ms), and a site that names none but
# built-in plugins is otherwise never made to.
@checks.register(Tags.caches, TAG, deploy=True)  # type: ignore[untyped-decorator]
def check_built_in_names(**kwargs: Any) -> list[CheckMessage]:
    """W007, for ``check --deploy``: what is installed under a built-in's name is not what caches
    use."""
    if not any(our_entries()):
        return []
    return [
        checks.Warning(
            f"{line.distribution} {line.version} offers a {line.kind.replace('_', ' ')} named "
            f"{line.name!r}, which is {line.error}.",
            hint="Uninstall it, or name its class by its dotted path.",
            id=f"{TAG}.W007",
        )
        for line in registry.shadowed()
    ]


@checks.register(  # type: ignore[untyped-decorator]
    Tags.caches, Tags.security, TAG, deploy=True
)
def check_plain_connections(**kwargs: Any) -> list[CheckMessage]:
    """W003, for ``check --deploy``: passwords and values cross the network as plain text."""
    found: list[CheckMessage] = []
    for alias, engine in _engines()[0].items():
        plain = sorted({node.name for node in _nodes(engine) if _is_plain(node.config)})
        if plain:
            found.append(
                checks.Warning(
                    f"CACHES[{alias!r}]: the connection to {', '.join(plain)} is not encrypted.",
                    hint="Use rediss://, or silence this where the network itself is trusted.",
                    obj=None,
                    id=f"{TAG}.W003",
                )
            )
    return found


def _engines() -> tuple[dict[str, Engine], list[CheckMessage]]:
    """The caches that can be made, by alias, and an error for each that cannot."""
    engines: dict[str, Engine] = {}
    found: list[CheckMessage] = []
    try:
        load_listed()
    except ImproperlyConfigured as error:  # which is that of every cache
        return engines, [_refused(error)] if any(our_entries()) else []
    for alias, location, params in our_entries():
        try:
            engines[alias] = engine_for(location, params)
        except ImproperlyConfigured as error:
            found.append(_refused(error))
        except Exception as error:  # of a plugin: what is wrong with other caches is told as well
            if struck(error):
                raise
            found.append(_failed(alias, error))
    return engines, found


def _refused(error: ImproperlyConfigured) -> CheckMessage:
    number, hint = next((n, h) for kind, n, h in _ERRORS if isinstance(error, kind))
    return Error(str(error), hint=hint, id=f"{TAG}.{number}")


def _failed(alias: str, error: Exception) -> CheckMessage:
    """Without the error's text, which may quote a URL, and in it a password."""
    return Error(
        f"CACHES[{alias!r}]: a plugin raised {type(error).__name__} {_place_of(error)}.",
        hint=f"django.core.cache.caches[{alias!r}] in a shell shows the whole traceback.",
        id=f"{TAG}.E004",
    )


def _place_of(error: BaseException) -> str:
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    return f"in {frame.f_code.co_filename}, line {line}"


def _said_by_plugins(alias: str, engine: Engine) -> Iterable[CheckMessage]:
    """Each message with the cache's name, whoever has left it out."""
    where = f"CACHES[{alias!r}]"
    for answer in ask(engine, "check_cache", _messages, options=engine.options):
        if answer.error is not None:
            yield checks.Warning(
                f"{where}: {answer.trouble(_place_of(answer.error))}.",
                hint="Install a release of the plugin that mends it.",
                id=f"{TAG}.W008",
            )
        for message in answer.value or ():
            if where not in message.msg:
                message = copy.copy(message)
                message.msg = f"{where}: {message.msg}"
            yield message


def _messages(returned: Any) -> list[CheckMessage]:
    """What ``check_cache`` returned, or Nonsense."""
    # Here, for a process that checks nothing makes do without.
    from ._plugins.asking import Nonsense, many

    found = many(CheckMessage, "messages of django.core.checks")(returned)
    for message in found:
        if not isinstance(message.id, str) or message.id.partition(".")[0] in ("", TAG):
            raise Nonsense(
                f"returned a message with the id {message.id!r}; it must have one of the plugin's "
                'own, such as "acme_audit.W001"'
            )
    return found


def _shared_prefixes(engines: Mapping[str, Engine]) -> Iterable[CheckMessage]:
    seen: dict[tuple[Any, ...], str] = {}
    for alias, engine in engines.items():
        for place in _places(engine):
            identity = (place, engine.options.key_prefix, engine.options.key_function)
            other = seen.setdefault(identity, alias)
            if other != alias:
                yield checks.Warning(
                    f"CACHES[{other!r}] and CACHES[{alias!r}] share a database and a KEY_PREFIX, "
                    "so that each reads and overwrites the other's keys, and clear() empties both.",
                    hint="Give each a KEY_PREFIX or a database of its own.",
                    id=f"{TAG}.W001",
                )
                break
    nested = {
        (alias, other): None
        for (place, prefix, function), alias in seen.items()
        for (where, longer, how), other in seen.items()
        if (where, how) == (place, function) and longer.startswith(f"{prefix}:")
    }
    for alias, other in nested:
        yield checks.Warning(
            f"The KEY_PREFIX of CACHES[{other!r}] is that of CACHES[{alias!r}] with more behind a "
            f"colon, so that clear() of {alias!r} removes the keys of {other!r} too.",
            hint="Let none begin with another and a colon: shop and shop-eu, not shop:eu.",
            id=f"{TAG}.W001",
        )


def _unverified_tls(alias: str, engine: Engine) -> Iterable[CheckMessage]:
    given = [node.config.kwargs for node in _nodes(engine) if _is_tls(node.config)]
    if any(verifies_nothing(kwargs) for kwargs in given):
        yield checks.Warning(
            f"CACHES[{alias!r}]: ssl_cert_reqs is none, so whoever is in between can be the server "
            "and read the password.",
            hint="Leave ssl_cert_reqs out, and name the authority in ssl_ca_certs.",
            id=f"{TAG}.W002",
        )
    elif any(kwargs.get("ssl_check_hostname") is False for kwargs in given):
        yield checks.Warning(
            f"CACHES[{alias!r}]: ssl_check_hostname is False, so whoever has any certificate of "
            "the authority can be the server and read the password.",
            hint="Leave ssl_check_hostname out, unless the authority signs your servers alone.",
            id=f"{TAG}.W002",
        )


def _without_effect(alias: str, engine: Engine) -> Iterable[CheckMessage]:
    if engine.options.unused:
        yield checks.Warning(
            f"CACHES[{alias!r}]: {', '.join(engine.options.unused)} in OPTIONS has no effect with "
            "the plugins in use.",
            hint="Take it out, or name the plugin that it is for.",
            id=f"{TAG}.W004",
        )
    given = {
        name
        for config in _configs(engine)
        for name, value in {**config.kwargs, **config.pool_kwargs}.items()
        if value != OF_RAW_CLIENTS.get(name, value)
    }
    if given:
        yield checks.Warning(
            f"CACHES[{alias!r}]: {', '.join(sorted(given))} in LOCATION, CONNECTION_POOL_KWARGS or "
            "PARSER_CLASS has no effect on what the cache sends and reads itself.",
            hint="It is for get_redis_connection()'s clients: take it out, unless such clients are "
            "used, and silence this check there.",
            id=f"{TAG}.W004",
        )


def _refused_on_asyncio(alias: str, engine: Engine) -> Iterable[CheckMessage]:
    configs = _configs(engine)
    if _nodes(engine):
        calls = any(map(missing, configs))
    else:
        # In those pools are redis-py's clients alone.
        calls = any(missing(replace(config, pool_class=None)) for config in configs)
    for reason in dict.fromkeys(map(missing_for_clients, configs)):
        if reason is not None:
            where = "calls" if calls else "get_async_redis_connection"
            yield checks.Info(
                f"CACHES[{alias!r}]: on asyncio {where} will be refused: {reason}.",
                hint="Silence this where the cache is used in blocking code only.",
                id=f"{TAG}.I001",
            )


def _deprecations(engine: Engine) -> Iterable[CheckMessage]:
    for message in engine.options.deprecated:
        yield checks.Warning(message, id=f"{TAG}.W006")


def _overrides(alias: str) -> Iterable[CheckMessage]:
    backend = backend_of(alias)
    names, costs = backend._costs()
    if names:
        yield checks.Warning(
            f"CACHES[{alias!r}]: {backend.__module__}.{backend.__qualname__} overrides "
            f"{', '.join(names)}, which costs: {'; '.join(costs)}.",
            hint="A client plugin changes an operation in blocking code, on asyncio and in "
            "pipelines at once, and costs none of this. Where it has to be a subclass, silence "
            "this check.",
            id=f"{TAG}.W009",
        )


def _forgotten(alias: str, engine: Engine) -> Iterable[CheckMessage]:
    # Here, for a process that checks nothing reads no source.
    from ._engine.forgotten import forgotten

    parts = ((engine.client, engine.operations), (engine.topology, ()))
    for one in (one for part, operations in parts for one in forgotten(part, operations)):
        plugin = f"{one.owner.__module__}.{one.owner.__qualname__}"
        yield checks.Warning(
            f"CACHES[{alias!r}]: {plugin}.{one.method}() calls {one.called}() in {one.place}, and "
            f"{one.what}.",
            hint=f"Write `yield from {one.called}(…)` there.",
            id=f"{TAG}.W010",
        )


def _unknown_settings(engines: Mapping[str, Engine]) -> Iterable[CheckMessage]:
    plugins = [use.plugin for engine in engines.values() for use in engine.options.plugins()]
    for name, nearest in unknown_settings(plugins):
        yield checks.Warning(
            f"settings.{name} is not a setting of django-redis-core or of a plugin in use.",
            hint=f"Did you mean {nearest}?" if nearest else "Take it out.",
            id=f"{TAG}.W005",
        )


def _nodes(engine: Engine) -> Sequence[Node]:
    try:
        return engine.topology.nodes()
    except RedisCacheError:  # these servers are found out by asking, which a check must not
        return ()


def _configs(engine: Engine) -> list[ServerConfig]:
    """Those of its servers; where they are found out by asking, one of which all have the most."""
    if nodes := _nodes(engine):
        return [node.config for node in nodes]
    try:
        return [engine.options.connection.server("redis://localhost")]
    except ImproperlyConfigured:  # for another reason, which building it has told
        return []


def _places(engine: Engine) -> set[Any]:
    """The databases that writes go to, as far as they are known without asking a server; where
    servers are found out by asking, also what settings say of them, whether that was done or not.
    """
    try:
        primaries: Iterable[Node] = engine.topology.primaries()
    except RedisCacheError:
        primaries = ()
    places = {_place(node.config) for node in primaries}
    factory = engine.options.connection_factory
    if places and factory.plugin.name == "single":  # others of its URLs are replicas
        return places
    # One name may be two services, of other sentinels.
    asked = (factory.plugin.name, frozen(factory.options))
    urls = (url.partition("?")[0].rpartition("@")[2] for url in engine.options.locations)
    return places | {(*asked, url.rpartition("://")[2]) for url in urls}


def _place(config: ServerConfig) -> tuple[Any, ...]:
    kwargs = config.kwargs
    database = kwargs.get("db") or 0
    if "path" in kwargs:
        return (kwargs["path"], database)
    host = kwargs.get("host", "localhost")
    return ("localhost" if _is_loopback(host) else host, kwargs.get("port", 6379), database)


def _is_plain(config: ServerConfig) -> bool:
    return (
        "path" not in config.kwargs
        and not _is_tls(config)
        and not _is_loopback(config.kwargs.get("host", "localhost"))
    )


def _is_tls(config: ServerConfig) -> bool:
    return config.tls


def _is_loopback(host: Any) -> bool:
    try:
        return bool(host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False
