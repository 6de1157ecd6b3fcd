"""Messages between servers as those of raft.proto, and back. No I/O here.

Whatever is read is `wire.checked`: a message that no server sends raises `MalformedMessage`, in this form as well.
"""

from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.wire import checked
from tfraft.adapters.network.wire_entries import unpack_configuration, unpack_entries
from tfraft.core.base import Base, Snapshot
from tfraft.core.entry import NO_ENTRIES
from tfraft.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    InstallSnapshotReply,
    PreVote,
    PreVoteReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)


def read_request_vote(message: pb.RequestVote) -> RequestVote:
    """The record of a RequestVote."""
    return RequestVote(
        term=message.term,
        candidate_id=message.candidate_id,
        last_log_index=message.last_log_index,
        last_log_term=message.last_log_term,
        candidate_address=message.candidate_address,
        leadership_transfer=message.leadership_transfer,
    )


def write_request_vote_reply(reply: RequestVoteReply) -> pb.RequestVoteReply:
    """The protobuf message of a vote, given or not."""
    return pb.RequestVoteReply(
        term=reply.term,
        vote_granted=reply.vote_granted,
        server_id=reply.server_id,
        incarnation=reply.incarnation,
    )


def read_pre_vote(message: pb.PreVote) -> PreVote:
    """The record of a PreVote."""
    return PreVote(
        term=message.term,
        candidate_id=message.candidate_id,
        last_log_index=message.last_log_index,
        last_log_term=message.last_log_term,
        candidate_address=message.candidate_address,
    )


def write_pre_vote_reply(reply: PreVoteReply) -> pb.PreVoteReply:
    """The protobuf message of who would vote, or would not."""
    return pb.PreVoteReply(
        term=reply.term,
        vote_granted=reply.vote_granted,
        server_id=reply.server_id,
        pre_vote_term=reply.pre_vote_term,
        incarnation=reply.incarnation,
    )


def read_append_entries(message: pb.AppendEntries) -> AppendEntries:
    """The record of an AppendEntries. Raises `MalformedMessage`."""
    return checked(
        AppendEntries(
            term=message.term,
            leader_id=message.leader_id,
            prev_log_index=message.prev_log_index,
            prev_log_term=message.prev_log_term,
            entries=unpack_entries(message.entries) if message.entries else NO_ENTRIES,
            leader_commit=message.leader_commit,
            read_round=message.read_round,
            leader_address=message.leader_address,
            sent_at=message.sent_at,
        )
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
        sent_at=reply.sent_at,
        incarnation=reply.incarnation,
        priority=reply.priority,
    )


def read_snapshot(message: pb.Snapshot) -> Snapshot:
    """The record of what a snapshot is of. Raises `MalformedMessage`."""
    configuration = unpack_configuration(message.configuration)
    base = Base(message.index, message.term, configuration, message.configuration_index)
    return Snapshot(base, message.size_bytes, message.checksum)


def write_snapshot(snapshot: Snapshot) -> pb.Snapshot:
    """The protobuf message of what a snapshot is of."""
    base = snapshot.base
    return pb.Snapshot(
        index=base.index,
        term=base.term,
        configuration=base.configuration.encode(),
        configuration_index=base.configuration_index,
        size_bytes=snapshot.size_bytes,
        checksum=snapshot.checksum,
    )


def read_install_snapshot(message: pb.InstallSnapshot) -> InstallSnapshot:
    """The record of a piece of a snapshot. Raises `MalformedMessage`."""
    return InstallSnapshot(
        term=message.term,
        leader_id=message.leader_id,
        snapshot=read_snapshot(message.snapshot),
        offset=message.offset,
        size_bytes=len(message.data),
        data=message.data,
        leader_address=message.leader_address,
    )


def write_install_snapshot_reply(reply: InstallSnapshotReply | AppendEntriesReply) -> pb.InstallSnapshotResult:
    """The protobuf message of what a follower has of a snapshot: a part of it, or all that it needs."""
    if isinstance(reply, AppendEntriesReply):
        return pb.InstallSnapshotResult(installed=write_append_entries_reply(reply))
    wanted = pb.InstallSnapshotReply(
        term=reply.term, server_id=reply.server_id, last_index=reply.last_index, offset=reply.offset
    )
    return pb.InstallSnapshotResult(wanted=wanted)


def read_timeout_now(message: pb.TimeoutNow) -> TimeoutNow:
    """The record of a TimeoutNow."""
    return TimeoutNow(term=message.term, leader_id=message.leader_id)
