"""A gRPC server that runs, with all its services: what stands behind every door that hears gRPC."""

import asyncio
from typing import Final, Self

import grpc

from tfraft.adapters.network.admin import AdminServer
from tfraft.adapters.network.calls import Calls
from tfraft.adapters.network.channel import SERVER_OPTIONS
from tfraft.adapters.network.identity import Doorplate
from tfraft.adapters.network.raft_pb2_grpc import add_RaftNodeServicer_to_server
from tfraft.adapters.network.service import Service
from tfraft.errors import SettingError
from tfraft.ports import Handler

_GRACE_S: Final = 0.5
"""How long a server that stops waits for answers that are on their way."""


class RunningGrpc:
    """Hears gRPC at `port`, or at the name of a socket that has none."""

    def __init__(self, server: grpc.aio.Server, calls: Calls, port: int) -> None:
        self.port = port
        self._server = server
        self._calls = calls

    @classmethod
    async def start(
        cls, target: str, handler: Handler, plate: Doorplate, admin: AdminServer | None, max_connections: int
    ) -> Self:
        """Afterwards what arrives at `target`, in gRPC's words, goes to `handler`. Raises `SettingError`."""
        options = (*SERVER_OPTIONS, ("grpc.max_allowed_incoming_connections", max_connections))
        server, calls = grpc.aio.server(options=options), Calls()
        add_RaftNodeServicer_to_server(Service(handler, plate, calls), server)
        if admin is not None:
            admin.join(server, calls, lambda: plate.cluster_id)
        try:
            port = server.add_insecure_port(target)
        except RuntimeError as error:
            raise SettingError(f"cannot listen on {target}: {error}") from None
        await server.start()
        return cls(server, calls, port)

    async def stop(self) -> None:
        """Afterwards nothing arrives any more, and the address is free; answers given before have been sent."""
        stopped = asyncio.create_task(self._server.stop(2 * _GRACE_S))  # Takes no new calls; the others go on.
        await self._calls.end(_GRACE_S)
        await stopped
