"""MemoryCluster: all nodes in this process and on its event loop, over a network in memory.

async with MemoryCluster(3) as cluster:
    await cluster.set("greeting", "hello world")
    await cluster.get("greeting")
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from tfraft.adapters.network.links import LinkFaults, Links
from tfraft.adapters.network.memory import MemoryNetwork, MemoryServer
from tfraft.adapters.state.memory import MemoryDisk, MemorySnapshotStore, MemoryStateManager
from tfraft.clusters.cluster_file import ClusterKind, NodeRecord
from tfraft.clusters.home import Home, HomeSettings
from tfraft.clusters.nodes import Farewell, Nodes
from tfraft.clusters.ready import ReadyCluster
from tfraft.clusters.redis_ports import RedisPorts
from tfraft.clusters.states import storage
from tfraft.core.config import IN_PROCESS, RaftConfig
from tfraft.core.configuration import Configuration, ServerId
from tfraft.node.node import RaftNode
from tfraft.node.settings import NodeSettings
from tfraft.node.status import Event, LogEntry, NodeStatus
from tfraft.ports import PeerFactory, Server, SnapshotStore, StateMachine, StateManager
from tfraft.store.store import Store


class MemoryCluster(ReadyCluster):
    """A cluster of `nodes` nodes in this process, or of those that `data` holds.

    Without `data` nothing is kept; with it, and with `state="json"`, every node keeps its state in a file there, and
    `fresh` begins anew. A node that is stopped or killed and started again has the state that it had saved.
    `machine` makes the state machine of a node. With a `seed` the chance in the nodes repeats itself. Redis clients
    reach the nodes at `redis_port` and those that follow, 0 for any that are free; with None they do not.

    Raises SettingError for settings that make no sense; entering raises a DataError where `data` cannot be used."""

    def __init__(
        self,
        nodes: int | None = None,
        *,
        data: str | Path | None = None,
        state: str | None = None,
        fresh: bool = False,
        config: RaftConfig = IN_PROCESS,
        settings: NodeSettings | None = None,
        seed: int | None = None,
        machine: Callable[[], StateMachine] = Store,
        redis_port: int | None = None,
    ) -> None:
        self._network = MemoryNetwork()
        super().__init__(
            HomeSettings.of(ClusterKind.MEMORY, nodes, data, state, fresh), "memory", self._network.connect
        )
        self._config = config
        self._node_settings = settings or NodeSettings()
        self._seed = seed
        self._machine = machine
        self._redis_port = redis_port

    def _make_nodes(self, home: Home | None) -> Nodes:
        return MemoryNodes(
            self._network,
            home,
            self._config,
            self._node_settings,
            self._seed,
            self._machine,
            self._roster.on_event,
            RedisPorts(self._redis_port),
        )


class MemoryNodes(Nodes):
    """Nodes in this process, each with a server, links and a state of its own."""

    def __init__(
        self,
        network: MemoryNetwork,
        home: Home | None,
        config: RaftConfig,
        settings: NodeSettings,
        seed: int | None,
        machine: Callable[[], StateMachine],
        on_event: Callable[[Event], None],
        redis_ports: RedisPorts,
    ) -> None:
        self._network = network
        self._home = home
        self._config = config
        self._settings = settings
        self._seed = seed
        self._machine = machine
        self._on_event = on_event
        self._redis_ports = redis_ports
        self._disks: dict[ServerId, MemoryDisk] = {}
        self._nodes: dict[ServerId, RaftNode] = {}
        self._links: dict[ServerId, Links] = {}

    def place(self, nodes: Sequence[NodeRecord]) -> tuple[dict[ServerId, str], list[str]]:
        """In a network in memory a name is an address."""
        self._redis_ports.place(node.server_id for node in nodes)
        return {node.server_id: node.server_id for node in nodes}, []

    def redis_address(self, server_id: ServerId) -> str:
        return self._redis_ports.address(server_id)

    async def start(self, server_id: ServerId, founders: Configuration, faults: LinkFaults) -> None:
        """Make a server, links and a state manager, and a node of them."""
        if server_id in self._nodes:
            # It stopped by itself, when its disk failed or it was removed, and still holds its files.
            await self.end(server_id, Farewell.STOP)
        server, links = MemoryServer(), Links()
        self._network.add(server_id, server)
        links.block(faults.blocked)
        links.delay(faults.delays_s, faults.default_delay_s)
        state, snapshots = self._storage_of(server_id)
        peers = links.wrap(self._network.connect)
        self._nodes[server_id] = await RaftNode.create(
            server_id,
            self._door(server_id, server, peers),
            state,
            peers,
            configuration=founders if founders.voters else None,
            machine=self._machine(),
            config=self._config,
            settings=self._settings,
            snapshots=snapshots,
            rng=None if self._seed is None else Random(f"{self._seed} {server_id}"),
            observe=self._on_event,
        )
        self._links[server_id] = links

    def _door(self, server_id: ServerId, server: Server, peers: PeerFactory) -> Server:
        """The door of a node: for its peers, and for Redis clients where it has a port for them."""
        listen = self._redis_ports.address(server_id)
        if not listen:
            return server
        # Imported only here: it takes time to load, and who wants no port does without.
        from tfraft.clusters.redis_door import RedisDoor

        return RedisDoor(server, listen, peers, self._config)

    async def end(self, server_id: ServerId, ending: Farewell) -> None:
        node = self._nodes.pop(server_id)
        if ending is Farewell.KILL:
            node.halt()
        await node.stop(hand_over=ending is Farewell.HAND_OVER)

    def forget(self, server_id: ServerId) -> None:
        """But for a port nothing is bound to the name: a node that comes back under it finds its disk."""
        self._redis_ports.forget(server_id)

    async def break_links(self, server_id: ServerId, faults: LinkFaults) -> None:
        self._links[server_id].block(faults.blocked)
        self._links[server_id].delay(faults.delays_s, faults.default_delay_s)

    async def status(self, server_id: ServerId) -> NodeStatus | None:
        return self._nodes[server_id].status()

    async def log(self, server_id: ServerId, first: int, last: int) -> list[LogEntry]:
        return self._nodes[server_id].log(first, last)

    async def close(self) -> None:
        self._disks.clear()
        self._redis_ports.release_all()

    def _storage_of(self, server_id: ServerId) -> tuple[StateManager, SnapshotStore]:
        disk = self._disks.setdefault(server_id, MemoryDisk())
        if self._home is None:
            return MemoryStateManager(disk), MemorySnapshotStore(disk)
        home, is_store = self._home, self._machine is Store
        return storage(home.state, server_id, home.path, home.cluster_id, disk, is_store=is_store)
