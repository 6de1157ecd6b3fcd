"""The gRPC service `RaftNode`: hands what arrives to the handler, and its answers back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from grpc import StatusCode

from tfraft.adapters.network import protobuf, protobuf_requests, wire
from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.calls import Calls
from tfraft.adapters.network.channel import Context
from tfraft.adapters.network.futures import settle
from tfraft.adapters.network.identity import Claim, Doorplate
from tfraft.adapters.network.protobuf_requests import RequestMessage, UnfitRequest
from tfraft.adapters.network.raft_pb2_grpc import RaftNodeServicer
from tfraft.core.messages import (
    AppendEntriesReply,
    InstallSnapshotReply,
    Message,
    PreVoteReply,
    Reply,
    RequestVoteReply,
)
from tfraft.core.requests import Answer, AnswerStatus
from tfraft.ports import Handler


class Service(RaftNodeServicer):
    """The service at the door with this plate; what is under way enters `calls`."""

    def __init__(self, handler: Handler, plate: Doorplate, calls: Calls) -> None:
        self._handler = handler
        self._plate = plate
        self._calls = calls

    # --- One message between servers ---

    async def requestVote(self, request: pb.RequestVote, context: Context) -> pb.RequestVoteReply:
        async with self._heard(context):
            reply = await self._reply(protobuf.read_request_vote(request))
            assert isinstance(reply, RequestVoteReply), "a RequestVote is answered by a RequestVoteReply"
            return protobuf.write_request_vote_reply(reply)

    async def preVote(self, request: pb.PreVote, context: Context) -> pb.PreVoteReply:
        async with self._heard(context):
            reply = await self._reply(protobuf.read_pre_vote(request))
            assert isinstance(reply, PreVoteReply), "a PreVote is answered by a PreVoteReply"
            return protobuf.write_pre_vote_reply(reply)

    async def appendEntries(self, request: pb.AppendEntries, context: Context) -> pb.AppendEntriesReply:
        async with self._heard(context):
            reply = await self._reply(protobuf.read_append_entries(request))
            assert isinstance(reply, AppendEntriesReply), "an AppendEntries is answered by an AppendEntriesReply"
            return protobuf.write_append_entries_reply(reply)

    async def installSnapshot(self, request: pb.InstallSnapshot, context: Context) -> pb.InstallSnapshotResult:
        async with self._heard(context):
            reply = await self._reply(protobuf.read_install_snapshot(request))
            assert isinstance(reply, InstallSnapshotReply | AppendEntriesReply), "these tell what is there"
            return protobuf.write_install_snapshot_reply(reply)

    async def timeoutNow(self, request: pb.TimeoutNow, context: Context) -> pb.TimeoutNowReply:
        async with self._heard(context):
            self._handler.receive(protobuf.read_timeout_now(request))
            return pb.TimeoutNowReply()

    # --- Requests of clients and operators ---

    async def addServer(self, request: pb.AddServer, context: Context) -> pb.Answer:
        return await self._answer(request, context)

    async def removeServer(self, request: pb.RemoveServer, context: Context) -> pb.Answer:
        return await self._answer(request, context)

    async def updateServer(self, request: pb.UpdateServer, context: Context) -> pb.Answer:
        return await self._answer(request, context)

    async def changeServers(self, request: pb.ChangeServers, context: Context) -> pb.Answer:
        return await self._answer(request, context)

    async def transferLeadership(self, request: pb.TransferLeadership, context: Context) -> pb.Answer:
        return await self._answer(request, context)

    async def registerClient(self, request: pb.RegisterClient, context: Context) -> pb.Answer:
        return await self._answer(request, context)

    async def clientRequest(self, request: pb.ClientRequest, context: Context) -> pb.Answer:
        return await self._answer(request, context)

    async def clientQuery(self, request: pb.ClientQuery, context: Context) -> pb.Answer:
        return await self._answer(request, context)

    async def clientBatch(self, request: pb.ClientBatch, context: Context) -> AsyncIterator[pb.Answers]:
        async with self._heard(context):
            for part in protobuf_requests.write_answers(await self._answer_of(request)):
                yield part

    async def identify(self, request: pb.Identify, context: Context) -> pb.Identification:
        async with self._calls.finite(context):  # Heard whoever asks: this is how one finds out.
            return protobuf_requests.write_identification(self._plate.identification())

    # --- The stream ---

    async def exchange(self, request_iterator: AsyncIterator[pb.Batch], context: Context) -> AsyncIterator[pb.Batch]:
        async with self._calls.endless(context):
            claim = Claim.in_metadata(context.invocation_metadata() or ())
            await self._admit(claim, context)
            # Tells the sender that its stream stands; otherwise it would have to lose a message to find out.
            yield pb.Batch()
            try:
                async for batch in request_iterator:
                    await self._admit(claim, context)  # We may have learnt meanwhile which cluster we are of.
                    for data in batch.messages:
                        self._handler.receive(wire.decode(data))
            except wire.MalformedMessage as error:
                await context.abort(StatusCode.INVALID_ARGUMENT, str(error))

    async def _admit(self, claim: Claim | None, context: Context) -> None:
        """Return if the call is for us; end it otherwise."""
        if objection := self._plate.objection(claim):
            await context.abort(StatusCode.FAILED_PRECONDITION, objection)

    @asynccontextmanager
    async def _heard(self, context: Context) -> AsyncIterator[None]:
        """Around the work for a call that is for us; one that is not, or makes no sense, fails."""
        async with self._calls.finite(context):
            await self._admit(Claim.in_metadata(context.invocation_metadata() or ()), context)
            try:
                yield
            except wire.MalformedMessage as error:
                await context.abort(StatusCode.INVALID_ARGUMENT, str(error))

    async def _reply(self, message: Message) -> Reply:
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._handler.receive(message, partial(settle, reply))
        return await reply

    async def _answer(self, message: RequestMessage, context: Context) -> pb.Answer:
        async with self._heard(context):
            return protobuf_requests.write_answer(await self._answer_of(message))

    async def _answer_of(self, message: RequestMessage) -> Answer:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        try:
            self._handler.request(protobuf_requests.read_request(message), partial(settle, answer))
        except UnfitRequest as error:
            settle(answer, Answer(AnswerStatus.REFUSED, reason=str(error)))
        return await answer
