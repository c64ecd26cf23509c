"""Lua scripts, called by digest.

A script that a server does not know yet (a restart, a failover, SCRIPT FLUSH) is sent whole and
stays known after that: https://redis.io/docs/latest/develop/programmability/eval-intro/
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from .commands import Argument, Command, Kind
from .exceptions import NoScriptError
from .requests import Operation

# A server that does not know the script has not run it, but one whose answer was lost may have.
_EVALSHA = Kind("EVALSHA", write=True, repeatable=False)
_EVAL = Kind("EVAL", write=True, repeatable=False)


class Script:
    """A script over keys of one place."""

    def __init__(self, source: str) -> None:
        self.source = source.strip()
        # A name for the text that the server computes too, not a protection.
        self.digest = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()

    def whole(self, keys: Sequence[str], *args: Argument) -> Command:
        """The call with the script itself, for a server that replied ``NoScriptError``."""
        return Command(_EVAL, (b"EVAL", self.source, len(keys), *keys, *args), keys[0])

    def command(self, keys: Sequence[str], *args: Argument) -> Command:
        """The call by digest alone, for a batch: its reply may be ``NoScriptError``."""
        return Command(_EVALSHA, (b"EVALSHA", self.digest, len(keys), *keys, *args), keys[0])

    def __call__(self, keys: Sequence[str], *args: Argument) -> Operation[Any]:
        """Runs where the first key lives; the reply is the script's."""
        try:
            return (yield self.command(keys, *args))
        except NoScriptError:
            return (yield self.whole(keys, *args))
