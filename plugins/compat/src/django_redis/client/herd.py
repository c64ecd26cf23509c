"""The herd client, and the class that django-redis' herd entries name."""

from __future__ import annotations

from typing import ClassVar

from .default import DefaultClient

__all__ = ["HerdClient", "Marker"]


class Marker:
    """What a herd entry begins with in django-redis' format; pickles of it name this class."""


class HerdClient(DefaultClient):
    """The plugin ``herd``, as blocking methods."""

    plugin: ClassVar[str] = "herd"
