"""Work in a process of its own: what ends Python ends that one, and the report says which test.

A plugin's library may be C that recurses too deep, or trusts a length that is damaged. The signal
that follows would end pytest without a report. So what may cause one runs in a forked child, which
has everything of the test's that is at hand and needs nothing to be importable by name.

Where the system cannot fork, and under a debugger or a measurement of coverage, which do not follow
into a child, the work runs in this process.
"""

from __future__ import annotations

import faulthandler
import functools
import os
import pickle
import selectors
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from typing import IO, NoReturn, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds after which a child has hung, and is killed.
PATIENCE = 120.0

#: Lines that are shown of where Python was when it ended.
_LINES = 20

#: Whose frames say nothing about a plugin.
_FOREIGN = (
    *(f"{os.sep}{name}{os.sep}" for name in ("hypothesis", "_pytest", "pytest", "pluggy")),
    __file__,
)


class Apart(AssertionError):
    """The work failed in its process; the text is the traceback there."""


class Ended(Apart):
    """The work ended its process, or hung; the text says how, and where Python was."""


def in_a_child(test: Callable[P, None]) -> Callable[P, None]:
    """A test that runs in a child, and fails by name where Python does not survive it."""

    # Without the attributes: what marks the test within as hypothesis' own, say, is for that one.
    @functools.wraps(test, updated=())
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        __tracebackhide__ = True
        apart(functools.partial(test, *args, **kwargs), f"{test.__name__}: the plugin")

    return run


def survived(work: Callable[[], object]) -> bool:
    """Whether Python outlives ``work``, however else that ends."""
    try:
        apart(work, "")
    except Ended:
        return False
    except Apart:
        pass
    return True


def apart(work: Callable[[], T], who: str) -> T:
    """What ``work`` returns in a child, by way of pickle. Raises ``Apart`` for what it raises
    there, and ``Ended``, which says of ``who`` that it ended Python."""
    __tracebackhide__ = True
    if not hasattr(os, "fork") or sys.gettrace() is not None:
        return work()
    reader, writer = os.pipe()
    with tempfile.TemporaryFile() as trace:
        child = _fork()
        if child == 0:
            os.close(reader)
            _work(work, writer, trace)
        os.close(writer)
        answer = None
        try:
            answer = _read(reader)
        finally:
            if answer is None:  # it hangs, or this process is interrupted
                os.kill(child, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            os.close(reader)
        trace.seek(0)
        where = trace.read().decode(errors="replace").splitlines()
    if answer:
        fine, result = pickle.loads(answer)
        if fine:
            return result  # type: ignore[no-any-return]
        raise Apart(result)
    how = f"ended Python by {_named(code)}"
    if answer is None:
        how = f"did not come to an end within {PATIENCE:.0f} s"
    raise Ended("\n".join([f"{who} {how}.", *_own(where)[:_LINES]]))


def _fork() -> int:
    for stream in (sys.stdout, sys.stderr):  # else the child would write it once more
        stream.flush()
    with warnings.catch_warnings():
        # Of threads that there are: the child runs the work and ends, and a lock that one of them
        # held would be a child that hangs, which is told.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _work(work: Callable[[], object], writer: int, trace: IO[bytes]) -> NoReturn:
    """The child's part. It ends without what an interpreter does at its end, which is the
    parent's."""
    try:
        _no_core_file()
        faulthandler.enable(trace)
        try:
            answer = pickle.dumps((True, work()))
        except BaseException as error:
            answer = pickle.dumps((False, _told(error)))
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        with open(writer, "wb") as pipe:
            pipe.write(answer)
    finally:
        os._exit(0)


def _no_core_file() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    except (ImportError, OSError, ValueError):
        pass


def _told(error: BaseException) -> str:
    whole = traceback.TracebackException.from_exception(error)
    whole.stack = traceback.StackSummary.from_list(
        [frame for frame in whole.stack if _own([frame.filename])]
    )
    return "".join(whole.format())


def _own(lines: list[str]) -> list[str]:
    return [line for line in lines if not any(part in line for part in _FOREIGN)]


def _read(reader: int) -> bytes | None:
    """All that the child writes; None if it takes too long."""
    end = time.monotonic() + PATIENCE
    answer = b""
    with selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ)
        while selector.select(end - time.monotonic()):
            chunk = os.read(reader, 65536)
            if not chunk:
                return answer
            answer += chunk
    return None


def _named(code: int) -> str:
    if code >= 0:
        return f"the exit code {code}"
    name = next((each.name for each in signal.Signals if each == -code), f"signal {-code}")
    return f"{name} ({signal.strsignal(-code)})"
