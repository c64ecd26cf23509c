"""What sentinels are asked, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django_redis_core.commands import Command, Kind, text

Address = tuple[str, int]

_SENTINEL = Kind("SENTINEL", write=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """One sentinel's view. ``epoch`` grows by 1 or more with each failover, so of two answers the
    one with the higher epoch is the later one; ``replicas`` are those that are fit to serve, and
    ``unfit`` the others."""

    primary: Address
    epoch: float
    replicas: tuple[Address, ...]
    unfit: tuple[Address, ...] = ()

    def at(self, reached: Callable[[Address], Address]) -> Answer:
        """The same with the addresses that ``reached`` gives for those of the sentinels."""
        return Answer(
            reached(self.primary),
            self.epoch,
            tuple(map(reached, self.replicas)),
            tuple(map(reached, self.unfit)),
        )


def questions(service: str) -> tuple[Command, ...]:
    """What ``answer`` needs replies to.

    The address is asked for by itself: a sentinel that leads a failover gives the new primary's
    from the moment of its promotion, and ``SENTINEL MASTER`` only when the replicas follow it.
    """
    return (
        command(b"GET-MASTER-ADDR-BY-NAME", service),
        command(b"MASTER", service),
        command(b"REPLICAS", service),
    )


def answer(replies: Sequence[Any]) -> Answer | Exception | None:
    """The answer in the replies; None: this sentinel does not know the service."""
    address, master, replicas = replies
    if isinstance(address, Exception):
        return address
    if address is None:
        return None
    for reply in (master, replicas):
        if isinstance(reply, Exception):
            return reply
    primary = (text(address[0]), int(address[1]))
    fit: dict[bool, list[Address]] = {True: [], False: []}
    for flat in replicas:
        replica = pairs(flat)
        where = (replica["ip"], int(replica["port"]))
        if where != primary:
            fit[_is_fit(replica)].append(where)
    epoch = int(pairs(master)["config-epoch"])
    return Answer(primary, epoch, tuple(sorted(fit[True])), tuple(sorted(fit[False])))


def all_services() -> Command:
    return command(b"MASTERS")


def names(reply: Sequence[Any]) -> list[str]:
    """The names of the services in the reply to ``all_services``."""
    return sorted(pairs(flat)["name"] for flat in reply)


def _is_fit(replica: dict[str, str]) -> bool:
    """Whether it is reachable and hears its primary: one that does not hear it falls behind."""
    flags = set(replica["flags"].split(","))
    return not flags & _UNFIT and replica.get("master-link-status", "ok") == "ok"


_UNFIT = {"s_down", "o_down", "disconnected", "master_down"}


def command(*args: bytes | str) -> Command:
    return Command(_SENTINEL, (b"SENTINEL", *args), None)


def pairs(reply: Sequence[Any] | Mapping[Any, Any]) -> dict[str, str]:
    """Names and values, which are a flat array in RESP2 and a map in RESP3."""
    if isinstance(reply, Mapping):
        return {text(name): text(value) for name, value in reply.items()}
    return dict(zip(map(text, reply[::2]), map(text, reply[1::2]), strict=True))
