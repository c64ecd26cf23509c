"""The places among those who compute in the background, which threads take and give back."""

from __future__ import annotations

import asyncio

from django_redis_core_herd.workers import Workers


def test_a_place_is_given_back_while_another_one_is_looked_for() -> None:
    """Who is done asks nobody, so it may be at any moment."""
    workers = Workers("default", limit=2, patience=1)
    on_loop, in_thread = workers.reserve(), workers.reserve()
    assert on_loop is not None
    assert in_thread is not None
    assert workers.reserve() is None
    loop = asyncio.new_event_loop()

    def is_closed() -> bool:
        in_thread.release()  # by its thread, now
        return False

    on_loop.loop = loop
    loop.is_closed = is_closed  # type: ignore[method-assign]
    try:
        assert workers.reserve() is not None
        assert workers.reserve() is None
    finally:
        del loop.is_closed
        loop.close()
    assert len(workers.running) == 2
