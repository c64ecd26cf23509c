"""What every connection factory promises."""

from __future__ import annotations

import pickle
from typing import ClassVar

from ..._plugins.registry import registry
from ...commands import SET
from ...connections import carry_out
from ...connections.topology import Topology
from ...interfaces import ConnectionFactory
from ..caller import Caller
from .at_import import work_at_import
from .reaching import ReachingServers


class ConnectionFactoryContract(ReachingServers):
    """The whole operation suite on the servers that a connection factory finds. In a test module
    of the plugin::

        from django_redis_core.testing import ConnectionFactoryContract

        class TestConsul(ConnectionFactoryContract):
            name = "consul"

            @pytest.fixture
            def location(self, consul):       # a fixture that starts servers once a session
                return "consul://cache"

            @pytest.fixture
            def options(self, consul):
                return {"CONSUL": consul.address}

    with ``pytest_plugins = ["django_redis_core.testing.fixtures"]`` in ``conftest.py``. Reads must
    see what was written, so the servers should have no replicas that serve reads. What the servers
    cannot do is stated in ``limits``. Tests of your own are given a ``cache``, or ``make`` more.
    """

    part: ClassVar = "CONNECTION_FACTORY"

    def test_the_factory_under_test_is_in_use(self, cache: Caller) -> None:
        plugin = cache.cache._engine.options.connection_factory.plugin
        assert issubclass(plugin, ConnectionFactory)
        assert plugin is registry.plugin("connection_factory", self.name, type(self).__name__)
        assert isinstance(cache.cache._engine.topology, Topology)

    def test_importing_it_does_nothing_else(self) -> None:
        plugin = registry.plugin("connection_factory", self.name, type(self).__name__)
        done = work_at_import("connection_factory", self.name, plugin)
        assert not done, done

    def test_a_raw_client_reaches_the_server_of_a_key(self, cache: Caller) -> None:
        cache.set("k", "value")
        client, full = cache.raw("k")
        assert pickle.loads(client.get(full)) == "value"
        assert cache.cache.raw_client().ping()
        assert cache.cache.raw_client(write=False).ping()

    def test_no_server_shows_a_secret(self, cache: Caller) -> None:
        cache.set("k", "value")
        for node in cache.cache._engine.topology.nodes():
            assert "@" not in node.name
            assert "@" not in repr(node)

    def test_who_confirms_primaries_confirms_that_of_a_write(self, cache: Caller) -> None:
        """Where it can say who the primaries are, and nothing happens to them."""
        cache.set("k", "value")
        topology = cache.cache._engine.topology
        found = carry_out(topology.confirm(5))
        assert bool(found) is topology.confirms, "`confirms` says whether it can be asked"
        if topology.confirms:
            node = topology.route(SET(cache.cache.make_key("k"), b""))
            assert node in found, f"{node} takes writes, and confirm() does not name it"
            assert not isinstance(found[node], Exception), found[node]
            hash(found[node])
            assert carry_out(topology.confirm(5)) == found, "nothing has changed"

    def test_closing_idle_connections_costs_no_error(self, cache: Caller) -> None:
        cache.set("k", "value")
        cache.cache._engine.close_idle()
        assert cache.get("k") == "value"
