"""One worker recomputes what has expired; the others go on with the old value meanwhile."""

from __future__ import annotations

from typing import ClassVar

from django_redis_core.interfaces import CHANGES_ENTRIES

from .options import OPTIONS
from .refreshing import Refreshing


class HerdClient(Refreshing):
    """A value is kept for ``HERD_TIMEOUT`` seconds past its expiry. Whoever reads it then asks the
    server to be elected, and only the elected one gets a miss. All other operations see the
    *logical* entry: what has expired is not there, however long it is kept."""

    name = "herd"
    options = OPTIONS
    outside_of: ClassVar[dict[str, str]] = {
        CHANGES_ENTRIES: "herd knows an entry by its first bytes, here and on the server, and "
        "shows old values without asking the clients outside of it"
    }
