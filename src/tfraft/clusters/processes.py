"""TcpCluster and GrpcCluster: every node a process of its own on this machine, on the loopback interface.

async with TcpCluster(5, data="./demo") as cluster:
    await cluster.set("greeting", "hello world")
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import ClassVar

from tfraft.adapters.network.admin import MAX_EVENTS, AdminClient
from tfraft.adapters.network.links import LinkFaults
from tfraft.clusters.cluster_file import ClusterKind, NodeRecord
from tfraft.clusters.home import Home, HomeSettings
from tfraft.clusters.nodes import Farewell, Nodes
from tfraft.clusters.ports import FIRST_PORT, HOST, Ports
from tfraft.clusters.ready import ReadyCluster
from tfraft.clusters.redis_ports import RedisPorts
from tfraft.clusters.roster import Roster
from tfraft.clusters.spec import NodeSpec
from tfraft.clusters.supervisor import NodeProcess
from tfraft.clusters.transports import Transport, client_of
from tfraft.core.config import RaftConfig
from tfraft.core.configuration import Configuration, ServerId
from tfraft.errors import Unavailable
from tfraft.node.settings import NodeSettings
from tfraft.node.status import Event, LogEntry, NodeStatus

LISTEN_AGAIN_S = 0.1
"""The pause before we listen again to a node whose events we cannot hear any more."""


class ProcessCluster(ReadyCluster):
    """A cluster of `nodes` processes, or of those that `data` holds; none of them outlives this one.

    Without `data` the nodes keep their state in a temporary directory, which goes with the cluster; so a node that was
    stopped or killed can be started again. `fresh` begins anew in `data`. With `state="memory"` a node that ends has
    lost its state and must be replaced by a new one. Redis clients reach the nodes at `redis_port` and those that
    follow, 0 for any that are free; with None they do not.

    Raises SettingError for settings that make no sense; entering raises a DataError where `data` cannot be used."""

    kind: ClassVar[ClusterKind]
    transport: ClassVar[Transport]

    def __init__(
        self,
        nodes: int | None = None,
        *,
        data: str | Path | None = None,
        state: str | None = None,
        fresh: bool = False,
        config: RaftConfig | None = None,
        settings: NodeSettings | None = None,
        redis_port: int | None = None,
    ) -> None:
        super().__init__(
            HomeSettings.of(self.kind, nodes, data, state, fresh), self.kind.upper(), client_of(self.transport)
        )
        self._config = config or RaftConfig()
        self._node_settings = settings or NodeSettings()
        self._redis_port = redis_port
        self._processes: ProcessNodes | None = None

    @property
    def pids(self) -> dict[ServerId, int]:
        """The number of the process of each node that runs."""
        return self._processes.pids if self._processes else {}

    def _make_nodes(self, home: Home | None) -> Nodes:
        assert home is not None, "processes always have a home"
        self._processes = ProcessNodes(
            home, self.transport, self._config, self._node_settings, self._roster, RedisPorts(self._redis_port)
        )
        return self._processes


class TcpCluster(ProcessCluster):
    """A cluster of processes that talk frames over TCP: the fast one. See `ProcessCluster`."""

    kind = ClusterKind.TCP
    transport = Transport.TCP


class GrpcCluster(ProcessCluster):
    """A cluster of processes that talk gRPC. See `ProcessCluster`."""

    kind = ClusterKind.RPC
    transport = Transport.GRPC


class ProcessNodes(Nodes):
    """Nodes that are processes. What they tell, and that one has ended by itself, goes to the roster."""

    def __init__(
        self,
        home: Home,
        transport: Transport,
        config: RaftConfig,
        settings: NodeSettings,
        roster: Roster,
        redis_ports: RedisPorts,
    ) -> None:
        self._home = home
        self._transport = transport
        self._config = config
        self._settings = settings
        self._roster = roster
        self._ports = Ports()
        self._redis_ports = redis_ports
        self._book: dict[ServerId, str] = {}
        self._running: dict[ServerId, RunningNode] = {}
        self._ended: list[RunningNode] = []

    @property
    def pids(self) -> dict[ServerId, int]:
        """The number of the process of each node that runs."""
        return {server_id: node.process.pid for server_id, node in self._running.items()}

    def place(self, nodes: Sequence[NodeRecord]) -> tuple[dict[ServerId, str], list[str]]:
        """The ports of the last run, or else those that follow the first one in the order of the nodes."""
        first = 1 + max(map(port_of, self._book.values()), default=FIRST_PORT - 1)
        wanted = {node.server_id: port_of(node.address) or port for port, node in enumerate(nodes, first)}
        ports, remarks = self._ports.assign(wanted)
        addresses = {server_id: f"{HOST}:{port}" for server_id, port in ports.items()}
        self._book.update(addresses)
        self._redis_ports.place(addresses)
        remembered = "" if self._home.temporary else f", remembered in {self._home.path}"
        return addresses, [remark + remembered for remark in remarks]

    def redis_address(self, server_id: ServerId) -> str:
        return self._redis_ports.address(server_id)

    async def start(self, server_id: ServerId, founders: Configuration, faults: LinkFaults) -> None:
        # It may have told that its disk has failed, and not have ended yet.
        await self.end(server_id, Farewell.STOP)
        spec = NodeSpec(
            server_id=server_id,
            address=self._book[server_id],
            parent=os.getpid(),
            directory=str(self._home.path),
            cluster_id=self._home.cluster_id,
            state=self._home.state,
            config=self._config,
            settings=self._settings,
            founders=dict(founders.voters),
            book=self._book,
            faults=faults,
            redis=self.redis_address(server_id),
            transport=self._transport,
        )
        on_end = partial(self._on_end, server_id)
        process = await NodeProcess.start(spec, self._home.path / f"{server_id}.log", on_end)
        self._running[server_id] = RunningNode(process, AdminClient(spec.address), self._roster.on_event)

    async def end(self, server_id: ServerId, ending: Farewell) -> None:
        node = self._running.pop(server_id, None)
        if node is not None:  # It may have ended by itself a moment ago.
            await node.end(ending)

    def forget(self, server_id: ServerId) -> None:
        self._book.pop(server_id)
        self._ports.release(server_id)
        self._redis_ports.forget(server_id)

    async def break_links(self, server_id: ServerId, faults: LinkFaults) -> None:
        await self._running[server_id].admin.links(faults)

    async def status(self, server_id: ServerId) -> NodeStatus | None:
        try:
            return await self._running[server_id].admin.status(timeout_s=1.0)
        except Unavailable:
            return None

    async def log(self, server_id: ServerId, first: int, last: int) -> list[LogEntry]:
        return await self._running[server_id].admin.log(first, last)

    async def close(self) -> None:
        # Among those that run may be one that has told that its disk has failed, and has not ended yet.
        for node in [*self._ended, *self._running.values()]:
            await node.end(Farewell.KILL)
        self._ended.clear()
        self._running.clear()
        self._ports.release_all()
        self._redis_ports.release_all()

    def _on_end(self, server_id: ServerId, why: str) -> None:
        node = self._running.pop(server_id)
        node.stop_listening()
        self._ended.append(node)
        self._roster.on_failure(server_id, why)


class RunningNode:
    """A process of a node with the way to look into it."""

    def __init__(self, process: NodeProcess, admin: AdminClient, on_event: Callable[[Event], None]) -> None:
        self.process = process
        self.admin = admin
        self._on_event = on_event
        self._heard: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._listener = asyncio.create_task(self._listen(), name=f"events of process {process.pid}")

    async def end(self, ending: Farewell) -> None:
        """End the process."""
        try:
            if ending is Farewell.KILL:
                await self.process.kill()
            else:
                await self.process.stop(hand_over=ending is Farewell.HAND_OVER)
        finally:
            await self.release()

    def stop_listening(self) -> None:
        """Pass on no more events: the next process at this address is another node."""
        self._listener.cancel()

    async def release(self) -> None:
        """Free what is bound to a process that has ended."""
        self.stop_listening()
        await asyncio.wait([self._listener])
        await self.admin.close()

    async def _listen(self) -> None:
        """Pass on each event once, also those from before we listened, and from when the connection was lost."""
        while True:
            with suppress(Unavailable):
                async for event in self.admin.watch():
                    if event not in self._heard:
                        self._heard.append(event)
                        self._on_event(event)
            await asyncio.sleep(LISTEN_AGAIN_S)


def port_of(address: str) -> int:
    """The port in an address; 0 where there is none."""
    port = address.rpartition(":")[2]
    return int(port) if port.isdecimal() else 0
