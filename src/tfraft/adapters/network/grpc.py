"""The network over gRPC: every node a process of its own, anywhere.

    server = GrpcServer("127.0.0.1", 50051)
    node = await RaftNode.create("n1", server, state, connect, leader=True)

An address is `host:port`. Messages between servers travel on one long-lived stream for each direction of a pair;
what gathers while a write is under way goes out together in the next one. Requests are calls of their own.
"""

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable
from functools import partial
from typing import Final, assert_never

import grpc
from grpc import StatusCode

from tfraft.adapters.network import protobuf, wire
from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.admin import AdminServer
from tfraft.adapters.network.calls import Calls
from tfraft.adapters.network.channel import (
    MAX_MESSAGE_BYTES,
    SERVER_OPTIONS,
    Connection,
    Context,
    cancelled_from_outside,
)
from tfraft.adapters.network.futures import settle
from tfraft.adapters.network.raft_pb2_grpc import (
    RaftNodeServicer,
    RaftNodeStub,
    add_RaftNodeServicer_to_server,
)
from tfraft.core.messages import AppendEntriesReply, Message, Reply, Request, RequestVoteReply, ServerId
from tfraft.core.requests import (
    AddServer,
    Answer,
    AnswerStatus,
    ClientQuery,
    ClientRequest,
    NodeRequest,
    RemoveServer,
)
from tfraft.errors import SettingError
from tfraft.ports import Handler, PeerConnection

MAX_WAITING_MESSAGES: Final = 4_096
MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
"""What may wait for one peer; further messages are dropped. Room for a full window of the largest usual batches."""

_WRITE_BYTES: Final = 1024 * 1024
"""A write takes waiting messages up to this size, and at least one."""
_GRACE_S: Final = 0.5
"""How long a server that stops waits for answers that are on their way."""
_PAUSE_S: Final = 0.1
"""The least time between a stream that ended and the next: a server may take connections and refuse streams."""


class GrpcServer:
    """The Server of a node, at `host` and `port`; port 0 stands for a free one, known once it has started."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, *, admin: AdminServer | None = None) -> None:
        self._host = host
        self._port = port
        self._admin = admin
        self._running: tuple[grpc.aio.Server, Calls] | None = None

    @property
    def address(self) -> str:
        """Where others reach this server; with port 0 until it has started for the first time."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    async def start(self, handler: Handler) -> None:
        """Afterwards everything that arrives goes to `handler`. Raises `SettingError` where the port is taken."""
        assert self._running is None, "a server that runs is not started"
        _try_to_listen(self._host, self._port)
        server, calls = grpc.aio.server(options=SERVER_OPTIONS), Calls()
        add_RaftNodeServicer_to_server(_Service(handler, calls), server)
        if self._admin is not None:
            self._admin.join(server, calls)
        try:
            self._port = server.add_insecure_port(self.address)
        except RuntimeError as error:
            raise SettingError(f"cannot listen on {self.address}: {error}") from None
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


class _Service(RaftNodeServicer):
    """The gRPC service `RaftNode`: hands what arrives to the handler, and its answers back."""

    def __init__(self, handler: Handler, calls: Calls) -> None:
        self._handler = handler
        self._calls = calls

    async def requestVote(self, request: pb.RequestVote, context: Context) -> pb.RequestVoteReply:
        async with self._calls.finite(context):
            reply = await self._reply(protobuf.read_request_vote(request))
            assert isinstance(reply, RequestVoteReply), "a RequestVote is answered by a RequestVoteReply"
            return protobuf.write_request_vote_reply(reply)

    async def appendEntries(self, request: pb.AppendEntries, context: Context) -> pb.AppendEntriesReply:
        async with self._calls.finite(context):
            try:
                message = protobuf.read_append_entries(request)
            except wire.MalformedMessage as error:
                await context.abort(StatusCode.INVALID_ARGUMENT, str(error))
            reply = await self._reply(message)
            assert isinstance(reply, AppendEntriesReply), "an AppendEntries is answered by an AppendEntriesReply"
            return protobuf.write_append_entries_reply(reply)

    async def addServer(self, request: pb.AddServer, context: Context) -> pb.Answer:
        return await self._answer(AddServer(request.new_server, request.address), context)

    async def removeServer(self, request: pb.RemoveServer, context: Context) -> pb.Answer:
        return await self._answer(RemoveServer(request.old_server), context)

    async def clientRequest(self, request: pb.ClientRequest, context: Context) -> pb.Answer:
        return await self._answer(ClientRequest(request.command), context)

    async def clientQuery(self, request: pb.ClientQuery, context: Context) -> pb.Answer:
        return await self._answer(ClientQuery(request.query), context)

    async def exchange(self, request_iterator: AsyncIterator[pb.Batch], context: Context) -> AsyncIterator[pb.Batch]:
        async with self._calls.endless(context):
            # Tells the sender that its stream stands; otherwise it would have to lose a message to find out.
            yield pb.Batch()
            try:
                async for batch in request_iterator:
                    for data in batch.messages:
                        self._handler.receive(wire.decode(data))
            except wire.MalformedMessage as error:
                await context.abort(StatusCode.INVALID_ARGUMENT, str(error))

    async def _reply(self, message: Request) -> Reply:
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._handler.receive(message, partial(settle, reply))
        return await reply

    async def _answer(self, request: NodeRequest, context: Context) -> pb.Answer:
        async with self._calls.finite(context):
            answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            self._handler.request(request, partial(settle, answer))
            return protobuf.write_answer(await answer)


def connect(server_id: ServerId, address: str) -> PeerConnection:
    """The way to the server at `address`: the PeerFactory of this network."""
    return GrpcPeerConnection(server_id, address)


class GrpcPeerConnection:
    """The way to the server `server_id` at `address`; connects when the first message or request is sent."""

    def __init__(self, server_id: ServerId, address: str) -> None:
        self._server_id = server_id
        self._connection = Connection(address)
        self._stub = RaftNodeStub(self._connection.channel)
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self._down = False
        self._closed = False

    def send(self, message: Message) -> None:
        """Queue `message`; drops it where the queue is full, and while the server cannot be reached."""
        if self._down or self._closed:
            return
        if len(self._waiting) >= MAX_WAITING_MESSAGES or self._waiting_bytes >= MAX_WAITING_BYTES:
            return
        data = wire.encode(message)
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self._wake.set()
        if self._sender is None:
            self._sender = asyncio.create_task(self._keep_sending(), name=f"messages to {self._server_id}")

    async def request(self, request: NodeRequest, timeout_s: float) -> Answer:
        """Ask the server. The request counts as delivered from the moment at which it is handed to a connection."""
        try:
            message = protobuf.write_request(request)
        except UnicodeEncodeError as error:
            return Answer(AnswerStatus.REFUSED, reason=f"a name is no valid Unicode: {error.reason}")
        if message.ByteSize() > MAX_MESSAGE_BYTES:
            return Answer(AnswerStatus.REFUSED, reason=f"a request may have at most {MAX_MESSAGE_BYTES} bytes")
        delivered = False
        try:
            async with asyncio.timeout(timeout_s):
                if await self._connection.stands():
                    delivered = True
                    return protobuf.read_answer(await self._call(message))
        except (TimeoutError, grpc.RpcError, grpc.aio.UsageError):
            pass
        except asyncio.CancelledError:
            if cancelled_from_outside():
                raise
        return Answer(AnswerStatus.TIMEOUT if delivered else AnswerStatus.NOT_LEADER)

    async def close(self) -> None:
        """Afterwards the connection is gone and `send` does nothing; requests under way end as not known."""
        self._closed = True
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.wait([self._sender])
        await self._connection.close()

    def _call(self, message: protobuf.RequestMessage) -> Awaitable[pb.Answer]:
        match message:
            case pb.ClientRequest():
                return self._stub.clientRequest(message)
            case pb.ClientQuery():
                return self._stub.clientQuery(message)
            case pb.AddServer():
                return self._stub.addServer(message)
            case pb.RemoveServer():
                return self._stub.removeServer(message)
            case _:
                assert_never(message)

    async def _keep_sending(self) -> None:
        """Hold a stream to the server from the first message on, and make a new one whenever it ends."""
        while True:
            await self._wake.wait()
            while not await self._connection.stands():
                self._down = True
                self._waiting.clear()
                self._waiting_bytes = 0
                await self._connection.recovered()
            self._down = False
            with contextlib.suppress(grpc.RpcError, asyncio.InvalidStateError):
                await self._send_until_it_ends()
            await asyncio.sleep(_PAUSE_S)

    async def _send_until_it_ends(self) -> None:
        stream = self._stub.exchange()
        stream.add_done_callback(lambda _: self._wake.set())
        await stream.read()
        while not stream.done():
            if messages := self._take(_WRITE_BYTES):
                await stream.write(pb.Batch(messages=messages))
            else:
                self._wake.clear()
                await self._wake.wait()

    def _take(self, size: int) -> list[bytes]:
        """Take what waits, oldest first, until it has `size` bytes."""
        taken: list[bytes] = []
        while self._waiting and size > 0:
            taken.append(self._waiting.popleft())
            size -= len(taken[-1])
            self._waiting_bytes -= len(taken[-1])
        return taken
