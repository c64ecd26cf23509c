"""What every client plugin promises."""

from __future__ import annotations

from typing import ClassVar

from ...interfaces import Client
from ..caller import Caller
from ..operations import Operations


class ClientContract(Operations):
    """The whole operation suite with a client plugin. In a test module of the plugin::

        from django_redis_core.testing import ClientContract

        class TestJitter(ClientContract):
            name = "jitter"

    with ``pytest_plugins = ["django_redis_core.testing.fixtures"]`` in ``conftest.py``. For more
    servers or options, and for what the plugin documents to be otherwise, see
    ``operations.suite.Suite``.
    """

    part: ClassVar = "CLIENT"

    def test_the_client_under_test_is_in_use(self, cache: Caller) -> None:
        assert isinstance(cache.cache.client, Client)
        assert self.name in cache.cache.client.name.split("+")
