"""A round trip by the semantic conventions for Redis.

https://opentelemetry.io/docs/specs/semconv/db/redis/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django_redis_core.interfaces import Trip

from .errors import described


class Names:
    """What is known of a round trip before it begins. The same few are asked for again and again:
    one for each server and command."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Mapping[str, Any]] = {}

    def of(self, trip: Trip, commands: Sequence[str]) -> Mapping[str, Any]:
        """The attributes that spans and measurements have in common."""
        name = commands[0] if len(commands) == 1 else _batch(commands)
        known = self._known.get((trip.server, name))
        if known is None:
            known = self._known[trip.server, name] = _attributes(trip, name)
        return known


def _batch(commands: Sequence[str]) -> str:
    names = set(commands)
    return f"PIPELINE {names.pop()}" if len(names) == 1 else "PIPELINE"


def _attributes(trip: Trip, name: str) -> Mapping[str, Any]:
    attributes: dict[str, Any] = {
        "db.system.name": "redis",
        "db.namespace": str(trip.database),
        "db.operation.name": name,
        "server.address": trip.host,
    }
    if trip.port is None:
        attributes["network.transport"] = "unix"
    else:
        attributes["server.port"] = trip.port
    return attributes


def outcome(trip: Trip) -> Mapping[str, Any]:
    """The attributes of a span that are known at its end."""
    attributes: dict[str, Any] = {}
    if role := trip.role:
        attributes["django_redis_core.role"] = role
    if trip.new_connection:
        attributes["django_redis_core.new_connection"] = True
    if trip.second_try:
        attributes["django_redis_core.second_try"] = True
    commands = trip.commands
    if len(commands) == 1 and commands[0] in ("EVALSHA", "FCALL", "FCALL_RO"):
        script = trip.arguments[0][1]  # the script's digest, or the function's name
        attributes["db.stored_procedure.name"] = (
            script.decode() if isinstance(script, bytes) else str(script)
        )
    if trip.error is not None:
        attributes |= described(trip.error)
    return attributes
