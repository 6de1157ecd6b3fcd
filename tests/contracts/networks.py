"""The networks, as the tests of their contract need them: a new one is one line in NETWORKS."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import uvloop

from tests.adapters.network.recorder import Recorder, run
from tfraft.adapters.network import grpc, memory, tcp
from tfraft.ports import PeerConnection, PeerFactory, Server


class Network(ABC):
    """A network as these tests need it: servers by name, and a PeerFactory."""

    max_waiting_messages: int
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None

    @abstractmethod
    def server(self, address: str = "") -> Server:
        """A server that has not started, at `address`, or at one that is free."""

    @property
    @abstractmethod
    def connect(self) -> PeerFactory:
        """The PeerFactory of this network."""

    def run(self, story: Coroutine[Any, Any, None]) -> None:
        run(story, self.loop_factory)


class OverMemory(Network):
    max_waiting_messages = memory.MAX_WAITING_MESSAGES

    def __init__(self) -> None:
        self._network = memory.MemoryNetwork()
        self._made = 0

    def server(self, address: str = "") -> Server:
        server = memory.MemoryServer()
        self._made += 1
        self._network.add(address or f"server{self._made}", server)
        return server

    @property
    def connect(self) -> PeerFactory:
        return self._network.connect


class OverGrpc(Network):
    max_waiting_messages = grpc.MAX_WAITING_MESSAGES

    def server(self, address: str = "127.0.0.1:0") -> Server:
        host, _, port = address.rpartition(":")
        return grpc.GrpcServer(host, int(port))

    @property
    def connect(self) -> PeerFactory:
        return grpc.connect


class OverGrpcAndUvloop(OverGrpc):
    loop_factory = staticmethod(uvloop.new_event_loop)


class OverTcp(Network):
    max_waiting_messages = tcp.MAX_WAITING_MESSAGES

    def server(self, address: str = "127.0.0.1:0") -> Server:
        host, _, port = address.rpartition(":")
        return tcp.TcpServer(host, int(port))

    @property
    def connect(self) -> PeerFactory:
        return tcp.connect


class OverTcpAndUvloop(OverTcp):
    loop_factory = staticmethod(uvloop.new_event_loop)


class OverGrpcThroughTheDoorOfTcp(OverTcp):
    @property
    def connect(self) -> PeerFactory:
        return grpc.connect


class OverGrpcThroughTheDoorOfTcpAndUvloop(OverGrpcThroughTheDoorOfTcp):
    loop_factory = staticmethod(uvloop.new_event_loop)


NETWORKS: list[Callable[[], Network]] = [
    OverMemory,
    OverGrpc,
    OverGrpcAndUvloop,
    OverTcp,
    OverTcpAndUvloop,
    OverGrpcThroughTheDoorOfTcp,
    OverGrpcThroughTheDoorOfTcpAndUvloop,
]


async def started(network: Network, handler: Recorder, address: str = "") -> Server:
    server = network.server(address) if address else network.server()
    await server.start(handler)
    return server


async def unused_address(network: Network) -> str:
    """An address at which a server ran a moment ago."""
    server = await started(network, Recorder())
    await server.stop()
    return server.address


@asynccontextmanager
async def connected(network: Network, handler: Recorder) -> AsyncIterator[tuple[Server, PeerConnection]]:
    """A server that has started, and a connection to it; both end at the end, if they have not before."""
    server = await started(network, handler)
    peer = network.connect("n2", server.address)
    try:
        yield server, peer
    finally:
        await peer.close()
        await server.stop()
