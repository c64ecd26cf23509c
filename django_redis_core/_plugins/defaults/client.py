"""The default client: every operation as the core defines it."""

from __future__ import annotations

from ...interfaces.client import Client
from ..hookspecs import hookimpl


class DefaultClient(Client):
    """Django's documented contract, and what django-redis adds to it."""

    name = "default"


@hookimpl
def register_client() -> type[Client]:
    return DefaultClient
