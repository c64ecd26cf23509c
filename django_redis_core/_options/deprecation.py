"""What works and will not for ever, with the date that sites can plan by."""

from __future__ import annotations

import datetime
from typing import NamedTuple


class Deprecation(NamedTuple):
    """``since`` is the release that began to warn, ``until`` the last day on which a release still
    has it, ``instead`` what to write in its place, as a sentence."""

    since: str
    until: datetime.date
    instead: str

    def message(self, what: str) -> str:
        return (
            f"{what} is deprecated since {self.since}, and works in every release until "
            f"{self.until.isoformat()}. {self.instead}"
        )
