"""Nodes that run by themselves, in the process of the test: as `tf-raft serve` has them, with their state in memory."""

import socket
from types import TracebackType
from typing import Self

from tests.clusters.lab import until
from tfraft.adapters.state.memory import MemoryDisk, MemorySnapshotStore, MemoryStateManager
from tfraft.clusters.hosting import Place, start_node
from tfraft.clusters.ports import HOST
from tfraft.core.config import IN_PROCESS
from tfraft.core.configuration import Configuration, ServerId
from tfraft.node.node import RaftNode
from tfraft.node.status import Event

CLUSTER = "c" * 32


class Hosted:
    """Nodes by name, each at a port that a socket holds which never listens: so nobody else gets it meanwhile."""

    def __init__(self, *founders: ServerId, cluster_id: str = CLUSTER) -> None:
        self.nodes: dict[ServerId, RaftNode] = {}
        self.events: list[Event] = []
        self._founders = founders
        self._cluster_id = cluster_id
        self._disks: dict[ServerId, MemoryDisk] = {}
        self._ports: dict[ServerId, socket.socket] = {}

    async def __aenter__(self) -> Self:
        configuration = Configuration.of({name: self.address(name) for name in self._founders})
        for name in self._founders:
            await self.start(name, configuration)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for node in self.nodes.values():
            await node.stop(hand_over=False)
        for held in self._ports.values():
            held.close()

    def address(self, name: ServerId) -> str:
        """Where this node listens."""
        if name not in self._ports:
            held = self._ports[name] = socket.socket()
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind((HOST, 0))
        return f"{HOST}:{self._ports[name].getsockname()[1]}"

    @property
    def addresses(self) -> list[str]:
        """Where the nodes listen that run, in the order of their start."""
        return [self.address(name) for name in self.nodes]

    async def start(self, name: ServerId, founders: Configuration | None = None) -> RaftNode:
        """Start a node, with what it had if it ran before; without founders it waits to be contacted."""
        disk = self._disks.setdefault(name, MemoryDisk())
        place = Place(name, self._cluster_id, self.address(name), config=IN_PROCESS)
        node = self.nodes[name] = await start_node(
            place, MemoryStateManager(disk), MemorySnapshotStore(disk), founders, self.events.append
        )
        return node

    async def stop(self, name: ServerId) -> None:
        """Stop a node as one that crashes: nothing is handed over."""
        await self.nodes.pop(name).stop(hand_over=False)

    async def leader(self) -> ServerId:
        """The node that leads, once there is one that has committed in its term."""
        found: list[ServerId] = []

        async def leads() -> bool:
            found[:] = [
                name
                for name, node in self.nodes.items()
                if node.status().role == "leader" and node.raft.state.has_committed_in_term
            ]
            return bool(found)

        await until(leads)
        return found[0]
