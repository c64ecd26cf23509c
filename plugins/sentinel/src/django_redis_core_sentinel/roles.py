"""What a new connection to a data server asks before it serves: is this server what it should be?

HELLO and not ROLE: it is open to every user, where ROLE is kept from those who may not ``@admin``.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from django_redis_core.commands import text
from django_redis_core.exceptions import ServerRefused

Greeting = Generator[tuple[Any, ...], Any, None]


def as_primary() -> Greeting:
    """Of a primary: only to it anything is written."""
    reply = yield ("HELLO",)
    if _role(reply) != "master":
        raise ServerRefused(None, "it is not a primary any more", "READONLY")


def as_replica() -> Greeting:
    """Of a replica. A primary among them was ousted and does not know it yet, and what it holds
    is out of date."""
    reply = yield ("HELLO",)
    if _role(reply) == "master":
        raise ServerRefused(None, "it is not a replica", "MASTERDOWN")


def _role(reply: Any) -> str:
    pairs = reply if isinstance(reply, Mapping) else dict(zip(reply[::2], reply[1::2], strict=True))
    return {text(name): text(value) for name, value in pairs.items()}.get("role", "")
