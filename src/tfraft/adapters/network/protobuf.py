"""Records as the protobuf messages of raft.proto, and back. No I/O here."""

from typing import assert_never

from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.wire import unpack_entries
from tfraft.core.entry import NO_ENTRIES
from tfraft.core.messages import AppendEntries, AppendEntriesReply, RequestVote, RequestVoteReply
from tfraft.core.requests import (
    AddServer,
    Answer,
    AnswerStatus,
    ClientQuery,
    ClientRequest,
    NodeRequest,
    RemoveServer,
)

RequestMessage = pb.ClientRequest | pb.ClientQuery | pb.AddServer | pb.RemoveServer

_WRITTEN_STATUS = {
    AnswerStatus.OK: pb.OK,
    AnswerStatus.NOT_LEADER: pb.NOT_LEADER,
    AnswerStatus.REFUSED: pb.REFUSED,
    AnswerStatus.TIMEOUT: pb.TIMEOUT,
}
_READ_STATUS = {written: status for status, written in _WRITTEN_STATUS.items()}


def read_request_vote(message: pb.RequestVote) -> RequestVote:
    """The record of a RequestVote."""
    return RequestVote(
        term=message.term,
        candidate_id=message.candidate_id,
        last_log_index=message.last_log_index,
        last_log_term=message.last_log_term,
        candidate_address=message.candidate_address,
    )


def write_request_vote_reply(reply: RequestVoteReply) -> pb.RequestVoteReply:
    """The protobuf message of a vote, given or not."""
    return pb.RequestVoteReply(term=reply.term, vote_granted=reply.vote_granted, server_id=reply.server_id)


def read_append_entries(message: pb.AppendEntries) -> AppendEntries:
    """The record of an AppendEntries. Raises `MalformedMessage` if its entries are damaged."""
    return AppendEntries(
        term=message.term,
        leader_id=message.leader_id,
        prev_log_index=message.prev_log_index,
        prev_log_term=message.prev_log_term,
        entries=unpack_entries(message.entries) if message.entries else NO_ENTRIES,
        leader_commit=message.leader_commit,
        read_round=message.read_round,
        leader_address=message.leader_address,
    )


def write_append_entries_reply(reply: AppendEntriesReply) -> pb.AppendEntriesReply:
    """The protobuf message of a follower's reply."""
    return pb.AppendEntriesReply(
        term=reply.term,
        success=reply.success,
        server_id=reply.server_id,
        match_index=reply.match_index,
        prev_log_index=reply.prev_log_index,
        conflict_index=reply.conflict_index,
        conflict_term=reply.conflict_term,
        read_round=reply.read_round,
    )


def write_request(request: NodeRequest) -> RequestMessage:
    """The protobuf message of a request. Raises `UnicodeEncodeError` for names that no text can hold."""
    match request:
        case ClientRequest():
            return pb.ClientRequest(command=request.command)
        case ClientQuery():
            return pb.ClientQuery(query=request.query)
        case AddServer():
            return pb.AddServer(new_server=request.new_server, address=request.address)
        case RemoveServer():
            return pb.RemoveServer(old_server=request.old_server)
        case _:
            assert_never(request)


def write_answer(answer: Answer) -> pb.Answer:
    """The protobuf message of an answer."""
    return pb.Answer(
        status=_WRITTEN_STATUS[answer.status],
        response=answer.response,
        leader_hint=answer.leader_hint,
        leader_address=answer.leader_address,
        reason=answer.reason,
    )


def read_answer(message: pb.Answer) -> Answer:
    """The record of an answer. A status that we do not know, from a node newer than us, leaves the outcome open."""
    return Answer(
        status=_READ_STATUS.get(message.status, AnswerStatus.TIMEOUT),
        response=message.response,
        leader_hint=message.leader_hint,
        leader_address=message.leader_address,
        reason=message.reason,
    )
