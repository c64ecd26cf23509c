"""The client for Sentinel, where it is the connection factory that knows sentinels."""

from __future__ import annotations

from .default import DefaultClient

__all__ = ["SentinelClient"]


class SentinelClient(DefaultClient):
    """The default client. A subclass of it also needs ``CONNECTION_FACTORY`` in its OPTIONS."""
