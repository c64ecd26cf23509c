"""Lua scripts, called by digest.

A script that a server does not know yet (a restart, a failover, SCRIPT FLUSH) is sent whole and
stays known after that: https://redis.io/docs/latest/develop/programmability/eval-intro/
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from ..exceptions import ConnectionInterrupted, NoScriptError, ReplyError
from .command import Argument, Command, Kind, Spread
from .requests import Operation

# A server that does not know the script has not run it, but one whose answer was lost may have.
_EVALSHA = Kind("EVALSHA", write=True, repeatable=False)
_EVAL = Kind("EVAL", write=True, repeatable=False)


_sources: dict[str, str] = {}


def with_sources(batch: Sequence[Command | Spread]) -> list[Command | Spread]:
    """``batch``, in which the first call of a script for each key brings the script along.

    For pipelines: to a server that does not know the script, a second try would come after the
    commands behind it, and ``incr`` after the ``get`` that should see it.
    """
    brought: set[tuple[object, object]] = set()
    commands: list[Command | Spread] = []
    for command in batch:
        if command.kind is _EVALSHA and isinstance(command, Command):
            digest = command.args[1]
            if (digest, command.key) not in brought:
                brought.add((digest, command.key))
                args = (b"EVAL", _sources[str(digest)], *command.args[2:])
                command = Command(_EVAL, args, command.key, command.node)
        commands.append(command)
    return commands


class Script:
    """A Lua script over keys of one place, made once, at the top of a module::

        SWAP = Script("return redis.call('SET', KEYS[1], ARGV[1], 'GET')")

        previous = yield from SWAP([full], payload)

    Calling it is an operation: it goes where the first key lives, brings the script along where the
    server does not know it, and is not sent twice. ``keys`` are as stored, at least one.

    ``gives`` says whether a reply is one that the script can have: one that it cannot is
    ``ConnectionInterrupted``, for such a server is out of step.
    """

    def __init__(self, source: str, gives: Callable[[Any], bool] | None = None) -> None:
        self.source = source.strip()
        self._gives = gives
        # A name for the text that the server computes too, not a protection.
        self.digest = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()
        _sources[self.digest] = self.source

    def whole(self, keys: Sequence[str], *args: Argument) -> Command:
        """The call with the script itself, for a server that replied ``NoScriptError``."""
        count = b"%d" % len(keys)
        return Command(_EVAL, (b"EVAL", self.source, count, *keys, *args), keys[0])

    def command(self, keys: Sequence[str], *args: Argument) -> Command:
        """The call by digest alone, for a batch: its reply may be ``NoScriptError``, and ``whole``
        is to be sent then."""
        # A number among the arguments makes packing look at each of them once more.
        count = b"%d" % len(keys)
        return Command(_EVALSHA, (b"EVALSHA", self.digest, count, *keys, *args), keys[0])

    def again(self, error: ReplyError, keys: Sequence[str], *args: Argument) -> Command:
        """What to send where ``command`` was refused with ``error``: ``whole``, for a server that
        does not know the script. Raises where that is not the reason."""
        if isinstance(error, NoScriptError):
            return self.whole(keys, *args)
        if "unknown command" in str(error):
            raise ReplyError(
                f"{error}: this operation is a script, and the server must know EVALSHA (of "
                "fakeredis: pip install 'fakeredis[lua]')"
            ) from error
        raise error

    def __call__(self, keys: Sequence[str], *args: Argument) -> Operation[Any]:
        """Runs where the first key lives; the reply is the script's."""
        try:
            reply = yield self.command(keys, *args)
        except ReplyError as error:
            reply = yield self.again(error, keys, *args)
        if self._gives is not None and not self._gives(reply):
            kind = type(reply).__name__
            raise ConnectionInterrupted(None, f"the reply to a script is none of its own: a {kind}")
        return reply
