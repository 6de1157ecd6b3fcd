"""RespServer: listens for Redis clients, on asyncio's loop or on uvloop's."""

import asyncio

from tfraft.adapters.network.sockets import listen
from tfraft.resp.connection import Connection
from tfraft.resp.gateway import Gateway
from tfraft.resp.hub import Hub
from tfraft.resp.limits import RespLimits

_LOOK_EVERY_S = 1.0


class RespServer:
    """Serves Redis clients at `host` and `port` by way of `gateway`. Port 0 takes a free one; `port` then tells it."""

    def __init__(self, host: str, port: int, gateway: Gateway, limits: RespLimits | None = None) -> None:
        self.host = host
        self.port = port
        self._gateway = gateway
        self._limits = limits or RespLimits()
        self._server: asyncio.Server | None = None
        self._hub: Hub | None = None
        self.connections: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Afterwards clients are served. Raises SettingError where the address cannot be had."""
        loop = asyncio.get_running_loop()
        hub = self._hub = Hub(self._gateway, self._limits, loop)
        self._server, self.port = await listen(lambda: _Listed(hub, self.connections), self.host, self.port)
        hub.host, hub.port = self.host, self.port
        self._timer = loop.call_later(_LOOK_EVERY_S, self._look, hub)

    async def stop(self) -> None:
        """Afterwards no client is connected, and the port is free. Stopping twice is stopping once."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        server, self._server = self._server, None
        if server is None or self._hub is None:
            return
        server.close()
        for caller in list(self._hub.callers.values()):
            caller.hang_up()
        await server.wait_closed()

    @property
    def hub(self) -> Hub:
        """What the connections share: counters, limits, who is connected. Only of a server that was started."""
        assert self._hub is not None, "the server was started"
        return self._hub

    def _look(self, hub: Hub) -> None:
        """Once a second: end what has been silent for too long, and see how much is done in a second."""
        now_s = hub.loop.time()
        for connection in list(self.connections):
            connection.check(now_s)
        hub.statistics.sample(now_s)
        self._timer = hub.loop.call_later(_LOOK_EVERY_S, self._look, hub)


class _Listed(Connection):
    """A connection that stands in a set while it is open."""

    def __init__(self, hub: Hub, connections: set[Connection]) -> None:
        super().__init__(hub)
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        super().connection_lost(exc)
