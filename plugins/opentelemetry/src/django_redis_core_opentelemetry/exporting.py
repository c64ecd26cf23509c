"""Whom the site has set up to take traces and metrics, if anybody.

The API's own tracers and meters do nothing, and ask for all that a span or a measurement consists
of before they do it. So they are not called: who exports nothing pays for a look at the clock.
"""

from __future__ import annotations

from importlib.metadata import version
from math import inf
from time import monotonic
from typing import Final

from opentelemetry import metrics, trace

from .instruments import Instruments

SCOPE: Final = "django_redis_core"

#: The version of the semantic conventions by which spans and metrics are named.
SCHEMA: Final = "https://opentelemetry.io/schemas/1.34.0"

#: Seconds after which it is looked again whether the site has set up its SDK by now: a process does
#: that once, before or after it builds its caches. To ask the API in each call costs microseconds.
INTERVAL: Final = 0.1

_VERSION = version("django-redis-core-opentelemetry")


class Exporting:
    """``tracer`` makes spans and ``instruments`` measure; each is None where nobody takes that."""

    def __init__(self) -> None:
        self.tracer: trace.Tracer | None = None
        self.instruments: Instruments | None = None
        self._again = -inf

    def look(self) -> Exporting:
        """Itself, up to date."""
        if self._again < monotonic():
            self._find()
        return self

    def _find(self) -> None:
        if self.tracer is None:
            tracer = trace.get_tracer(SCOPE, _VERSION, schema_url=SCHEMA)
            if not _of_the_api(tracer):
                self.tracer = tracer
        if self.instruments is None:
            meter = metrics.get_meter(SCOPE, _VERSION, schema_url=SCHEMA)
            if not _of_the_api(meter):
                self.instruments = Instruments(meter)
        found = self.tracer is not None and self.instruments is not None
        self._again = inf if found else monotonic() + INTERVAL


def _of_the_api(found: object) -> bool:
    """Whether it is one of the API's own, which do nothing, or wait for a provider."""
    module = type(found).__module__
    return module.startswith(("opentelemetry.trace", "opentelemetry.metrics"))


#: One for the process: an SDK takes each instrument once.
exporting: Final = Exporting()
