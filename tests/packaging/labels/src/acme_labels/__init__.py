"""The plugin ``labels``: what the core looks for at its entry point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_redis_core import hookimpl

if TYPE_CHECKING:
    from django_redis_core.interfaces import Client


@hookimpl
def register_client() -> type[Client]:
    from .client import LabelsClient

    return LabelsClient
