"""Idle connections of redis-py's pools, whose versions and classes differ in how to end them."""

from __future__ import annotations

import inspect
from typing import Any


def close_idle(pool: Any) -> None:
    """Closes the connections of a blocking pool of redis-py's that nobody uses."""
    if "inuse_connections" in inspect.signature(pool.disconnect).parameters:
        pool.disconnect(inuse_connections=False)
        return
    # The BlockingConnectionPool of older redis-py (5.3 still) closes those in use as well.
    for connection in list(pool.pool.queue):
        if connection is not None:
            connection.disconnect()
