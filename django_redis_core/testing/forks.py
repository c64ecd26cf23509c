"""Work in a forked child, for tests of what a fork leaves behind."""

from __future__ import annotations

import os
import traceback
import warnings
from collections.abc import Callable


def in_child(work: Callable[[], object]) -> int:
    """Runs ``work`` in a forked child and returns its exit status; see ``forked``."""
    return status_of(forked(work))


def forked(work: Callable[[], object]) -> int:
    """Begins ``work`` in a forked child and returns its process id. The child ends with 0, or with
    1 and a traceback where ``work`` raised."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork: that is the test
        child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def status_of(child: int) -> int:
    """Waits until a child has ended and returns its exit status."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
