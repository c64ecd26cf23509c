"""What stands in the file."""

from __future__ import annotations

import json
from typing import Any


def parse(text: bytes) -> tuple[str, list[str]]:
    """The URLs of the primary and of the replicas. Raises ValueError, whose words finish "it …"
    and quote nothing, since a URL may hold a password."""
    try:
        found: Any = json.loads(text)
    except ValueError as error:
        raise ValueError(f"is no JSON ({_where(error)})") from None
    if not isinstance(found, dict) or not isinstance(found.get("primary"), str):
        raise ValueError('must be an object with "primary": "redis://…"')
    replicas = found.get("replicas", [])
    if not isinstance(replicas, list) or not all(isinstance(url, str) for url in replicas):
        raise ValueError('must have a list of URLs in "replicas", or leave it out')
    if unknown := sorted(set(found) - {"primary", "replicas"}):
        raise ValueError(f'may have "primary" and "replicas", and not {", ".join(unknown)}')
    return found["primary"], replicas


def _where(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}"
    return "it is not UTF-8"
