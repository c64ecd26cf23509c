"""What operators see and do: ``manage.py redis_cache mirror``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.core.management import CommandError

from django_redis_core.interfaces import Subcommand

from .client import MirrorClient
from .findings import MEANING, MINUTES
from .phases import STOPS, Phase
from .telling import COUNTED

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from django_redis_core.commands import Operation
    from django_redis_core.interfaces import BuiltCache


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
            "--minutes",
            type=int,
            default=MINUTES,
            help=f"What is counted, in minutes (default {MINUTES}).",
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="Go on although the cache that is left cannot be told, since it is down.",
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
        for title, count in report["processes"].items():
            yield f"processes that have told within two minutes that they go by {title}: {count:,}"
        answers, told = report["answers"], report["minutes"]
        every = answers["new"] + answers["old"] + answers["missed"]
        if report["phase"] == Phase.OLD.title:
            yield "all reads are answered by the old cache, and nobody counts them"
            return
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
    roll = yield from client.roll()
    # Before a move has begun the new servers may be down, and nobody has counted.
    nothing = phase is Phase.OLD
    return {
        "phase": phase.title,
        "meaning": MEANING[phase],
        "old": client.mirror_of,
        "gone_through": [one.title for one in gone],
        "processes": dict(sorted(Counter(one.phase.title for one in roll.values()).items())),
        "minutes": minutes,
        "answers": dict.fromkeys(COUNTED, 0)
        if nothing
        else (yield from client.told_counts(minutes)),
    }
