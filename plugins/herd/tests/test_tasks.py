"""``task=``: a task of Django's computes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from typing import Any

import django
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from .conftest import Clock
from .test_cached import site  # noqa: F401 - a fixture
from .test_refresh import settle

FUNCTIONS = f"{__package__}.cached_functions"
BACKEND = "django.tasks.backends.{}Backend"

if django.VERSION < (6, 0):

    def test_without_tasks_in_django_it_is_refused() -> None:
        with pytest.raises(ImproperlyConfigured, match=r"squared needs Django 6\.0 or later"):
            importlib.import_module(FUNCTIONS)

else:

    @pytest.fixture
    def functions(site: Any) -> Iterator[Any]:
        sys.modules.pop(FUNCTIONS, None)
        tasks = {
            "default": {"BACKEND": BACKEND.format("immediate.Immediate")},
            "queue": {"BACKEND": BACKEND.format("dummy.Dummy")},
        }
        with override_settings(TASKS=tasks):
            yield importlib.import_module(FUNCTIONS)

    @pytest.fixture
    def queued(functions: Any) -> Iterator[list[Any]]:
        """What was queued, by whichever thread: each has a queue of its own here."""
        from django.tasks.signals import task_enqueued

        found: list[Any] = []

        def note(task_result: Any, **_: Any) -> None:
            found.append(task_result)

        task_enqueued.connect(note)
        yield found
        task_enqueued.disconnect(note)

    def test_a_task_computes(site: Any, functions: Any, clock: Clock) -> None:
        assert functions.squared(3) == 9
        site.set(functions.squared.key(3), "old", 10)
        clock.ahead += 12
        assert functions.squared(3) == "old"
        settle(site)
        assert functions.squared(3) == 9
        assert functions.CALLS == [3, 3]

    async def test_a_task_computes_a_coroutine(
        site: Any,
        functions: Any,
        clock: Clock,
    ) -> None:
        assert await functions.cubed(3) == 27
        await site.aset(functions.cubed.key(3), "old", 10)
        clock.ahead += 12
        assert await functions.cubed(3) == "old"
        for worker in list(site._engine.client.workers.running):
            await worker.task
        assert await functions.cubed(3) == 27

    def test_a_queue_of_the_sites_choice_has_the_call(
        site: Any,
        functions: Any,
        queued: list[Any],
        clock: Clock,
    ) -> None:
        site.set(functions.queued.key(3, by=2), "old", 60)
        clock.ahead += 62
        assert [functions.queued(3, by=2) for _ in range(3)] == ["old"] * 3
        settle(site)
        (result,) = queued
        assert functions.CALLS == []
        # What a worker does with it, which has found the task by its name.
        module, name = result.task.module_path.rsplit(".", 1)
        getattr(importlib.import_module(module), name).call(*result.args, **result.kwargs)
        assert functions.CALLS == [3]
        assert functions.queued(3, by=2) == 6
        # Queued twice, the second one finds it done.
        result.task.call(*result.args, **result.kwargs)
        assert functions.CALLS == [3]

    def test_what_was_deleted_before_the_task_ran_stays_so(
        site: Any,
        functions: Any,
        queued: list[Any],
        clock: Clock,
    ) -> None:
        site.set(functions.queued.key(4), "old", 60)
        clock.ahead += 62
        assert functions.queued(4) == "old"
        settle(site)
        (result,) = queued
        functions.queued.invalidate(4)
        result.task.call(*result.args, **result.kwargs)
        assert site.get(functions.queued.key(4)) is None
        assert functions.CALLS == []
