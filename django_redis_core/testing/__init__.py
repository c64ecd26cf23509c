"""The kit for testing plugins: contracts for each kind, real servers, faults to order.

The names below are loaded when they are asked for, so that ``django_redis_core.testing.servers``
alone needs neither Django nor pytest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .contracts.client import ClientContract
    from .contracts.compressor import CompressorContract
    from .contracts.connection_factory import ConnectionFactoryContract
    from .contracts.observer import ObserverContract
    from .contracts.plugin import PluginContract
    from .contracts.sealer import SealerContract
    from .contracts.serializer import REFUSED, SerializerContract

__all__ = [
    "REFUSED",
    "ClientContract",
    "CompressorContract",
    "ConnectionFactoryContract",
    "ObserverContract",
    "PluginContract",
    "SealerContract",
    "SerializerContract",
]

_HOMES = {
    "REFUSED": "contracts.serializer",
    "ClientContract": "contracts.client",
    "CompressorContract": "contracts.compressor",
    "ConnectionFactoryContract": "contracts.connection_factory",
    "ObserverContract": "contracts.observer",
    "PluginContract": "contracts.plugin",
    "SealerContract": "contracts.sealer",
    "SerializerContract": "contracts.serializer",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
