"""What a class has to be, to be a plugin of its kind."""

from __future__ import annotations

from typing import Any

from .. import interfaces
from ..exceptions import PluginLoadError
from ..interfaces import API_VERSION, OLDER_API_VERSIONS, Plugin

BASES: dict[str, type[Plugin]] = {
    "serializer": interfaces.Serializer,
    "compressor": interfaces.Compressor,
    "sealer": interfaces.Sealer,
    "connection_factory": interfaces.ConnectionFactory,
    "client": interfaces.Client,
    "observer": interfaces.Observer,
}


def checked(kind: str, found: Any, where: object, shown: str) -> type[Any]:
    """``found``, which settings or a hook of a plugin give as a plugin of ``kind``. Raises
    PluginLoadError with ``where`` and, for ``found``, ``shown``."""
    base = BASES[kind]
    # A class of another interface, django-redis' say, that knows how to serve this one.
    adapt = getattr(found, "as_plugin", None)
    if adapt is not None:
        found = adapt(kind)
    if not isinstance(found, type) or not issubclass(found, base):
        raise PluginLoadError(
            f"{where}: {shown} is not a {words(kind)}; it must be a subclass of "
            f"django_redis_core.interfaces.{base.__name__}.{_hint_for(found)}"
        )
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    if missing:
        raise PluginLoadError(f"{where}: {shown} lacks {', '.join(missing)}().")
    if found.api_version not in (API_VERSION, *OLDER_API_VERSIONS):
        raise PluginLoadError(
            f"{where}: {shown} was written for version {found.api_version!r} of the plugin "
            f"interface, and this django-redis-core speaks version {API_VERSION}."
        )
    if not isinstance(getattr(found, "name", None), str) or not found.name:
        raise PluginLoadError(f'{where}: {shown} has no name; give it `name = "…"`.')
    defect = found.defect()
    if defect:
        raise PluginLoadError(f"{where}: {shown} {defect}.")
    return found


def _hint_for(found: Any) -> str:
    """What to install where ``found`` derives from a class of the real django-redis."""
    bases = getattr(found, "__mro__", ())
    if not any(base.__module__.partition(".")[0] == "django_redis" for base in bases):
        return ""
    return (
        " It derives from a class of django-redis, and works as it is where that package is "
        "uninstalled and 'django-redis-core[compat]' is in its place."
    )


def words(kind: str) -> str:
    return kind.replace("_", " ")
