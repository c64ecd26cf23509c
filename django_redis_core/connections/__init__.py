"""From a command to a server and back: connections, pools, timeouts, retry, the breaker, routing.

Nothing here knows about cache keys' names, values or Django's cache API. What connection factories
build on is exported here.
"""

from .config import ServerConfig
from .node import Node, node_for
from .topology import SingleServer, Topology

__all__ = ["Node", "ServerConfig", "SingleServer", "Topology", "node_for"]
