"""What operators see and do: ``manage.py redis_cache mirror``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.core.management import CommandError

from django_redis_core.interfaces import Subcommand

from .client import MirrorClient
from .phases import STOPS, Phase

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django_redis_core.commands import Operation
    from django_redis_core.interfaces import BuiltCache

_MEANING = {
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


class MirrorSubcommand(Subcommand):
    """Shows how far a move is, and takes it a phase on."""

    name = "mirror"
    help = "Show how much the old cache still answers, and change the phase of a move."

    def add_arguments(self, parser: ArgumentParser) -> None:
        names = [phase.title for phase in STOPS]
        parser.add_argument("phase", nargs="?", choices=names, help="The phase to go to.")
        parser.add_argument(
            "--grace",
            type=float,
            default=1.0,
            metavar="SECONDS",
            help="How long a call of any process may last once it has begun (default 1).",
        )
        parser.add_argument(
            "--minutes", type=int, default=5, help="What is counted, in minutes (default 5)."
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="Go on although the old cache cannot be told, since it is down.",
        )

        parser.add_argument(
            "--take-over",
            action="store_true",
            help="Read every entry of the old cache once, so that all come over (both, new).",
        )

    def report(
        self,
        cache: BuiltCache,
        *,
        phase: str | None,
        grace: float,
        minutes: int,
        force: bool,
        take_over: bool,
    ) -> Any:
        if grace < 0 or not 1 <= minutes <= 60:
            raise CommandError("--grace must be 0 or more, and --minutes from 1 to 60.")
        client = cache.part(MirrorClient)
        gone: list[Phase] = []
        if phase is not None:
            gone = cache.run(client.move_to(Phase[phase.upper()], grace, force=force))
        report = cache.run(_report(client, minutes, gone))
        if take_over:
            if report["phase"] not in (Phase.BOTH.title, Phase.NEW.title):
                raise CommandError("--take-over is for the phases both and new.")
            report["looked_at"] = cache.run(client.take_everything())
        return report

    def lines(self, report: Any) -> Iterator[str]:
        if report["gone_through"]:
            yield f"went through {', '.join(report['gone_through'])}"
        yield f"phase: {report['phase']} ({report['meaning']}); the old cache: {report['old']}"
        if "looked_at" in report:
            yield f"{report['looked_at']:,} keys of the old cache were read and taken over"
        answers, told = report["answers"], report["minutes"]
        every = answers["new"] + answers["old"] + answers["missed"]
        if not every:
            yield f"nothing was read in the last {told} minutes, as far as processes have told"
            return
        share = 100 * answers["old"] / every
        yield (
            f"last {told} minutes: {share:.1f}% of {every:,} reads were answered by the old cache "
            f"({answers['new']:,} by the new one, {answers['missed']:,} by none); "
            f"{answers['taken_over']:,} keys were taken over"
        )
        if answers["old_troubles"]:
            yield f"the old cache was in trouble {answers['old_troubles']:,} times"

    def problem(self, report: Any) -> str:
        if report["phase"] in {phase.title for phase in STOPS}:
            return ""
        return f"the move stands in {report['phase']}, where it should not stay: go on or back"


def _report(client: MirrorClient, minutes: int, gone: list[Phase]) -> Operation[dict[str, Any]]:
    client._known = None
    phase = yield from client.look_for_phase()
    return {
        "phase": phase.title,
        "meaning": _MEANING[phase],
        "old": client.mirror_of,
        "gone_through": [one.title for one in gone],
        "minutes": minutes,
        "answers": (yield from client.told_counts(minutes)),
    }
