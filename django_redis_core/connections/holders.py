"""Who holds connections to an address, so that all of them hear when another server may be there.

A name or an address that moves (a primary's endpoint, a Kubernetes service, a virtual IP) takes new
connections along and leaves those that exist at the old server, which may answer reads for ever
with what was true before. One caller learns that from a refused write. So do the others through
this: caches of other settings, connections for asyncio, redis-py's clients, and whatever else a
plugin keeps open.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Hashable, Mapping
from typing import Any, Protocol

from ..commands import Argument

_lock = threading.Lock()


class Address(Protocol):
    """What counts here of a ``ServerConfig``."""

    @property
    def kwargs(self) -> Mapping[str, Any]: ...


class Holder(Protocol):
    """Keeps connections to the server of ``config``."""

    @property
    def config(self) -> Address: ...

    def reconnect(self) -> None:
        """Uses no connection any more that exists now. Called from any thread; what is on its way
        may end as it will."""


_holders: weakref.WeakSet[Holder] = weakref.WeakSet()


def hold(holder: Holder) -> None:
    """Has ``holder`` told from now on, for as long as anybody has it."""
    with _lock:
        _holders.add(holder)


def reconnect(config: Address, *, besides: type[Any] | None = None) -> None:
    """Tells all who hold connections to the address in ``config``: the server there has lost its
    role, or another one is there by now. ``besides`` are those who find that out by themselves."""
    place = _place(config)
    with _lock:
        held = list(_holders)
    for holder in held:
        if besides is not None and isinstance(holder, besides):
            continue
        if _place(holder.config) == place:
            holder.reconnect()


def authenticate(provider: Any, args: tuple[Argument, ...]) -> None:
    """Tells all who hold connections that ``provider`` has let in what they authenticate with from
    now on: ``args``, an AUTH. Who has no method for it is told nothing, and connects anew when the
    server ends its connection."""
    with _lock:
        held = list(_holders)
    for holder in held:
        told = getattr(holder, "authenticate", None)
        if told is not None and holder.config.kwargs.get("credential_provider") is provider:
            told(args)


def _place(config: Address) -> Hashable:
    kwargs = config.kwargs
    return kwargs.get("path") or (kwargs.get("host", "localhost"), kwargs.get("port", 6379))


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
