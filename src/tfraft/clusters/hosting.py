"""One node with everything around it, as a process has it: a server, links, a way to look in.

Both kinds of process can use it: that of `tf-raft start` (see `process`) and that of `tf-raft serve` (see `serving`).
"""

import gc
from collections.abc import Callable, Mapping
from dataclasses import field

from tfraft.adapters.network.admin import AdminServer
from tfraft.adapters.network.identity import Standing
from tfraft.adapters.network.links import LinkFaults, Links
from tfraft.adapters.network.tcp import TcpServer
from tfraft.clusters.addresses import host_of, port_of
from tfraft.clusters.redis_door import RedisDoor
from tfraft.clusters.transports import Transport, connector_of
from tfraft.core.config import RaftConfig
from tfraft.core.configuration import Configuration, ServerId
from tfraft.errors import Unavailable
from tfraft.node.node import RaftNode
from tfraft.node.settings import NodeSettings
from tfraft.node.status import Event
from tfraft.ports import PeerConnection, SnapshotStore, StateManager
from tfraft.record import record


@record
class Place:
    """Where a node runs and how it behaves. Others reach it at `advertise`; empty means where it listens.

    Redis clients reach it at `redis`, where port 0 stands for a free one; nowhere, where that is empty. `book` says
    where servers listen now, in place of what the configuration says of them. `faults` are those of its links from the
    beginning; None where nobody may break them. It speaks `transport` to the others, and hears any."""

    server_id: ServerId
    cluster_id: str
    listen: str
    advertise: str = ""
    redis: str = ""
    config: RaftConfig = RaftConfig()
    settings: NodeSettings = NodeSettings()
    book: Mapping[ServerId, str] = field(default_factory=dict)
    faults: LinkFaults | None = None
    transport: Transport = Transport.TCP


async def start_node(
    place: Place,
    state: StateManager,
    snapshots: SnapshotStore | None,
    founders: Configuration | None,
    observe: Callable[[Event], None],
    *,
    repair: bool = True,
    on_redis_port: Callable[[int], None] = lambda port: None,
) -> RaftNode:
    """Start the node; afterwards it is heard. Without a state it begins with `founders`, or waits to be contacted.

    `on_redis_port` is told the port for Redis clients, if there is one.

    Raises what keeps it from starting; then nothing is left of it."""
    links = Links()
    admin: AdminServer = WatchOnly(links)
    if place.faults is not None:
        admin = AdminServer(links)
        admin.break_links(place.faults)

    def tell(event: Event) -> None:
        admin.publish(event)
        observe(event)

    connect = connector_of(place.transport, place.cluster_id, place.server_id)

    def connect_by_book(server_id: ServerId, address: str) -> PeerConnection:
        return connect(server_id, place.book.get(server_id, address))

    server = TcpServer(
        host_of(place.listen),
        port_of(place.listen),
        advertise=place.advertise,
        cluster_id=place.cluster_id,
        server_id=place.server_id,
        admin=admin,
    )
    peers = links.wrap(connect_by_book)
    door = RedisDoor(server, place.redis, peers, place.config) if place.redis else None
    node = await RaftNode.create(
        place.server_id,
        door or server,
        state,
        peers,
        snapshots=snapshots,
        configuration=founders,
        config=place.config,
        settings=place.settings,
        observe=tell,
        repair=repair,
    )
    raft = node.raft.state
    server.show(lambda: Standing(raft.leader_id or "", raft.configuration))
    admin.attach(node)
    if door is not None:
        on_redis_port(door.redis_port)
    # What lives now lives to the end: the collector need not look at it again and again.
    gc.freeze()
    return node


class WatchOnly(AdminServer):
    """Shows the node to whoever asks, and lets nobody break its links."""

    def break_links(self, faults: LinkFaults) -> None:
        raise Unavailable("the network of this node is not to be broken on purpose")
