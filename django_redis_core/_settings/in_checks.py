"""Refused settings as ``manage.py check`` shows them. Imported when there are any, since Django's
commands are, too."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import SystemCheckError


class RefusedInChecks(ImproperlyConfigured, SystemCheckError):
    """Mistakes in CACHES that a check of Django's has met: a command ends with them as it does with
    those that checks return, and without a traceback."""

    def __init__(self, messages: Sequence[CheckMessage]) -> None:
        issues = "1 issue" if len(messages) == 1 else f"{len(messages)} issues"
        listed = "\n".join(map(str, messages))
        SystemCheckError.__init__(
            self,
            "System check identified some issues:\n\n"
            f"ERRORS:\n{listed}\n\n"
            f"System check identified {issues} in CACHES; other checks did not come to an end.",
        )
