"""From a command to a server and back: connections, pools, timeouts, retry, the breaker, routing.

Nothing here knows about cache keys' names, values or Django's cache API. What connection factories
build on is exported here.
"""

from .background import in_background
from .channels import Channels
from .config import ServerConfig
from .delivery import adiscover, carry_out, discover
from .groups import Groups
from .holders import hold, reconnect
from .node import Node, Nodes, node_for
from .replicas import Readers, for_reads, instead_of, readers
from .rounds import side_by_side
from .topology import Clients, Instead, Parts, SingleServer, Topology, moved_on
from .urls import ConnectionOptions

__all__ = [
    "Channels",
    "Clients",
    "ConnectionOptions",
    "Groups",
    "Instead",
    "Node",
    "Nodes",
    "Parts",
    "Readers",
    "ServerConfig",
    "SingleServer",
    "Topology",
    "adiscover",
    "carry_out",
    "discover",
    "for_reads",
    "hold",
    "in_background",
    "instead_of",
    "moved_on",
    "node_for",
    "readers",
    "reconnect",
    "side_by_side",
]
