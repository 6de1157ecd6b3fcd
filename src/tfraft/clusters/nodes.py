"""What a ready-made cluster asks of its nodes, whatever they are made of: objects in this process, or processes."""

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from tfraft.adapters.network.links import LinkFaults
from tfraft.clusters.cluster_file import NodeRecord
from tfraft.core.configuration import Configuration, ServerId
from tfraft.node.status import LogEntry, NodeStatus


class Farewell(Enum):
    """How a node ends."""

    HAND_OVER = "hand over"
    """In good order, while the others go on: a leader lets another lead first (§3.10)."""
    STOP = "stop"
    """In good order, with all the others."""
    KILL = "kill"
    """At once, without what it has not saved."""


class Nodes(Protocol):
    """The nodes of one cluster. The cluster calls each method only for a node in the right state.

    While a node runs, its events go to the cluster; so does the news that it has ended by itself."""

    def place(self, nodes: Sequence[NodeRecord]) -> tuple[dict[ServerId, str], list[str]]:
        """The address at which each of `nodes` listens from now on, and remarks for the user on how they were chosen.

        What is recorded is kept where that is possible. Raises SettingError where there is no address left."""

    def redis_address(self, server_id: ServerId) -> str:
        """Where Redis clients reach a node that has been placed; empty where they do not."""

    async def start(self, server_id: ServerId, founders: Configuration, faults: LinkFaults) -> None:
        """Start a node at its address; one that has no state begins with `founders` (none: it is to be contacted).

        Where it raises, nothing of the node is left."""

    async def end(self, server_id: ServerId, ending: Farewell) -> None:
        """End a node. Its address stays its own."""

    def forget(self, server_id: ServerId) -> None:
        """The node has ended and does not come back: its address is free."""

    async def break_links(self, server_id: ServerId, faults: LinkFaults) -> None:
        """Make the links of a node as bad as `faults`, and no worse. Raises Unavailable where it gives no answer."""

    async def status(self, server_id: ServerId) -> NodeStatus | None:
        """The status of a node; None where it does not answer within a second."""

    async def log(self, server_id: ServerId, first: int, last: int) -> list[LogEntry]:
        """The entries of a node's log. Raises Unavailable where it does not answer."""

    async def close(self) -> None:
        """Free everything; all nodes have ended. Closing twice is closing once."""
