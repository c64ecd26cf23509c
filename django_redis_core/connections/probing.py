"""Finding out whether a server that failed is well again, where no caller needs to wait for it.

Where another server can answer, whoever meets an open breaker goes there and leaves the question
behind. Else a silent replica would cost one of its callers a timeout every second, for as long as
it is away.
"""

from __future__ import annotations

import time
import weakref
from functools import partial

from ..exceptions import ConnectionInterrupted, ServerTimeout
from .background import in_background
from .node import Node
from .trial import ping
from .troubles import translate

#: Until when nobody else need try a server, though it is due.
_tried: weakref.WeakKeyDictionary[Node, float] = weakref.WeakKeyDictionary()


def left_out(node: Node) -> bool:
    """Whether ``node`` is to be passed over, for it failed lately. Has it tried in the background
    when that is due. False also where there is no thread for that: then the caller tries it."""
    breaker = node.breaker
    if not breaker.opened:
        return False
    now = time.monotonic()
    if now >= breaker.probe_at and now >= _tried.get(node, 0.0):
        _tried[node] = now + breaker.interval
        return in_background(partial(_try_out, node), f"trying {node.name}")
    return True


def _try_out(node: Node) -> None:
    """The breaker is not asked: who has no other server to go to is admitted as before."""
    try:
        ping(node.config)
    except Exception as error:
        trouble = translate(error, node.name)
        if trouble is None:
            raise
        if type(trouble) in (ConnectionInterrupted, ServerTimeout):
            node.breaker.failed(trouble)
    else:
        node.breaker.succeeded()
