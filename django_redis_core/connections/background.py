"""Work that no caller waits for: a thread that lives as long as the work does.

A thread also for asyncio: a task ends with its loop, which under ``async_to_sync`` is the end of
one call, and what is found out belongs to the whole process.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextvars import Context

from ..exceptions import ConnectionInterrupted

logger = logging.getLogger(__name__)


def in_background(work: Callable[[], None], name: str) -> bool:
    """Runs ``work`` in a thread of its own. False: there is none to be had, and nothing was done.

    Server trouble is not told of: whoever needs the server will meet it.
    """

    def work_quietly() -> None:
        try:
            work()
        except ConnectionInterrupted:
            pass
        except Exception:
            logger.exception("%s failed", name)

    try:
        # A daemon, since the end of a process is not to wait for a server that is silent.
        # In a context of its own, since a thread may inherit its maker's (Python 3.14), and with it
        # a budget that this is none of.
        threading.Thread(target=Context().run, args=(work_quietly,), name=name, daemon=True).start()
    except RuntimeError:
        # No more threads, the interpreter is going down, or has no daemons as sub-interpreters.
        return False
    return True
