"""The door of a node that Redis clients reach, too: it opens and closes with the one for peers."""

import asyncio

from tfraft.clusters.addresses import host_of, port_of
from tfraft.core.config import RaftConfig
from tfraft.node.node import RaftNode
from tfraft.ports import Handler, PeerFactory, Server
from tfraft.resp.gateway import NodeGateway, leader_wait_s
from tfraft.resp.server import RespServer


class RedisDoor:
    """The Server `server`, and a port for Redis clients at `listen`, where port 0 stands for a free one.

    What they ask goes to the leader over `connect`. While a node hands leadership over they are still served."""

    def __init__(self, server: Server, listen: str, connect: PeerFactory, config: RaftConfig) -> None:
        self._server = server
        self._listen = listen
        self._connect = connect
        self._config = config
        self._open: tuple[RespServer, NodeGateway] | None = None

    @property
    def address(self) -> str:
        """Where peers reach the node."""
        return self._server.address

    @property
    def redis_port(self) -> int:
        """The port for Redis clients; 0 while it is not open and may be any."""
        return self._open[0].port if self._open else port_of(self._listen)

    async def start(self, handler: Handler) -> None:
        """Afterwards both ports are open. Raises SettingError where one is taken; then neither is."""
        assert isinstance(handler, RaftNode), "a Redis client is told how the node stands, too"
        loop = asyncio.get_running_loop()
        await self._server.start(handler)
        gateway = NodeGateway(handler, self._connect, leader_wait_s(self._config), loop)
        redis = RespServer(host_of(self._listen), port_of(self._listen), gateway)
        try:
            await redis.start()
        except BaseException:
            await self._server.stop()
            raise
        self._open = redis, gateway

    async def stop(self) -> None:
        """Afterwards nothing arrives any more, and both ports are free."""
        if self._open is not None:
            (redis, gateway), self._open = self._open, None
            await redis.stop()
            await gateway.close()
        await self._server.stop()
