"""A plugin's stated limit is asserted where the suite would use it, and fails when it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

from django_redis_core import hookimpl, register
from django_redis_core._operations.expiry import Expiry
from django_redis_core.cache import RedisCache
from django_redis_core.interfaces import Client
from django_redis_core.testing.caller import Caller, LimitShown
from django_redis_core.testing.operations.expiry import ExpirySuite


class MortalClient(Client):
    """Its entries always expire."""

    name = "mortal"

    def persist(self, key: Any, version: Any = None) -> Any:
        raise NotImplementedError("entries of this cache always expire")
        yield


class Plugin:
    __name__ = "mortal"

    @hookimpl
    def register_client(self) -> type[Client]:
        return MortalClient


register(Plugin())


class TestMortal(ExpirySuite):
    name = "mortal"
    limits: ClassVar[Mapping[str, str]] = {
        "persist": "always expire",
        "test_a_limit_of_one_test": "of one test",
    }

    def test_a_limit_of_one_test(self, cache: Caller) -> None:
        cache.set("k", 1)
        raise NotImplementedError("of one test")

    def test_what_is_no_limit_is_asserted(self, cache: Caller) -> None:
        with pytest.raises(LimitShown):
            cache.persist("k")
        assert cache.ttl("k") == 0


def test_a_limit_that_is_gone_fails(
    make_cache: Callable[..., RedisCache], cache_loop: asyncio.AbstractEventLoop
) -> None:
    cache = Caller(make_cache(), "blocking", cache_loop, {"persist": "always expire"})
    with pytest.raises(
        pytest.fail.Exception, match="always expire', and it does not fail: take it out"
    ):
        cache.persist("k")


def test_a_limit_that_fails_otherwise_fails(
    make_cache: Callable[..., RedisCache], cache_loop: asyncio.AbstractEventLoop
) -> None:
    cache = Caller(make_cache({"CLIENT": "mortal"}), "blocking", cache_loop, {"persist": "other"})
    with pytest.raises(AssertionError, match="other"):
        cache.persist("k")


def test_a_limit_of_nothing_that_there_is_fails() -> None:
    class Misspelt(TestMortal):
        limits: ClassVar[Mapping[str, str]] = {"persits": "always expire"}

    with pytest.raises(AssertionError, match=r"names \['persits'\]: no operation and no test"):
        Misspelt().test_limits_name_operations_or_tests()


def test_the_suite_would_see_it_without_the_limit() -> None:
    assert Expiry.persist is not MortalClient.persist
