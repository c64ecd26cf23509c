"""Who holds connections to an address, so that all of them hear when another server may be there.

A name or an address that moves (a primary's endpoint, a Kubernetes service, a virtual IP) takes new
connections along and leaves those that exist at the old server, which may answer reads for ever
with what was true before. One caller learns that from a refused write. So do the others through
this: caches of other settings, connections for asyncio, redis-py's clients, and whatever else a
plugin keeps open. And who learns that another server answers for what this one answered for tells
those who keep what it said.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from ..commands import Argument, Key

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


@runtime_checkable
class Keeper(Holder, Protocol):
    """Keeps what the server of ``config`` has said, too."""

    def revoke(self, keys: Sequence[Key] | None) -> None:
        """The server does not answer any longer for all that it answered for; or for ``keys``, as
        stored, for which another one has answered just now. Called from any thread."""


_holders: weakref.WeakSet[Holder] = weakref.WeakSet()
_keepers: weakref.WeakSet[Keeper] = weakref.WeakSet()


def hold(holder: Holder) -> None:
    """Has ``holder`` told from now on, for as long as anybody has it. One that has a method
    ``revoke(keys)`` is told also when another server answers for what its server answered for: for
    ``keys`` (as stored), or where that is None, for nobody knows what."""
    with _lock:
        _holders.add(holder)
        if isinstance(holder, Keeper):
            _keepers.add(holder)


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


def revoke(config: Address, keys: Sequence[Key] | None = None) -> None:
    """Tells all who keep what the server at the address in ``config`` has said that it answers no
    longer for all that it answered for: it was ousted, or a slot moved. With ``keys``, as stored:
    that another server has answered for those just now. Connections stay as they are."""
    if not _keepers:
        return
    place = _place(config)
    with _lock:
        held = list(_keepers)
    for keeper in held:
        if _place(keeper.config) == place:
            keeper.revoke(keys)


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
