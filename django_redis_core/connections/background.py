"""Work that no caller waits for: a thread that lives as long as the work does.

A thread also for asyncio: a task ends with its loop, which under ``async_to_sync`` is the end of
one call, and what is found out belongs to the whole process.
"""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Callable
from contextvars import Context

from .._interrupts import struck
from ..exceptions import ConnectionInterrupted

logger = logging.getLogger(__name__)


def _is_main() -> bool:
    """Whether this is the process' own interpreter, and not one within it (mod_wsgi has one for
    each site): its end waits for all threads, and a daemon that runs then ends the process."""
    for name in ("_interpreters", "_xxsubinterpreters"):  # since Python 3.13, and before
        try:
            interpreters = importlib.import_module(name)
        except ImportError:
            continue
        return bool(interpreters.get_current() == interpreters.get_main())
    return True


_IN_MAIN = _is_main()


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
        run = Context().run
        threading.Thread(target=run, args=(work_quietly,), name=name, daemon=_IN_MAIN).start()
    except RuntimeError as error:
        if struck(error):
            raise
        return False  # no more threads, or the interpreter is going down
    return True


def listening(
    listen: Callable[..., None], name: str, args: tuple[object, ...] = ()
) -> threading.Thread | str:
    """A daemon of its own for ``listen``, which may run for as long as the process does; or why
    there is none. An interrupt may come out of this although the thread was started."""
    if not _IN_MAIN:
        return (
            "no thread can listen in a sub-interpreter, whose end would wait for it for ever (with "
            "mod_wsgi, WSGIApplicationGroup %{GLOBAL} uses the main interpreter)"
        )
    try:
        run = Context().run  # as above
        thread = threading.Thread(target=run, args=(listen, *args), name=name, daemon=True)
        thread.start()
    except RuntimeError as error:  # no more threads, or the interpreter is going down
        if struck(error):
            raise
        return str(error)
    return thread
