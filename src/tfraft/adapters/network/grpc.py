"""The network over gRPC: every node a process of its own, anywhere.

    server = GrpcServer("0.0.0.0", 50051, advertise="host:50051", cluster_id="5a0c…", server_id="n1")
    node = await RaftNode.create("n1", server, state, connector("5a0c…", "n1"), leader=True)

An address is `host:port`. Messages between servers travel on one long-lived stream for each direction of a pair;
what gathers while a write is under way goes out together in the next one. Requests are calls of their own.
"""

import socket
from typing import Final

from tfraft.adapters.network.admin import AdminServer
from tfraft.adapters.network.door import Door
from tfraft.adapters.network.grpc_running import RunningGrpc
from tfraft.adapters.network.identity import Identification, Standing
from tfraft.adapters.network.outbox import MAX_WAITING_BYTES, MAX_WAITING_MESSAGES
from tfraft.adapters.network.peer import GrpcConnector, GrpcPeerConnection, connect, connector, identify
from tfraft.core.configuration import ServerId
from tfraft.errors import SettingError
from tfraft.ports import Handler

__all__ = [
    "MAX_WAITING_BYTES",
    "MAX_WAITING_MESSAGES",
    "GrpcConnector",
    "GrpcPeerConnection",
    "GrpcServer",
    "Identification",
    "Standing",
    "connect",
    "connector",
    "identify",
]

MAX_CONNECTIONS: Final = 1_000
"""Peers, clients and operators together, half-open ones among them."""


class GrpcServer(Door):
    """The Server of a node that hears gRPC; see `Door`. Who comes after `max_connections` others is hung up on."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        advertise: str = "",
        cluster_id: str = "",
        server_id: ServerId = "",
        admin: AdminServer | None = None,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        super().__init__(host, port, advertise, cluster_id, server_id)
        self._admin = admin
        self._max_connections = max_connections
        self._running: RunningGrpc | None = None

    async def start(self, handler: Handler) -> None:
        """Afterwards everything that arrives goes to `handler`. Raises `SettingError` where the port is taken."""
        assert self._running is None, "a server that runs is not started"
        _try_to_listen(self._host, self._port)
        running = await RunningGrpc.start(self.listens_at, handler, self._plate, self._admin, self._max_connections)
        self._port, self._running = running.port, running

    async def stop(self) -> None:
        """Afterwards nothing arrives any more, and the address is free; answers given before have been sent."""
        running, self._running = self._running, None
        if running is not None:
            await running.stop()


def _try_to_listen(host: str, port: int) -> None:
    """Raise `SettingError` where gRPC could not listen: it would say so itself, but on stderr, and at length."""
    try:
        for family, kind, protocol, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(place)
    except OSError as error:
        raise SettingError(f"cannot listen on {host}:{port}: {error.strerror}") from None
