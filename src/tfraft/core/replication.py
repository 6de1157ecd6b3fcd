"""Log replication (§3.5), when an entry is committed (§3.6.2), and pipelining (§10.2)."""

from tfraft.core.configuration import ServerId
from tfraft.core.messages import AppendEntries, AppendEntriesReply
from tfraft.core.progress import Progress
from tfraft.core.roles import become_follower, hear_leader
from tfraft.core.state import RaftState, Role

# --- The follower's side ---


def on_append_entries(raft: RaftState, request: AppendEntries) -> None:
    """Follow the leader of this term; store its entries if our log agrees with the entry before them (§3.5).

    The reply leaves after the entries are saved."""
    if request.term < raft.current_term:
        # It carries our term and nothing of the request: who led then may lead now, and would take an old round of
        # heartbeats for one of its own, confirming reads that nobody has confirmed (§6.4).
        reply = AppendEntriesReply(raft.current_term, raft.server_id, success=False, incarnation=raft.incarnation)
        raft.replies.append((request.leader_id, reply))
        return
    hear_leader(raft, request.term, request.leader_id)
    raft.clock_offset_s = min(raft.clock_offset_s, raft.now - request.sent_at)
    if raft.repairing and raft.repair_index is None:
        raft.repair_index = request.leader_commit
    if raft.log.holds(request.prev_log_index, request.prev_log_term):
        store_entries(raft, request)
        raft.replies.append((request.leader_id, acceptance(raft, request)))
    else:
        raft.replies.append((request.leader_id, rejection(raft, request)))


def store_entries(raft: RaftState, request: AppendEntries) -> None:
    """Append the entries that we do not have; drop ours only from the first one that differs in term (§3.5).

    What follows the request's entries stays: the request may be an old one. The commit index goes no further than
    the entries that this request has verified."""
    known = raft.log.matching(request.prev_log_index, request.entries)
    fresh = request.entries.skip(known)
    if fresh:
        first = request.prev_log_index + known + 1
        if first <= raft.log.last_index:
            raft.truncate_log(first)
        raft.extend_log(fresh)
    verified = request.prev_log_index + len(request.entries)
    raft.commit_index = max(raft.commit_index, min(request.leader_commit, verified))
    if raft.commit_index >= request.leader_commit and raft.has_committed_in_term:
        # A leader that has committed nothing of its own term may not know yet what is committed.
        raft.fresh_at = max(raft.fresh_at, request.sent_at)


def acceptance(raft: RaftState, request: AppendEntries) -> AppendEntriesReply:
    """Our log equals the leader's through the last entry of `request`, whatever may stand after it."""
    return AppendEntriesReply(
        term=raft.current_term,
        server_id=raft.server_id,
        success=True,
        match_index=request.prev_log_index + len(request.entries),
        prev_log_index=request.prev_log_index,
        read_round=request.read_round,
        sent_at=request.sent_at,
        incarnation=raft.incarnation,
        priority=raft.config.priority,
    )


def rejection(raft: RaftState, request: AppendEntries) -> AppendEntriesReply:
    """We lack the entry before those of `request`; the conflict lets the leader skip a whole term at a time (§3.5)."""
    conflict_term = raft.log.term_at(request.prev_log_index)
    too_short = request.prev_log_index > raft.log.last_index
    return AppendEntriesReply(
        term=raft.current_term,
        server_id=raft.server_id,
        success=False,
        prev_log_index=request.prev_log_index,
        conflict_index=raft.log.last_index + 1 if too_short else raft.log.first_index_of(conflict_term),
        conflict_term=conflict_term,
        read_round=request.read_round,
        sent_at=request.sent_at,
        incarnation=raft.incarnation,
        priority=raft.config.priority,
    )


# --- The leader's side ---


def on_append_entries_reply(raft: RaftState, reply: AppendEntriesReply) -> None:
    """Learn how far a server's log agrees with ours; a reply of another term or of a stranger teaches nothing."""
    if reply.term > raft.current_term:
        become_follower(raft, reply.term)
        return
    progress = raft.progress.get(reply.server_id)
    if raft.role is not Role.LEADER or reply.term < raft.current_term or progress is None:
        return
    progress.heard_at = raft.now
    progress.priority = reply.priority
    if reply.incarnation < progress.incarnation:
        return
    if reply.incarnation > progress.incarnation:
        progress.begin_anew(reply.incarnation, raft.log.last_index + 1)
        return
    progress.acked_round = max(progress.acked_round, reply.read_round)
    progress.acked_sent_at = max(progress.acked_sent_at, reply.sent_at)
    if reply.success:
        progress.accepted(reply.match_index)
    else:
        progress.rejected(reply.prev_log_index, next_index_after(raft, reply))


def next_index_after(raft: RaftState, reply: AppendEntriesReply) -> int:
    """Where to go on after a rejection: past our last entry of the conflicting term, or before all of it (§3.5)."""
    shared = raft.log.last_index_of(reply.conflict_term) if reply.conflict_term else 0
    return min(shared + 1, reply.prev_log_index) if shared else reply.conflict_index


def advance_commit_index(raft: RaftState) -> None:
    """Commit what a majority stores, ourselves counted by our disk, if it ends in our own term.

    Counting replicas commits only entries of our own term; Figure 3.7 is the history that forbids more (§3.6.2)."""
    if raft.commit_index == raft.log.last_index:
        return  # As in many turns there is nothing to count.
    stored = {server: progress.match_index for server, progress in raft.speaking()}
    stored[raft.server_id] = raft.durable_index
    agreed = raft.configuration.agreed_index(stored)
    if agreed > raft.commit_index and raft.log.term_at(agreed) == raft.current_term:
        raft.commit_through(agreed)


def on_heartbeat_timeout(raft: RaftState) -> None:
    """Be heard by everybody in this turn (§3.4), and probe again where the last probe may be lost."""
    raft.broadcast_due = True
    for progress in raft.progress.values():
        progress.probe_again()
        if progress.sending is not None:
            progress.sending.try_again(raft.now, raft.config.election_timeout_s)
    if raft.transfer is not None:
        raft.transfer.timeout_now_due = True


def steps_down_without_quorum(raft: RaftState) -> bool:
    """Whether a majority has been silent, or our own disk busy, for an election timeout (§6.2).

    A leader that cannot commit must not keep clients waiting, nor followers, who take its heartbeats for health."""
    limit = raft.now - raft.config.election_timeout_s
    heard = {server: progress.heard_at for server, progress in raft.speaking()}
    heard[raft.server_id] = raft.now
    disk_hangs = raft.save_under_way is not None and raft.save_started_at < limit
    return disk_hangs or raft.configuration.agreed(heard) < limit


def replicate(raft: RaftState) -> None:
    """Send each server the entries that it lacks, as far as its window allows, or a heartbeat if one is due.

    A server that lacks entries which are compacted away gets a snapshot (see `snapshot`), and heartbeats meanwhile."""
    made: dict[int, AppendEntries] = {}
    for server, progress in raft.progress.items():
        if progress.next_index <= raft.log.base_index:
            if raft.broadcast_due:
                raft.messages.append((server, heartbeat_before_log(raft)))
        elif not send_entries(raft, server, progress, made) and raft.broadcast_due:
            raft.messages.append((server, append_entries(raft, progress.next_index, 0)))
    if raft.broadcast_due:
        raft.broadcast_due = False
        raft.heartbeat_deadline = raft.now + raft.config.heartbeat_interval_s


def send_entries(raft: RaftState, server: ServerId, progress: Progress, made: dict[int, AppendEntries]) -> bool:
    """Fill the window of one server; whether anything was sent.

    `made` holds the requests of this turn by nextIndex: servers that are equally far get the same one, which the
    network need not encode twice."""
    sent = False
    while progress.next_index <= raft.log.last_index and progress.may_send(raft.config):
        request = made.get(progress.next_index)
        if request is None:
            request = append_entries(raft, progress.next_index, raft.config.max_batch_entries)
            made[progress.next_index] = request
        raft.messages.append((server, request))
        progress.sent(request.prev_log_index + len(request.entries), sum(map(len, request.entries.data)))
        sent = True
    return sent


def append_entries(raft: RaftState, next_index: int, max_entries: int) -> AppendEntries:
    """The request that carries up to `max_entries` entries from nextIndex on."""
    return AppendEntries(
        term=raft.current_term,
        leader_id=raft.server_id,
        prev_log_index=next_index - 1,
        prev_log_term=raft.log.term_at(next_index - 1),
        entries=raft.log.batch(next_index, max_entries, raft.config.max_batch_bytes),
        leader_commit=raft.commit_index,
        read_round=raft.read_round,
        leader_address=raft.address_of(raft.server_id),
        sent_at=raft.now,
    )


def heartbeat_before_log(raft: RaftState) -> AppendEntries:
    """The heartbeat that holds for every log: it follows index 0, and so it commits nothing there."""
    return AppendEntries(
        term=raft.current_term,
        leader_id=raft.server_id,
        prev_log_index=0,
        prev_log_term=0,
        leader_commit=raft.commit_index,
        read_round=raft.read_round,
        leader_address=raft.address_of(raft.server_id),
        sent_at=raft.now,
    )


def overload(raft: RaftState) -> str:
    """Why a leader takes no more proposals now; an empty string while it does."""
    config = raft.config
    waiting = len(raft.proposals) + len(raft.delayed_proposals)
    if waiting >= config.max_waiting:
        return f"{waiting} proposals wait already"
    if raft.uncommitted_bytes >= config.max_uncommitted_bytes:
        return f"{raft.uncommitted_bytes} bytes of proposals wait already"
    return ""
