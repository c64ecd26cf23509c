"""What every client plugin promises."""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

from ..._plugins.registry import registry
from ...cache import RedisCache
from ...exceptions import SealError
from ...interfaces import Client, Compressor, Sealer
from ...management.recode import refusal
from ..caller import Caller
from ..fixtures import MakeCache
from .at_import import work_at_import
from .behaviour import ClientBehaviour

#: What entries hold that are rewritten, and live for some seconds or for ever.
VALUES: dict[str, Any] = {
    "text": "x" * 500,
    "digits": "12",
    "int": 12,
    "float": 1.5,
    "nothing": None,
    "false": False,
    "nested": {"a": [1, "b", None], "c": {"d": 2.5}},
}
LIVES = (1000, None)

MakeWith = Callable[..., RedisCache]


class Deflate(Compressor):
    """A format to move entries away from."""

    name = "kit-deflate"
    magic = (b"\x78",)
    default_min_length = 0

    def compress(self, data: bytes) -> bytes:
        return zlib.compress(data)

    def decompress(self, data: bytes) -> bytes:
        return self.unpack(zlib.decompressobj(), data, zlib.error)


class BoundToKeys(Sealer):
    """A sealer with a secret that everybody knows: for tests of who seals, not of how well."""

    name = "kit-sealer"
    deterministic = True

    def seal(self, key: str, data: bytes) -> bytes:
        return b"sealed" + self._mac(key, data) + data

    def unseal(self, key: str, data: bytes) -> bytes:
        plain = data[38:]
        if data[:38] != b"sealed" + self._mac(key, plain):
            raise SealError("sealed for another key, or not at all")
        return plain

    def _mac(self, key: str, data: bytes) -> bytes:
        return hmac.digest(key.encode(), data, hashlib.sha256)


class ClientContract(ClientBehaviour):
    """The whole operation suite with a client plugin. In a test module of the plugin::

        from django_redis_core.testing import ClientContract

        class TestJitter(ClientContract):
            name = "jitter"

    with ``pytest_plugins = ["django_redis_core.testing.fixtures"]`` in ``conftest.py``. A client
    that adds operations shows each in ``examples``. For more servers or options the fixtures
    ``location`` and ``options`` are overridden; what the plugin documents that it cannot do is
    stated in ``limits``. Tests of your own are given a ``cache``, or ``make`` more.
    """

    part: ClassVar = "CLIENT"

    @pytest.fixture
    def make_with(
        self, make_cache: MakeCache, location: Any, options: Mapping[str, Any]
    ) -> MakeWith:
        """``make_with(**more)``: a cache with the client under test on the same entries as every
        other one that it makes, with ``more`` in OPTIONS."""

        def make_with(**more: Any) -> RedisCache:
            every = {self.part: self.name, **options, **more}
            return make_cache(every, LOCATION=location, KEY_PREFIX="test-one-for-all")

        return make_with

    def test_the_client_under_test_is_in_use(self, cache: Caller) -> None:
        plugin = registry.plugin("client", self.name, type(self).__name__)
        client = cache.cache._engine.client
        assert isinstance(client, Client)
        assert plugin.name in client.name.split("+")

    def test_importing_it_does_nothing_else(self) -> None:
        plugin = registry.plugin("client", self.name, type(self).__name__)
        done = work_at_import("client", self.name, plugin)
        assert not done, done

    def test_entries_are_recoded(self, make_with: MakeWith) -> None:
        """``manage.py redis_cache recode`` moves them to another format: with what the client adds
        to them, and with the value and expiry that they have."""
        # Without a sealer, which may seal what it is given to other bytes each time.
        old = make_with(COMPRESSOR=Deflate, SEALER="none")
        new = make_with(COMPRESSOR=["identity", Deflate], SEALER="none")
        client = new._engine.client
        assert refusal(client) is None, refusal(client)
        stored = {
            f"{name}-for-{timeout}": (value, timeout)
            for name, value in VALUES.items()
            for timeout in LIVES
        }
        rewritten = 0
        for key, (value, timeout) in stored.items():
            old.set(key, value, timeout)
            full = old.make_key(key)
            server: Any = old.raw_client(key=key)
            before = server.get(full)
            try:
                after = client.recoded(full, before)
                again = client.recoded(full, after)
            except Exception as error:
                pytest.fail(f"{before!r}, which holds {value!r}, is not recoded: {error!r}")
            assert again == after, f"what is recoded already is rewritten: {after!r} to {again!r}"
            server.set(full, after, keepttl=True)
            rewritten += before != after
        assert rewritten, "no entry was rewritten to the format that is written first"
        # The last one cannot read the format that they had.
        for cache in (new, make_with(COMPRESSOR="identity", SEALER="none")):
            read = cache.get_many(stored)
            for key, (value, timeout) in stored.items():
                assert read.get(key, "missed") == value, f"{key!r} does not outlive recoded()"
                assert cache.ttl(key) == (timeout and pytest.approx(timeout, abs=30))

    def test_a_sealed_entry_is_moved_to_another_version(self, make_with: MakeWith) -> None:
        """A sealer binds an entry to its key, so it is sealed anew, with what the client adds."""
        cache = make_with(SEALER=BoundToKeys)
        for name, value in VALUES.items():
            for timeout in LIVES:
                cache.set("k", value, timeout)
                try:
                    assert cache.incr_version("k") == 2
                except ValueError as error:
                    pytest.fail(f"resealed() does not read what holds {value!r}: {error}")
                assert cache.get("k", "missed") == "missed"
                assert cache.get("k", "missed", version=2) == value, f"{name} is lost"
                assert cache.ttl("k", version=2) == (timeout and pytest.approx(timeout, abs=30))
