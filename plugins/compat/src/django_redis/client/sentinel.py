"""The client for Sentinel, where it is the connection factory that knows sentinels."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlunparse

from .default import DefaultClient

__all__ = ["SentinelClient", "replace_query"]


def replace_query(url: Any, query: Any) -> str:
    """``url``, as ``urlparse`` has it, with another query."""
    return str(urlunparse((*url[:4], urlencode(query, doseq=True), url[5])))


class SentinelClient(DefaultClient):
    """The default client. A subclass of it also needs ``CONNECTION_FACTORY`` in its OPTIONS."""
