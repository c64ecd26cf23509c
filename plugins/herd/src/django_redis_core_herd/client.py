"""One worker recomputes what has expired; the others go on with the old value meanwhile."""

from __future__ import annotations

from .options import OPTIONS
from .reading import Reading


class HerdClient(Reading):
    """A value is kept for ``HERD_TIMEOUT`` seconds past its expiry. Whoever reads it then asks the
    server to be elected, and only the elected one gets a miss. All other operations see the
    *logical* entry: what has expired is not there, however long it is kept."""

    name = "herd"
    options = OPTIONS
