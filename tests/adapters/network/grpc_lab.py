"""Servers and callers over real gRPC, for the tests of that network."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc import StatusCode

from tests.adapters.network.recorder import Recorder
from tfraft.adapters.network.grpc import GrpcServer
from tfraft.adapters.network.raft_pb2_grpc import RaftNodeStub
from tfraft.core.messages import Message, Reply
from tfraft.core.requests import Answer, AnswerStatus
from tfraft.ports import OnReply

if TYPE_CHECKING:
    from tfraft.adapters.network.raft_pb2_grpc import RaftNodeAsyncStub

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


def serve(server: grpc.aio.Server, method: str, handler: "grpc.RpcMethodHandler[Any, Any]") -> None:
    """Let `server`, which is none of ours, serve one method of our service."""
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("tfraft.RaftNode", {method: handler}),))


async def own_server(server: grpc.aio.Server) -> str:
    """Start `server`, which is none of ours; its address."""
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return f"127.0.0.1:{port}"


async def status_of(call: Any) -> StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    return failed.value.code()
