"""Caches that are built while a server tells of writes."""

from __future__ import annotations

import sys
import threading
from types import FrameType
from typing import Any

from django_redis_core_near.client import NearClient
from django_redis_core_near.push import Push
from django_redis_core_near.store import Store

from .conftest import Make


def test_whoever_joins_meanwhile_disturbs_nobody(make_cache: Make) -> None:
    """Another thread builds a cache while the tracker's goes through those that it tells."""
    client = make_cache({"CLIENT": "near", "NEAR_LEASE": 30})._engine.client
    assert isinstance(client, NearClient)
    (tracker,) = client.trackers.values()
    stores = [Store(10, 1000) for _ in range(3)]
    tracker.join(stores[0])
    tracker.join(stores[1])
    joining = threading.Thread(target=tracker.join, args=(stores[2],))

    def look(frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        in_set = code.co_name == "__iter__" and "weakref" in code.co_filename
        if in_set and "item" in frame.f_locals and not joining.ident:  # it has come to the first
            joining.start()
            joining.join(0.2)  # it may have to wait
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        tracker._told(Push([b"invalidate", [b"key"]]))
    finally:
        sys.settrace(before)
    joining.join(30)
    assert set(tracker._joined()) == {client._store, *stores}
    for store in stores:
        tracker.leave(store)
