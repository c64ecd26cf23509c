"""From a command to a server and back: connections, pools, timeouts, retry, the breaker, routing.

Nothing here knows about cache keys' names, values or Django's cache API. What connection factories
build on is exported here.
"""

from .background import in_background, listening
from .channels import Channels
from .config import ServerConfig
from .credentials import follow
from .delivery import adiscover, carry_out, discover
from .groups import Groups
from .holders import hold, reconnect, revoke
from .node import Node, Nodes, node_for
from .replicas import Readers, for_reads, instead_of, readers
from .rounds import side_by_side
from .topology import Clients, Confirmed, Instead, Parts, SingleServer, Topology, moved_on
from .urls import ConnectionOptions

__all__ = [
    "Channels",
    "Clients",
    "Confirmed",
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
    "follow",
    "for_reads",
    "hold",
    "in_background",
    "instead_of",
    "listening",
    "moved_on",
    "node_for",
    "readers",
    "reconnect",
    "revoke",
    "side_by_side",
]
