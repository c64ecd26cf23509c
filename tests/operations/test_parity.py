"""Every operation is written once and offered in every way, and the suite covers it."""

from __future__ import annotations

import inspect
import pydoc
from collections import Counter
from types import CodeType
from typing import Any, get_args, get_origin

import pytest
from django.core.cache.backends.base import BaseCache

from django_redis_core._engine.together import RESERVED
from django_redis_core._operations.declare import Family
from django_redis_core.cache import AsyncPipeline, Pipeline, RedisCache, Result, stub
from django_redis_core.cache.contract import Contract
from django_redis_core.cache.methods import Methods
from django_redis_core.interfaces import OPERATIONS, Client
from django_redis_core.testing.operations import Operations
from django_redis_core.testing.operations.suite import Suite

SUITES = [base for base in Operations.__mro__ if base is not Suite and "covers" in vars(base)]

#: What a cache has besides its operations. Whoever adds to it says why it is no operation.
NO_OPERATIONS = {
    *("alias", "async_raw_client", "built", "client", "numbers", "raw_client"),
    *("pipeline", "apipeline"),
    *("close", "aclose"),
    *("key_prefix", "version", "key_func", "default_timeout"),
    *("make_key", "make_pattern", "validate_key", "make_and_validate_key", "get_backend_timeout"),
}


def public(owner: type) -> set[str]:
    return {name for name in dir(owner) if not name.startswith("_")}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_defined_once_in_one_family(name: str) -> None:
    homes = [base for base in Client.__mro__ if name in vars(base)]
    assert len(homes) == 1
    assert issubclass(homes[0], Family)
    assert homes[0] is not Client
    assert inspect.signature(vars(homes[0])[name]) == OPERATIONS[name].signature


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_waits_for_nothing(name: str) -> None:
    assert inspect.isgeneratorfunction(getattr(Client, name))


def ways(name: str) -> list[Any]:
    return [
        getattr(RedisCache, name),
        getattr(RedisCache, f"a{name}"),
        getattr(Pipeline, name),
        getattr(AsyncPipeline, name),
    ]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_offered_in_every_way_with_one_signature(name: str) -> None:
    declared = list(OPERATIONS[name].signature.parameters.values())
    for method in ways(name):
        shown = list(inspect.signature(method).parameters.values())
        assert [one for one in shown if one.name != "client"] == declared
        assert method.__doc__ == getattr(Client, name).__doc__
    for method in ways(name)[:2]:
        assert inspect.signature(method).parameters["client"].default is None
    assert getattr(RedisCache, name).__name__ == name
    assert getattr(RedisCache, f"a{name}").__name__ == f"a{name}"


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_shows_what_a_call_returns(name: str) -> None:
    """And not the generator that the operation is, which is nobody's to see."""
    for method in ways(name):
        function = inspect.unwrap(method)
        assert not inspect.isgeneratorfunction(function)
        assert "Generator" not in str(inspect.signature(method))
    blocking, native, queue, aqueue = [
        inspect.signature(way).return_annotation for way in ways(name)
    ]
    if not OPERATIONS[name].stream:
        assert blocking == native
    assert get_args(queue) == (list[Any] if OPERATIONS[name].stream else blocking,)
    assert queue == aqueue
    assert get_origin(queue) is Result


def test_help_shows_a_call_as_it_is_written() -> None:
    text = pydoc.plain(pydoc.render_doc(RedisCache.delete_many))
    assert "client: Any = None" in text
    assert "-> int | None" in text
    assert str(inspect.signature(RedisCache.ttl).return_annotation) == "int | None"


def test_type_checkers_are_shown_what_is_declared() -> None:
    """A change of a declaration comes with ``python -m django_redis_core.cache.stub``."""
    assert stub.FILE.read_text(encoding="utf-8") == stub.stub()


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_documented(name: str) -> None:
    assert getattr(Client, name).__doc__


def test_a_cache_has_nothing_that_is_no_operation() -> None:
    names = public(RedisCache)
    assert names - NO_OPERATIONS == {*OPERATIONS, *(f"a{name}" for name in OPERATIONS)}
    assert names >= NO_OPERATIONS


@pytest.mark.parametrize("pipeline", [Pipeline, AsyncPipeline])
def test_a_pipeline_has_the_operations_and_execute(pipeline: type) -> None:
    assert public(pipeline) == {*OPERATIONS, "execute"}


def test_a_plugin_is_refused_a_name_that_a_cache_has() -> None:
    assert {*NO_OPERATIONS, "execute"} <= {*RESERVED, *dir(BaseCache)}


def test_django_has_no_method_that_would_run_in_a_thread() -> None:
    own = {*vars(RedisCache), *vars(Methods), *vars(Contract)}
    # It only looks at keys.
    assert public(BaseCache) - own == {"validate_key"}
    assert "__contains__" in vars(RedisCache)


@pytest.mark.parametrize("name", sorted(public(BaseCache) & set(OPERATIONS)))
def test_django_callers_may_name_arguments_as_ever(name: str) -> None:
    """Every call that Django's signature allows is allowed here, and means the same."""
    theirs = list(inspect.signature(getattr(BaseCache, name)).parameters.values())
    ours = list(inspect.signature(getattr(RedisCache, name)).parameters.values())
    for their, our in zip(theirs, ours, strict=False):
        if their.kind is not their.VAR_KEYWORD:
            assert (our.name, our.default) == (their.name, their.default)
    wanted = [their for their in theirs if their.kind is not their.VAR_KEYWORD]
    assert len(ours) >= len(wanted)


def names_in(code: CodeType) -> set[str]:
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*map(names_in, inner))


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.__name__)
def test_the_suite_covers_every_operation_of_its_family(suite: type[Suite]) -> None:
    tests = [
        value
        for base in SUITES
        if base.covers is suite.covers
        for name, value in vars(base).items()
        if name.startswith("test_")
    ]
    used = set().union(*(names_in(test.__code__) for test in tests))
    assert {name for name in OPERATIONS if name in vars(suite.covers)} <= used


def test_the_suite_covers_these_families() -> None:
    covered = {suite.covers.__name__ for suite in SUITES}
    assert covered >= {"Strings", "Counters", "Versions", "Expiry", "Scanning", "Locks"}


def test_no_test_of_the_suite_hides_another() -> None:
    names = Counter(name for suite in SUITES for name in vars(suite) if name.startswith("test_"))
    assert [name for name, count in names.items() if count > 1] == []
