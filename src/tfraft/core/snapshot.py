"""Log compaction (ch. 5): entries that are in a snapshot leave the log, and a server that lacks them gets the snapshot.

The bytes of a snapshot never come in here: what is sent names the piece, and the node puts the bytes in.
"""

from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import ServerId
from tfraft.core.effects import Piece
from tfraft.core.messages import AppendEntriesReply, InstallSnapshot, InstallSnapshotReply
from tfraft.core.progress import Progress, Sending
from tfraft.core.requests import AnswerStatus
from tfraft.core.roles import become_follower, hear_leader
from tfraft.core.state import RaftState, Receiving, Role

PATIENCE_TIMEOUTS = 10
"""A server whose snapshot has not moved for so many election timeouts holds up compaction no more."""

# --- On every server ---


def compact(raft: RaftState, snapshot: Snapshot) -> Base | None:
    """Take `snapshot`, which is on our disk, for the latest; give the base that the log has now, if that has moved on.

    Some entries stay behind it for servers that are a little slow, and all that a server will need which is being
    sent an older snapshot: a log that is compacted faster than a snapshot travels would have it begin for ever."""
    raft.snapshot = snapshot
    needed = [sending.snapshot.base.index for sending in moving(raft)]
    index = min([snapshot.base.index - raft.config.keep_entries, raft.durable_index, raft.last_applied, *needed])
    return raft.compact_log(index) if index > raft.log.base_index else None


def moving(raft: RaftState) -> list[Sending]:
    """The snapshots that are on their way to a server, and arrive."""
    limit = raft.now - PATIENCE_TIMEOUTS * raft.config.election_timeout_s
    under_way = [progress.sending for progress in raft.progress.values() if progress.sending is not None]
    return [sending for sending in under_way if sending.progressed_at >= limit]


# --- The leader's side ---


def send_snapshots(raft: RaftState) -> None:
    """Once per turn: fill the window of each server that needs entries which are compacted away (§5.1)."""
    for server, progress in raft.progress.items():
        if progress.next_index <= raft.log.base_index:
            send_pieces(raft, server, progress)


def send_pieces(raft: RaftState, server: ServerId, progress: Progress) -> None:
    """Send as many pieces of the latest snapshot as may be under way."""
    assert raft.snapshot is not None, "a log that was compacted without a snapshot"
    sending = progress.sending
    if sending is None or sending.snapshot != raft.snapshot:
        sending = progress.sending = Sending(raft.snapshot, progressed_at=raft.now, tried_at=raft.now)
    piece_bytes, total_bytes = raft.config.snapshot_piece_bytes, sending.snapshot.size_bytes
    while sending.offset < min(total_bytes, sending.acked + raft.config.snapshot_window * piece_bytes):
        size_bytes = min(piece_bytes, total_bytes - sending.offset)
        address = raft.address_of(raft.server_id)
        request = InstallSnapshot(
            raft.current_term, raft.server_id, sending.snapshot, sending.offset, size_bytes, leader_address=address
        )
        raft.messages.append((server, request))
        sending.offset += size_bytes


def on_install_snapshot_reply(raft: RaftState, reply: InstallSnapshotReply) -> None:
    """Learn how much of the snapshot a server has; an answer about another one teaches nothing but that it lives."""
    if reply.term > raft.current_term:
        become_follower(raft, reply.term)
        return
    progress = raft.progress.get(reply.server_id)
    if raft.role is not Role.LEADER or reply.term < raft.current_term or progress is None:
        return
    progress.heard_at = raft.now
    if progress.sending is not None and progress.sending.snapshot.base.index == reply.last_index:
        progress.sending.answered(reply.offset, raft.now)


# --- The follower's side ---


def on_install_snapshot(raft: RaftState, request: InstallSnapshot) -> None:
    """Follow the leader of this term, and take the piece if it is the next one; say otherwise which is (§5.1)."""
    base = request.snapshot.base
    if request.term < raft.current_term:
        reply = InstallSnapshotReply(raft.current_term, raft.server_id, base.index, 0)
        raft.replies.append((request.leader_id, reply))
        return
    hear_leader(raft, request.term, request.leader_id)
    if base.index <= raft.commit_index:
        # Not needed any more, or late: what is committed here is never replaced by something older.
        forget_receiving(raft, base)
        raft.replies.append((request.leader_id, agreement(raft, base)))
        return
    if request.offset == 0 and (raft.receiving is None or raft.receiving.snapshot != request.snapshot):
        raft.receiving = Receiving(request.snapshot)
    receiving = raft.receiving
    if receiving is None or receiving.snapshot != request.snapshot:
        reply = InstallSnapshotReply(raft.current_term, raft.server_id, base.index, 0)
        raft.replies.append((request.leader_id, reply))
    elif request.offset == receiving.offset and request.data:
        raft.pieces.append(Piece(request.snapshot, request.offset, request.data))
        receiving.offset += len(request.data)
    else:
        tell_offset(raft, receiving)


def on_piece_written(raft: RaftState, snapshot: Snapshot, written: int) -> None:
    """The first `written` bytes of a snapshot are in a file of ours: ask for more."""
    receiving = raft.receiving
    if receiving is not None and receiving.snapshot == snapshot:
        receiving.written = written
        tell_offset(raft, receiving)


def tell_offset(raft: RaftState, receiving: Receiving) -> None:
    """Tell the leader how much we have written, so that it sends no faster than our disk can take."""
    if raft.leader_id is not None and raft.leader_id != raft.server_id:
        index = receiving.snapshot.base.index
        reply = InstallSnapshotReply(raft.current_term, raft.server_id, index, receiving.written)
        raft.replies.append((raft.leader_id, reply))


def on_snapshot_refused(raft: RaftState, snapshot: Snapshot) -> None:
    """What has come is not the snapshot that was promised: it must come anew."""
    if raft.receiving is not None and raft.receiving.snapshot == snapshot:
        raft.receiving = None


def on_snapshot_received(raft: RaftState, snapshot: Snapshot) -> None:
    """`snapshot` is the latest on our disk, whole and checked: let the log begin after it, if that is progress (§5.1).

    Where the log has its last entry, that and all before it is committed, and what follows stays. Otherwise the log
    is of no use, and the state machine is replaced."""
    base = snapshot.base
    raft.snapshot = snapshot
    forget_receiving(raft, base)
    if base.index > raft.commit_index:
        if base.index <= raft.log.last_index and raft.log.term_at(base.index) == base.term:
            raft.commit_through(base.index)
        else:
            raft.replace_log(base)
            raft.installed = snapshot
            settle_replaced(raft)
    if raft.leader_id is not None and raft.leader_id != raft.server_id:
        raft.replies.append((raft.leader_id, agreement(raft, base)))


def forget_receiving(raft: RaftState, base: Base) -> None:
    """What is not above `base` need not come any more."""
    if raft.receiving is not None and raft.receiving.snapshot.base.index <= base.index:
        raft.receiving = None


def settle_replaced(raft: RaftState) -> None:
    """Decide our own old proposals as far as the snapshot does: what it covers may be in it, or may not."""
    base = raft.log.base_index, raft.log.base_term
    for index, term in [place for place in raft.orphans if place[0] <= base[0] or place[1] < base[1]]:
        token = raft.orphans.pop((index, term))
        if index <= base[0]:
            raft.settle(token, AnswerStatus.TIMEOUT, "a snapshot came in the place of the entry")
        else:
            raft.settle(token, AnswerStatus.NOT_LEADER)


def agreement(raft: RaftState, base: Base) -> AppendEntriesReply:
    """Our log equals the leader's through `base`, as all that is committed does."""
    return AppendEntriesReply(
        raft.current_term,
        raft.server_id,
        success=True,
        match_index=base.index,
        prev_log_index=base.index,
        incarnation=raft.incarnation,
        priority=raft.config.priority,
    )
