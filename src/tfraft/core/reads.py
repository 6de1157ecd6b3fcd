"""Reads without the log (§6.4): linearizable at the leader or at any server, by lease, or stale by a bound."""

from typing import Final

from tfraft.core.effects import Token
from tfraft.core.messages import ReadIndex, ReadIndexReply
from tfraft.core.requests import AnswerStatus, Consistency
from tfraft.core.roles import become_follower
from tfraft.core.state import AskedRead, RaftState, ReadRound, RemoteRead, Role

# To get a member of an enum by its name takes Python 3.11 as long as a call: too long for every read.
_LEADER: Final = Role.LEADER
_LEASE: Final = Consistency.LEASE
_STALE: Final = Consistency.STALE


def query(raft: RaftState, token: Token, now: float, consistency: Consistency, max_staleness_s: float) -> None:
    """Take a read; it is confirmed, or refused, in this turn or a later one."""
    raft.now = now
    if consistency is _STALE:
        query_stale(raft, token, max_staleness_s)
    elif raft.role is _LEADER:
        query_leader(raft, token, consistency)
    elif consistency is Consistency.FOLLOWER and raft.leader_id is not None:
        ask_later(raft, token)
    else:
        raft.settle(token, AnswerStatus.NOT_LEADER)


# --- At the leader: remember the commit index, let a majority confirm that we still lead ---


def query_leader(raft: RaftState, token: Token, consistency: Consistency) -> None:
    """A read at the leader: by the lease where that is wanted and holds, else with the next round of heartbeats."""
    if len(raft.reads_waiting) >= raft.config.max_waiting:
        raft.settle(token, AnswerStatus.OVERLOADED, f"{len(raft.reads_waiting)} reads wait already")
    elif consistency is _LEASE and lease_holds(raft):
        raft.confirmed.append(ReadRound(raft.read_round, raft.commit_index, [token]))
    else:
        raft.reads_waiting.append(token)


def lease_holds(raft: RaftState) -> bool:
    """Whether no other leader can have been elected yet (§6.4.1).

    A majority has answered what we sent at a certain time, and each of them votes for nobody for an election timeout
    from when it came; by our clock that is over a little earlier, since theirs may run faster. A server that has
    restarted waits as long before it votes (see `Raft`), and one that we told to stand makes the lease void."""
    answered = {server: progress.acked_sent_at for server, progress in raft.speaking()}
    answered[raft.server_id] = raft.now
    lease_end = raft.configuration.agreed(answered) + raft.config.election_timeout_s / raft.config.clock_drift_bound
    allowed = raft.config.lease_reads and not raft.lease_broken and raft.has_committed_in_term
    return allowed and raft.now < lease_end


def advance_reads(raft: RaftState) -> None:
    """Finish the open round if a majority has answered it, then open one for all reads that have gathered."""
    close_round(raft)
    if raft.reads_waiting and raft.open_round is None and raft.has_committed_in_term:
        open_round(raft)
        close_round(raft)


def open_round(raft: RaftState) -> None:
    """Fix the read index first, then ask who still follows us: the other way round a read could miss a write (§6.4).

    One round is open at a time, and reads that come meanwhile share the next: under load the rounds grow, not the
    number of messages. A round that is lost is asked again by each heartbeat, which carries its number."""
    raft.read_round += 1
    raft.open_round = ReadRound(raft.read_round, raft.commit_index, raft.reads_waiting)
    raft.reads_waiting = []
    raft.broadcast_due = True


def close_round(raft: RaftState) -> None:
    """Confirm the open round once a majority, ourselves among them, has answered it or a later one."""
    if raft.open_round is None:
        return
    answered = {server: progress.acked_round for server, progress in raft.speaking()}
    answered[raft.server_id] = raft.read_round
    if raft.configuration.agreed_index(answered) >= raft.open_round.number:
        confirm(raft, raft.open_round)
        raft.open_round = None


def confirm(raft: RaftState, done: ReadRound) -> None:
    """Let the reads of a round be answered: ours here, those of other servers there, once they have applied so far."""
    for token in done.tokens:
        if isinstance(token, RemoteRead):
            reply = ReadIndexReply(raft.current_term, raft.server_id, token.number, done.read_index)
            raft.messages.append((token.server_id, reply))
    ours = [token for token in done.tokens if not isinstance(token, RemoteRead)]
    if ours:
        raft.confirmed.append(ReadRound(done.number, done.read_index, ours))


def on_read_index(raft: RaftState, request: ReadIndex) -> None:
    """A read at another server asks us for an index; who does not lead is silent, and it will ask somebody else."""
    if request.term > raft.current_term:
        become_follower(raft, request.term)
    elif raft.role is Role.LEADER and len(raft.reads_waiting) < raft.config.max_waiting:
        raft.reads_waiting.append(RemoteRead(request.server_id, request.number))


# --- At a server that does not lead ---


def ask_later(raft: RaftState, token: Token) -> None:
    """A read here, for whose index the leader is asked with the next question."""
    waiting = len(raft.reads_to_ask) + (len(raft.asked_read.tokens) if raft.asked_read else 0)
    if waiting >= raft.config.max_waiting:
        raft.settle(token, AnswerStatus.OVERLOADED, f"{waiting} reads wait already")
    else:
        raft.reads_to_ask.append(token)


def advance_asked_reads(raft: RaftState) -> None:
    """Once per turn: ask the leader for all reads that have gathered, and again if no answer comes for a heartbeat.

    Again under the same number: whoever waits for it came before it was asked first, so that the answer to any copy
    will do, however long it takes. Who comes later waits for the next question, whose index may be higher."""
    if raft.leader_id is None or raft.leader_id == raft.server_id:
        forget_asked_reads(raft)
        return
    asked = raft.asked_read
    if asked is None and raft.reads_to_ask:
        raft.reads_asked += 1
        asked = raft.asked_read = AskedRead(raft.reads_asked, float("-inf"), raft.reads_to_ask)
        raft.reads_to_ask = []
    if asked is not None and raft.now >= asked.asked_at + raft.config.heartbeat_interval_s:
        asked.asked_at = raft.now
        request = ReadIndex(raft.current_term, raft.server_id, asked.number)
        raft.messages.append((raft.leader_id, request))


def forget_asked_reads(raft: RaftState) -> None:
    """There is no leader to ask: whoever waits may try elsewhere."""
    waiting = raft.reads_to_ask + (raft.asked_read.tokens if raft.asked_read else [])
    raft.reads_to_ask = []
    raft.asked_read = None
    for token in waiting:
        raft.settle(token, AnswerStatus.NOT_LEADER)


def forget_reads(raft: RaftState) -> None:
    """The server stops: whoever waits for a read may try elsewhere."""
    forget_asked_reads(raft)
    for confirmed in raft.confirmed:
        for token in confirmed.tokens:
            raft.settle(token, AnswerStatus.NOT_LEADER)
    raft.confirmed = []


def on_read_index_reply(raft: RaftState, reply: ReadIndexReply) -> None:
    """The leader has named an index: the reads are answered once we have applied so far (§6.4)."""
    if reply.term > raft.current_term:
        become_follower(raft, reply.term)
    asked = raft.asked_read
    if asked is not None and asked.number == reply.number:
        raft.confirmed.append(ReadRound(asked.number, reply.read_index, asked.tokens))
        raft.asked_read = None


# --- Stale, by a bound ---


def query_stale(raft: RaftState, token: Token, max_staleness_s: float) -> None:
    """A read of what is applied here, if that is fresh enough; otherwise another server may do better."""
    staleness_s = staleness(raft)
    if staleness_s <= max_staleness_s:
        raft.confirmed.append(ReadRound(0, 0, [token]))
    else:
        age = "of unknown age" if staleness_s == float("inf") else f"{staleness_s:.3g} s old"
        raft.settle(token, AnswerStatus.NOT_LEADER, f"the state of {raft.server_id} is {age}")


def staleness(raft: RaftState) -> float:
    """For how many seconds writes may have been committed that are not applied here.

    A leader counts from when it sent what a majority has answered: since then another may have been elected. Another
    server counts by the leader's clock, which AppendEntries carries: from the latest one after which it had applied
    all that the leader had committed. How long the fastest message took is not in it: no clock tells that."""
    if raft.role is Role.LEADER:
        answered = {server: progress.acked_sent_at for server, progress in raft.speaking()}
        answered[raft.server_id] = raft.now
        return raft.now - raft.configuration.agreed(answered) if raft.has_committed_in_term else float("inf")
    leaders_now = raft.now - raft.clock_offset_s
    return leaders_now - raft.fresh_at if raft.fresh_at > float("-inf") else float("inf")
