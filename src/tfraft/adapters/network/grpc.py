"""The network over gRPC: every node a process of its own, anywhere.

    server = GrpcServer("0.0.0.0", 50051, advertise="host:50051", cluster_id="5a0c…", server_id="n1")
    node = await RaftNode.create("n1", server, state, connector("5a0c…", "n1"), leader=True)

An address is `host:port`. Messages between servers travel on one long-lived stream for each direction of a pair;
what gathers while a write is under way goes out together in the next one. Requests are calls of their own.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

import grpc

from tfraft.adapters.network.admin import AdminServer
from tfraft.adapters.network.calls import Calls
from tfraft.adapters.network.channel import SERVER_OPTIONS
from tfraft.adapters.network.identity import Doorplate, Identification, Standing
from tfraft.adapters.network.names import address_fault, name_fault
from tfraft.adapters.network.outbox import MAX_WAITING_BYTES, MAX_WAITING_MESSAGES
from tfraft.adapters.network.peer import Connector, GrpcPeerConnection, connect, connector, identify
from tfraft.adapters.network.raft_pb2_grpc import add_RaftNodeServicer_to_server
from tfraft.adapters.network.service import Service
from tfraft.core.configuration import ServerId
from tfraft.errors import SettingError
from tfraft.ports import Handler

__all__ = [
    "MAX_WAITING_BYTES",
    "MAX_WAITING_MESSAGES",
    "Connector",
    "GrpcPeerConnection",
    "GrpcServer",
    "Identification",
    "Standing",
    "connect",
    "connector",
    "identify",
]

_GRACE_S: Final = 0.5
"""How long a server that stops waits for answers that are on their way."""


class GrpcServer:
    """The Server of a node, at `host` and `port`; port 0 stands for a free one, known once it has started.

    Others reach it at `advertise`, where that is given: a proxy may stand between. Calls of nodes that mean another
    server than `server_id`, or come from another cluster, are refused; what is empty is not compared. Peers, clients
    and operators together may have `max_connections`, half-open ones among them; who comes after is hung up on.
    Raises `SettingError` for names that cannot travel."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        advertise: str = "",
        cluster_id: str = "",
        server_id: ServerId = "",
        admin: AdminServer | None = None,
        max_connections: int = 1_000,
    ) -> None:
        faults = [
            name_fault("a cluster id", cluster_id),
            name_fault("a server id", server_id),
            address_fault(advertise) if advertise else "",
        ]
        if any(faults):
            raise SettingError(next(filter(None, faults)))
        self._host = host
        self._port = port
        self._advertise = advertise
        self._plate = Doorplate(cluster_id, server_id)
        self._admin = admin
        self._options = (*SERVER_OPTIONS, ("grpc.max_allowed_incoming_connections", max_connections))
        self._running: tuple[grpc.aio.Server, Calls] | None = None

    @property
    def address(self) -> str:
        """Where others reach this server."""
        return self._advertise or self.listens_at

    @property
    def listens_at(self) -> str:
        """Where it listens; with port 0 until it has started for the first time."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    @property
    def cluster_id(self) -> str:
        """The cluster whose nodes are heard; while it is empty, those of any. Set as soon as it is known."""
        return self._plate.cluster_id

    @cluster_id.setter
    def cluster_id(self, cluster_id: str) -> None:
        self._plate.cluster_id = cluster_id

    def show(self, standing: Callable[[], Standing]) -> None:
        """From now on who asks who we are is also told what `standing` gives then."""
        self._plate.standing = standing

    async def start(self, handler: Handler) -> None:
        """Afterwards everything that arrives goes to `handler`. Raises `SettingError` where the port is taken."""
        assert self._running is None, "a server that runs is not started"
        _try_to_listen(self._host, self._port)
        server, calls = grpc.aio.server(options=self._options), Calls()
        add_RaftNodeServicer_to_server(Service(handler, self._plate, calls), server)
        if self._admin is not None:
            self._admin.join(server, calls, lambda: self._plate.cluster_id)
        try:
            self._port = server.add_insecure_port(self.listens_at)
        except RuntimeError as error:
            raise SettingError(f"cannot listen on {self.listens_at}: {error}") from None
        await server.start()
        self._running = server, calls

    async def stop(self) -> None:
        """Afterwards nothing arrives any more, and the address is free; answers given before have been sent."""
        if self._running is None:
            return
        (server, calls), self._running = self._running, None
        stopped = asyncio.create_task(server.stop(2 * _GRACE_S))  # Takes no new calls; the others go on.
        await calls.end(_GRACE_S)
        await stopped


def _try_to_listen(host: str, port: int) -> None:
    """Raise `SettingError` where gRPC could not listen: it would say so itself, but on stderr, and at length."""
    try:
        for family, kind, protocol, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(place)
    except OSError as error:
        raise SettingError(f"cannot listen on {host}:{port}: {error.strerror}") from None
