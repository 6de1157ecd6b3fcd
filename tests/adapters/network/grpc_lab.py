"""Servers and callers over real gRPC, for the tests of that network."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
import pytest
from grpc import StatusCode

from tests.adapters.network.recorder import Recorder
from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.grpc import GrpcServer
from tfraft.adapters.network.raft_pb2_grpc import RaftNodeStub
from tfraft.core.messages import Message, Reply
from tfraft.core.requests import Answer, AnswerStatus
from tfraft.ports import OnReply

if TYPE_CHECKING:
    from tfraft.adapters.network.raft_pb2_grpc import RaftNodeAsyncStub

Method: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

OK = Answer(AnswerStatus.OK, b"answer")


class Replies(Recorder):
    """A handler that gives the reply to a unary call at once."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(answer=lambda _: OK)
        self.reply = reply

    def receive(self, message: Message, on_reply: OnReply | None = None) -> None:
        super().receive(message, on_reply)
        if on_reply is not None:
            on_reply(self.reply)


@asynccontextmanager
async def serving(handler: Recorder, server: GrpcServer | None = None) -> AsyncIterator[GrpcServer]:
    """A server that has started, this one or any; it stops at the end."""
    server = server or GrpcServer()
    await server.start(handler)
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def calling(address: str) -> "AsyncIterator[RaftNodeAsyncStub]":
    """A client that is none of ours: only the service of raft.proto."""
    async with grpc.aio.insecure_channel(address) as channel:
        yield RaftNodeStub(channel)


@asynccontextmanager
async def foreign_server(**methods: Method) -> AsyncIterator[str]:
    """The address of a server that is none of ours, and that serves these methods of our service in its own way."""
    server = grpc.aio.server()
    if methods:
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("tfraft.RaftNode", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


def unary(answer: Callable[[bytes, Any], Awaitable[bytes]]) -> Method:
    """A method of one request and one answer, of bytes both."""
    return grpc.unary_unary_rpc_method_handler(answer)


def streaming(exchange: Callable[[AsyncIterator[pb.Batch], Any], object]) -> Method:
    """A method of two streams of batches, such as `exchange`."""
    return grpc.stream_stream_rpc_method_handler(exchange, pb.Batch.FromString, pb.Batch.SerializeToString)


async def status_of(call: Any) -> StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return failed.value.code()
