"""How far a move is and what is to be done next: what ``doctor`` and ``stats`` tell of a mirror."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from django_redis_core.commands import Command, Kind, Primaries
from django_redis_core.exceptions import ConnectionInterrupted, RedisCacheError
from django_redis_core.interfaces import Finding, ServerColumn
from django_redis_core.operating import span

from . import switch
from .client import MirrorClient
from .phases import STOPS, Phase, Record

if TYPE_CHECKING:
    from django_redis_core.commands import Operation
    from django_redis_core.interfaces import BuiltCache

MEANING = {
    Phase.OLD: "everything is the old cache's",
    Phase.PREPARE: "everything is the old cache's, on the way to or from 'both'",
    Phase.BOTH: "values are read from the new cache and then from the old one; counters, locks and "
    "structures are the old one's",
    Phase.HANDOVER: "who would change a counter, a lock or a structure waits",
    Phase.NEW: "values are read from the new cache and then from the old one; counters, locks and "
    "structures are the new one's",
    Phase.LEAVE: "the old cache is written to and not read, on the way to or from 'alone'",
    Phase.ALONE: "everything is the new cache's; the mirror can be taken out",
}

#: Minutes whose reads are told of, unless somebody asks for others.
MINUTES = 5

#: Seconds for which a phase where nobody should stay may be one that is passed through, and for
#: which a process may go by an older phase: hosts' clocks differ.
PASSING = 60

#: Seconds after which it is said that a move may be ended: two weeks.
LONG = 14 * 86_400

_PING = Kind("PING", write=False).primary


def percent_of_old(phase: Phase, answers: Mapping[str, int]) -> float | None:
    """How many of a hundred reads the old cache answers, or None where nothing was read. Where only
    one cache is asked nobody counts."""
    if phase <= Phase.PREPARE:
        return 100.0
    if phase is Phase.ALONE:
        return 0.0
    every = answers["new"] + answers["old"] + answers["missed"]
    return 100 * answers["old"] / every if every else None


def columns(cache: BuiltCache) -> Iterator[ServerColumn]:
    """``from old``: the share of reads that the old cache still answers. It is the cache's, and so
    the same for all of its servers."""
    try:
        percent = cache.run(_percent(cache.part(MirrorClient)))
    except ConnectionInterrupted:  # of which ``stats`` tells by itself
        percent = None
    cell = None if percent is None else f"{percent:.1f}%"
    yield ServerColumn("from old", lambda info: cell)


def _percent(client: MirrorClient) -> Operation[float | None]:
    latest = _latest((yield from client.records()))
    if not Phase.PREPARE < latest.phase < Phase.ALONE:
        return percent_of_old(latest.phase, {})
    return percent_of_old(latest.phase, (yield from client.told_counts(MINUTES)))


def findings(cache: BuiltCache) -> list[Finding]:
    """What ``doctor`` is to tell. By the hook and not by the client's method, since it is worth
    knowing above all where the new servers do not answer."""
    return cache.run(_findings(cache.part(MirrorClient)))


def _latest(records: tuple[Any, Any]) -> Record:
    told = [record for record in records if isinstance(record, Record)]
    return max(told, default=Record(0, switch.FIRST))


def _findings(client: MirrorClient) -> Operation[list[Finding]]:
    new, old = yield from client.records()
    latest = _latest((new, old))
    roll = yield from client.roll()
    found = [*_of_phase(client, latest, roll)]
    if latest.phase is not Phase.OLD and isinstance(new, ConnectionInterrupted):
        text = f"The new cache does not answer, so nobody is served in this phase: {new}"
        found.append(Finding("problem", text))
    elif isinstance(new, ConnectionInterrupted):
        text = f"The new cache does not answer. Nobody asks it yet; do not begin: {new}"
        found.append(Finding("advice", text))
    found += yield from _of_old_servers(client, latest.phase)
    if isinstance(new, Record) and isinstance(old, Record) and new.change != old.change:
        found.append(
            Finding(
                "advice",
                f'The two caches have other phases written down: the new one "{new.phase.title}", '
                f'{client.mirror_of!r} "{old.phase.title}". All go by the later one, '
                f'"{latest.phase.title}"; {_command(client, latest.phase)} writes it to both when '
                "the move goes on.",
            )
        )
    late = [*_late(latest, roll)]
    if late:
        found.append(
            Finding(
                "problem",
                f'Processes that go by another phase than "{latest.phase.title}", which is '
                f"{_ago(latest)} old: {', '.join(late)}. They do not reach the side that decides.",
            )
        )
    if Phase.PREPARE < latest.phase < Phase.ALONE and not isinstance(new, Exception):
        found += yield from _of_answers(client, latest.phase)
    return found


def _of_phase(
    client: MirrorClient, latest: Record, roll: Mapping[str, Record]
) -> Iterator[Finding]:
    phase = latest.phase
    age = time.time() - latest.since
    since = f" for {_ago(latest)}" if latest.since else ""
    stands = f'The move from {client.mirror_of!r} stands in "{phase.title}"{since}'
    if phase not in STOPS:
        on, back = _command(client, Phase(phase + 1)), _command(client, Phase(phase - 1))
        if age < PASSING:
            yield Finding("note", f"{stands}, and is being changed.")
        else:
            text = f"{stands}, where it should not stay. Go on ({on}) or back ({back})."
            yield Finding("problem", text)
        return
    following = {
        Phase.OLD: "When all that the site has are among them, begin: "
        f"{_command(client, Phase.BOTH)}.",
        Phase.BOTH: f"Next: {_command(client, Phase.NEW)}.",
        Phase.NEW: f"When the old cache answers nothing any more: {_command(client, Phase.ALONE)}.",
        Phase.ALONE: "Next: deploy the settings without the client 'mirror', and turn "
        f"{client.mirror_of!r} off.",
    }[phase]
    there = f"Processes that have told of themselves within two minutes: {len(roll):,}."
    yield Finding("note", f"{stands}: {MEANING[phase]}. {there} {following}")
    if latest.since and age > LONG and phase is not Phase.OLD:
        text = f"{stands}, and each write costs two round trips or more meanwhile. {following}"
        yield Finding("advice", text if phase is not Phase.ALONE else f"{stands}. {following}")


def _late(latest: Record, roll: Mapping[str, Record]) -> Iterator[str]:
    """Processes that have gone by an older phase for longer than they may."""
    for name, record in sorted(roll.items()):
        if record.change < latest.change and record.since > latest.since + PASSING:
            yield f'{name} ("{record.phase.title}")'


def _of_answers(client: MirrorClient, phase: Phase) -> Operation[list[Finding]]:
    try:
        answers = yield from client.told_counts(MINUTES)
    except RedisCacheError:  # of the servers themselves doctor tells
        return []
    percent = percent_of_old(phase, answers)
    if percent is None:
        return [Finding("note", f"Nothing was read in the last {MINUTES} minutes.")]
    text = f"In the last {MINUTES} minutes the old cache has answered {percent:.1f}% of all reads."
    if answers["old_troubles"]:
        trouble = f"{text} It was in trouble {answers['old_troubles']:,} times."
        return [Finding("advice", trouble)]
    return [Finding("note", text)]


def _of_old_servers(client: MirrorClient, phase: Phase) -> Operation[list[Finding]]:
    """Those of the old cache that do not answer, while somebody needs them."""
    if phase is Phase.ALONE:
        return []
    level = "advice" if phase is Phase.LEAVE else "problem"
    try:
        troubles = yield from client.on_old(_unreachable())
    except RedisCacheError as trouble:  # they cannot even be found out
        troubles = [trouble]
    return [
        Finding(level, f"The old cache {client.mirror_of!r} does not answer: {trouble}")
        for trouble in troubles
    ]


def _unreachable() -> Operation[list[Exception]]:
    troubles: list[Exception] = []
    for node in (yield Primaries()):
        try:
            yield Command(_PING, (b"PING",), None).on(node)
        except RedisCacheError as trouble:
            troubles.append(trouble)
    return troubles


def _command(client: MirrorClient, phase: Phase) -> str:
    """What goes to a phase, or to the nearest where one may stay."""
    stop = min(STOPS, key=lambda one: abs(one - phase))
    return f"`manage.py redis_cache mirror {stop.title} --alias {client.alias}`"


def _ago(record: Record) -> str:
    return span(max(0, int(time.time()) - record.since))
