"""The way to another node over gRPC: one stream for messages, calls for requests.

connect                           for clients, which nobody asks who they are
connector(cluster_id, own_id)     for nodes: every call tells who calls whom, and of which cluster
identify(address)                 asks a node who it is
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import grpc
from grpc import StatusCode

from tfraft.adapters.network import protobuf_requests
from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.channel import MAX_MESSAGE_BYTES, Connection, cancelled_from_outside
from tfraft.adapters.network.connector import Connector
from tfraft.adapters.network.identity import Claim, Identification
from tfraft.adapters.network.outbox import Outbox
from tfraft.adapters.network.protobuf_requests import RequestMessage, UnfitRequest
from tfraft.adapters.network.raft_pb2_grpc import RaftNodeStub
from tfraft.adapters.network.wire import VERSION
from tfraft.core.configuration import ServerId
from tfraft.core.messages import Message
from tfraft.core.requests import Answer, AnswerStatus, NodeRequest
from tfraft.errors import Unavailable
from tfraft.ports import PeerConnection

logger = logging.getLogger(__name__)

_WRITE_BYTES: Final = 1024 * 1024
"""A write takes waiting messages up to this size, and at least one."""
_PAUSE_S: Final = 0.1
"""The least time between a stream that ended and the next: a server may take connections and refuse streams."""
_REFUSED_PAUSE_S: Final = 5.0
"""The same where the server has said that our messages are not for it: somebody has to change an address first."""
_REFUSALS: Final = (StatusCode.FAILED_PRECONDITION, StatusCode.UNIMPLEMENTED)


def connect(server_id: ServerId, address: str) -> PeerConnection:
    """The way to the server at `address`, for a client: the PeerFactory of this network."""
    return GrpcPeerConnection(server_id, address)


def connector(cluster_id: str, own_id: ServerId) -> "GrpcConnector":
    """The PeerFactory of the node `own_id` of this cluster, which is empty as long as it knows of none.

    Raises `SettingError` for names that cannot travel."""
    return Connector(GrpcPeerConnection, cluster_id, own_id)


async def identify(address: str, timeout_s: float = 1.0) -> Identification:
    """What the node at `address` tells of itself. Raises `Unavailable` where it does not answer, or not as we would."""
    connection = Connection(address)
    try:
        async with asyncio.timeout(timeout_s):
            if not await connection.stands():
                raise Unavailable(f"no node answers at {address}")
            told = protobuf_requests.read_identification(await RaftNodeStub(connection.channel).identify(pb.Identify()))
    except TimeoutError:
        raise Unavailable(f"the node at {address} does not answer") from None
    except grpc.RpcError as error:
        raise Unavailable(f"what listens at {address} is no node of ours: {_words_of(error)}") from None
    finally:
        await connection.close()
    if told.version != VERSION:
        raise Unavailable(f"the node at {address} speaks version {told.version} of the protocol, and we {VERSION}")
    return told


class GrpcPeerConnection:
    """The way to the server `server_id` at `address`; connects when the first message or request is sent.

    `refusal` is why the server does not hear our messages, in its own words; empty as long as it does."""

    def __init__(self, server_id: ServerId, address: str, claim: Callable[[], Claim | None] = lambda: None) -> None:
        self.server_id = server_id
        self.refusal = ""
        self._address = address
        self._claim = claim
        self._connection = Connection(address)
        self._stub = RaftNodeStub(self._connection.channel)
        self._outbox = Outbox()
        self._wake = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._down = False
        self._closed = False

    def send(self, message: Message) -> None:
        """Queue `message`; drops it where the queue is full, and while the server cannot be reached or refuses it."""
        if self._down or self._closed:
            return
        self._outbox.put(message)
        self._wake.set()
        if self._sender is None:
            self._sender = asyncio.create_task(self._keep_sending(), name=f"messages to {self.server_id}")

    async def request(self, request: NodeRequest, timeout_s: float) -> Answer:
        """Ask the server. The request counts as delivered from the moment at which it is handed to a connection."""
        try:
            message = protobuf_requests.write_request(request)
        except UnfitRequest as error:
            return Answer(AnswerStatus.REFUSED, reason=str(error))
        if message.ByteSize() > MAX_MESSAGE_BYTES:
            return Answer(AnswerStatus.REFUSED, reason=f"a request may have at most {MAX_MESSAGE_BYTES} bytes")
        delivered = False
        try:
            async with asyncio.timeout(timeout_s):
                if await self._connection.stands():
                    delivered = True
                    return await self._call(message)
        except grpc.aio.AioRpcError as error:
            if error.code() is StatusCode.FAILED_PRECONDITION:
                return Answer(AnswerStatus.REFUSED, reason=_words_of(error))
        except (TimeoutError, grpc.RpcError, grpc.aio.UsageError):
            pass
        except asyncio.CancelledError:
            if cancelled_from_outside():
                raise
        return Answer(AnswerStatus.TIMEOUT if delivered else AnswerStatus.NOT_LEADER)

    async def close(self) -> None:
        """Afterwards the connection is gone and `send` does nothing; requests under way end as not known."""
        self._closed = True
        self.refusal = ""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.wait([self._sender])
        await self._connection.close()

    async def _call(self, message: RequestMessage) -> Answer:
        """The answer to the call for a request: that of its name."""
        if isinstance(message, pb.ClientBatch):
            parts = self._stub.clientBatch(message, metadata=self._metadata())
            return protobuf_requests.read_answers([part async for part in parts])
        name = type(message).__name__
        call: Callable[..., Awaitable[pb.Answer]] = getattr(self._stub, name[0].lower() + name[1:])
        return protobuf_requests.read_answer(await call(message, metadata=self._metadata()))

    def _metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        claim = self._claim()
        return () if claim is None else claim.as_metadata()

    async def _keep_sending(self) -> None:
        """Hold a stream to the server from the first message on, and make a new one whenever it ends."""
        while True:
            await self._wake.wait()
            while not await self._connection.stands():
                self._drop_all()
                await self._connection.recovered()
            self._down = False
            await self._send_until_it_ends()
            await asyncio.sleep(_REFUSED_PAUSE_S if self.refusal else _PAUSE_S)

    async def _send_until_it_ends(self) -> None:
        stream = self._stub.exchange(metadata=self._metadata())
        stream.add_done_callback(lambda _: self._wake.set())
        try:
            await stream.read()
            self.refusal = ""
            while not stream.done():
                if messages := self._outbox.take(_WRITE_BYTES):
                    await stream.write(pb.Batch(messages=messages))
                else:
                    self._wake.clear()
                    await self._wake.wait()
        except (grpc.RpcError, asyncio.InvalidStateError):
            pass
        if stream.done() and await stream.code() in _REFUSALS:
            self._refused(await stream.details())

    def _refused(self, why: str) -> None:
        """Note what the server says against us, and drop what is for it until the next try."""
        self._drop_all()
        if self.refusal != why:
            logger.warning("%s at %s refuses our messages: %s", self.server_id, self._address, why)
        self.refusal = why

    def _drop_all(self) -> None:
        self._down = True
        self._outbox.clear()


def _words_of(error: grpc.RpcError) -> str:
    return error.details() or error.code().name if isinstance(error, grpc.aio.AioRpcError) else str(error)


GrpcConnector = Connector[GrpcPeerConnection]
