"""``manage.py redis_cache sample``: keeps what servers have counted in the site's database.

Meant for cron, every minute or five. The rows of a cache are bounded, so nobody has to tidy up.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError, transaction
from django.utils import timezone

from django_redis_core.interfaces import BuiltCache, Subcommand
from django_redis_core.operating import OperatedCache, counted

#: Rows of a cache: a week of minutes of one server, and a month of every five of one.
KEEP = 10_000

_COUNTERS = ("commands", "hits", "misses", "evicted_keys", "expired_keys")
_STATES = ("used_memory", "maxmemory", "keys", "round_trip_ms")
_TEXTS = ("run", "role", "error")


def _rows(written: str) -> int:
    if not written.isdigit() or int(written) < 1:
        raise ArgumentTypeError(f"a number of rows, 1 or more, not {written!r}")
    return int(written)


class SampleSubcommand(Subcommand):
    name = "sample"
    help = "Keep what servers have counted in the site's database, for the admin's history."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--keep",
            type=_rows,
            default=KEEP,
            help=f"Rows of a cache that are kept, one a server and sample. Default: {KEEP}.",
        )

    def report(self, cache: BuiltCache, *args: Any, **options: Any) -> dict[str, Any]:
        from .models import Sample  # apps are ready by now

        told = OperatedCache(cache.alias).live()
        if "error" in told:
            told["servers"] = [{"name": "", "error": told["error"]}]
        taken = timezone.now()
        rows = [
            Sample(
                alias=cache.alias,
                server=server["name"][:255],
                taken=taken,
                **{name: server[name] for name in (*_COUNTERS, *_STATES) if name in server},
                **{name: server.get(name, "") for name in _TEXTS},
            )
            for server in told["servers"]
        ]
        try:
            with transaction.atomic():
                Sample.objects.bulk_create(rows)
                dropped = _drop(cache.alias, options["keep"])
        except DatabaseError as error:
            raise CommandError(
                f"The samples cannot be kept: {error}. Has manage.py migrate been run?"
            ) from None
        return {
            "servers": [server["name"] for server in told["servers"]],
            "kept": len(rows),
            "dropped": dropped,
            "errors": [server["error"] for server in told["servers"] if "error" in server],
        }

    def lines(self, report: Any) -> Iterable[str]:
        dropped = f", {report['dropped']:,} old dropped" if report["dropped"] else ""
        yield f"{counted(report['kept'], 'row')} kept{dropped}"

    def problem(self, report: Any) -> str:
        return " ".join(report["errors"])


def _drop(alias: str, keep: int) -> int:
    """Removes all rows of a cache but the newest; how many."""
    from .models import Sample

    rows = Sample.objects.filter(alias=alias)
    oldest = rows.order_by("-pk").values_list("pk", flat=True)[keep : keep + 1].first()
    if oldest is None:
        return 0
    return int(rows.filter(pk__lte=oldest).delete()[0])
