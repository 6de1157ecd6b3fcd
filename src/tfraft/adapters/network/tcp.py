"""The network over TCP: every node a process of its own, anywhere; the fast way between them.

    server = TcpServer("0.0.0.0", 7001, advertise="host:7001", cluster_id="5a0c…", server_id="n1")
    node = await RaftNode.create("n1", server, state, connector("5a0c…", "n1"), leader=True)

An address is `host:port`. Each node makes one connection to each other, for its messages and its requests; on it travel
frames (`tcp_frames`) of what `wire` and raft.proto define. The same door hears gRPC as well: the first bytes of a
connection tell. So nodes of both kinds make up one cluster, and operators need not know which they talk to.
"""

import asyncio
import socket
from contextlib import suppress
from functools import partial
from secrets import token_hex
from typing import Final, cast

from tfraft.adapters.network.admin import AdminServer
from tfraft.adapters.network.connector import Connector
from tfraft.adapters.network.door import Door
from tfraft.adapters.network.futures import settle
from tfraft.adapters.network.grpc_running import RunningGrpc
from tfraft.adapters.network.outbox import MAX_WAITING_BYTES, MAX_WAITING_MESSAGES
from tfraft.adapters.network.sockets import listen
from tfraft.adapters.network.splice import SpliceEnd
from tfraft.adapters.network.tcp_peer import TcpPeerConnection
from tfraft.adapters.network.tcp_visitor import Stranger
from tfraft.core.configuration import ServerId
from tfraft.ports import Handler, PeerConnection

__all__ = [
    "MAX_WAITING_BYTES",
    "MAX_WAITING_MESSAGES",
    "TcpConnector",
    "TcpPeerConnection",
    "TcpServer",
    "connect",
    "connector",
]

TcpConnector = Connector[TcpPeerConnection]

MAX_CONNECTIONS: Final = 1_000
"""Peers, clients and operators together, half-open ones among them."""
_GRACE_S: Final = 0.5
"""How long a server that stops waits for answers that are on their way."""


def connect(server_id: ServerId, address: str) -> PeerConnection:
    """The way to the server at `address`, for a client: the PeerFactory of this network."""
    return TcpPeerConnection(server_id, address)


def connector(cluster_id: str, own_id: ServerId) -> TcpConnector:
    """The PeerFactory of the node `own_id` of this cluster, which is empty as long as it knows of none.

    Raises `SettingError` for names that cannot travel."""
    return Connector(TcpPeerConnection, cluster_id, own_id)


class TcpServer(Door):
    """The Server of a node that hears frames and gRPC at one port; see `Door`.

    Who comes after `max_connections` others is hung up on."""

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
        self._running: tuple[asyncio.Server, RunningGrpc] | None = None
        self._is_open = False
        self._guests: set[Stranger] = set()
        self._spliced: dict[Stranger, SpliceEnd] = {}
        self._splicing: set[asyncio.Task[None]] = set()
        self._grpc_name = ""
        self._last_gone: asyncio.Future[None] | None = None

    async def start(self, handler: Handler) -> None:
        """Afterwards everything that arrives goes to `handler`. Raises `SettingError` where the port is taken."""
        assert self._running is None, "a server that runs is not started"
        # A name that goes with the process, so that nothing is left behind; nobody else has to know it.
        self._grpc_name = f"tf-raft-{token_hex(16)}"
        grpc = await RunningGrpc.start(
            f"unix-abstract:{self._grpc_name}", handler, self._plate, self._admin, self._max_connections
        )
        self._is_open = True
        try:
            listener, self._port = await listen(lambda: self._admit(handler), self._host, self._port)
        except BaseException:
            await grpc.stop()
            raise
        self._running = listener, grpc

    async def stop(self) -> None:
        """Afterwards nothing arrives any more, and the address is free; answers given before have been sent."""
        if self._running is None:
            return
        (listener, grpc), self._running = self._running, None
        self._is_open = False
        listener.close()
        for guest in self._guests:
            guest.leave()
        await grpc.stop()
        for outer in self._spliced.values():
            outer.eof_received()  # As if its client had done: gRPC ends then, once we have what it has said.
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_S):
                await self._all_gone()
        for guest in self._guests:
            guest.abort()
        await self._all_gone()
        if self._splicing:
            await asyncio.wait(self._splicing)
        await listener.wait_closed()

    # --- Who comes in ---

    def _admit(self, handler: Handler) -> asyncio.Protocol:
        # asyncio asks even for those whom it has found before the end; they never come in, and so would never go.
        if not self._is_open or len(self._guests) >= self._max_connections:
            return _TurnedAway()
        guest = Stranger(handler, self._plate, self._hand_to_grpc, self._gone)
        self._guests.add(guest)
        return guest

    def _hand_to_grpc(self, guest: Stranger, transport: asyncio.Transport, said: bytes) -> None:
        outer = self._spliced[guest] = SpliceEnd(transport, partial(self._gone, guest))
        transport.pause_reading()
        transport.set_protocol(outer)
        task = asyncio.create_task(self._splice(outer, transport, said))
        self._splicing.add(task)
        task.add_done_callback(self._splicing.discard)

    async def _splice(self, outer: SpliceEnd, transport: asyncio.Transport, said: bytes) -> None:
        """Afterwards gRPC hears what `outer` says, from `said` on."""
        inner = SpliceEnd()
        inner.join(outer)  # Before it is connected: gRPC may speak first.
        loop = asyncio.get_running_loop()
        # Connected here, since uvloop does not know names of this kind.
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, f"\0{self._grpc_name}")
            to_grpc, _ = await loop.create_unix_connection(lambda: inner, sock=sock)
        except OSError:  # It stops.
            sock.close()
            transport.abort()
            return
        if transport.is_closing() or to_grpc.is_closing():
            transport.close()
            to_grpc.close()
            return
        transport.resume_reading()
        to_grpc.write(said)  # The last, since it may pause the reading again.

    def _gone(self, guest: Stranger) -> None:
        self._guests.discard(guest)
        self._spliced.pop(guest, None)
        if not self._guests and self._last_gone is not None:
            settle(self._last_gone, None)

    async def _all_gone(self) -> None:
        """Return once nobody is here any more."""
        if self._guests:
            self._last_gone = asyncio.get_running_loop().create_future()
            await self._last_gone


class _TurnedAway(asyncio.Protocol):
    """A connection for which there is no room."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()
