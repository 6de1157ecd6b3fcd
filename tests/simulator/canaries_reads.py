"""Canaries of linearizable reads (§6.4)."""

from typing import Any

from tests.simulator.canary import canary
from tfraft.core import reads, replication, state
from tfraft.core.effects import Token
from tfraft.core.messages import AppendEntries, ReadIndex, ReadIndexReply
from tfraft.core.raft import Raft
from tfraft.core.requests import Consistency
from tfraft.core.state import RaftState, Role


@canary(reads, "close_round")
def reads_need_no_round(raft: RaftState) -> None:
    """A leader that was cut off answers from what it knows."""
    if raft.open_round is not None:
        reads.confirm(raft, raft.open_round)
        raft.open_round = None


@canary(reads, "advance_reads")
def reads_do_not_wait_for_an_entry_of_the_term(raft: RaftState) -> None:
    """A new leader does not know yet what is committed (§6.4)."""
    reads.close_round(raft)
    if raft.reads_waiting and raft.open_round is None:
        reads.open_round(raft)
        reads.close_round(raft)


@canary(reads, "open_round")
def any_answer_confirms_a_read(raft: RaftState) -> None:
    """The number of the round does not grow: an answer to an earlier round counts (etcd 20418)."""
    raft.open_round = state.ReadRound(raft.read_round, raft.commit_index, raft.reads_waiting)
    raft.reads_waiting = []
    raft.broadcast_due = True


@canary(reads, "query")
def followers_answer_reads(
    raft: RaftState, token: Token, now: float, consistency: Consistency, max_staleness_s: float
) -> None:
    raft.now = now
    if raft.role is Role.LEADER:
        raft.reads_waiting.append(token)
    else:
        raft.confirmed.append(state.ReadRound(0, raft.last_applied, [token]))


on_append_entries = replication.on_append_entries


@canary(replication, "on_append_entries")
def a_late_request_of_an_older_term_confirms_reads(raft: RaftState, request: AppendEntries) -> None:
    """The refusal carries its round back, to a server that leads again after a restart (ours; once seed 131)."""
    if request.term < raft.current_term:
        raft.replies.append((request.leader_id, replication.rejection(raft, request)))
    else:
        on_append_entries(raft, request)


@canary(reads, "on_read_index_reply")
def a_follower_answers_before_it_has_applied_enough(raft: RaftState, reply: ReadIndexReply) -> None:
    asked = raft.asked_read
    if asked is not None and asked.number == reply.number:
        raft.confirmed.append(state.ReadRound(asked.number, 0, asked.tokens))
        raft.asked_read = None


@canary(reads, "on_read_index_reply")
def any_index_will_do_for_a_read(raft: RaftState, reply: ReadIndexReply) -> None:
    """Also one that was asked for earlier, for other reads (etcd 20418)."""
    asked = raft.asked_read
    if asked is not None:
        raft.confirmed.append(state.ReadRound(asked.number, reply.read_index, asked.tokens))
        raft.asked_read = None


@canary(reads, "ask_later")
def later_reads_share_an_index_that_was_asked_for_earlier(raft: RaftState, token: Token) -> None:
    if raft.asked_read is not None:
        raft.asked_read.tokens.append(token)
    else:
        raft.reads_to_ask.append(token)


@canary(reads, "on_read_index")
def an_index_to_read_at_needs_no_round(raft: RaftState, request: ReadIndex) -> None:
    """Whoever takes itself for the leader names its own commit index (hashicorp 603)."""
    if raft.role is Role.LEADER and raft.has_committed_in_term:
        reply = ReadIndexReply(raft.current_term, raft.server_id, request.number, raft.commit_index)
        raft.messages.append((request.server_id, reply))


def lease_of(raft: RaftState, timeouts: float) -> bool:
    answered = {server: progress.acked_sent_at for server, progress in raft.progress.items()}
    answered[raft.server_id] = raft.now
    lease_end = raft.configuration.agreed(answered) + timeouts * raft.config.election_timeout_s
    allowed = raft.config.lease_reads and not raft.lease_broken and raft.has_committed_in_term
    return allowed and raft.now < lease_end


@canary(reads, "lease_holds")
def a_lease_is_longer_than_the_election_timeout(raft: RaftState) -> bool:
    return lease_of(raft, 3.0)


@canary(reads, "lease_holds")
def a_lease_is_as_long_as_clocks_that_are_all_alike_would_allow(raft: RaftState) -> bool:
    """The drift is left out."""
    return lease_of(raft, 1.0)


@canary(reads, "lease_holds")
def a_lease_outlives_a_transfer(raft: RaftState) -> bool:
    """The other may lead already (§6.4.1)."""
    raft.lease_broken = False
    return lease_of(raft, 1 / raft.config.clock_drift_bound)


@canary(reads, "lease_holds")
def a_lease_begins_when_the_answer_comes(raft: RaftState) -> bool:
    """And not when the question was sent: a late answer makes it longer than any promise."""
    answered = {server: progress.heard_at for server, progress in raft.progress.items()}
    answered[raft.server_id] = raft.now
    lease_end = raft.configuration.agreed(answered) + raft.config.election_timeout_s / raft.config.clock_drift_bound
    return raft.config.lease_reads and not raft.lease_broken and raft.has_committed_in_term and raft.now < lease_end


@canary(reads, "lease_holds")
def a_lease_needs_no_entry_of_the_term(raft: RaftState) -> bool:
    """A new leader does not know yet what is committed."""
    answered = {server: progress.acked_sent_at for server, progress in raft.progress.items()}
    answered[raft.server_id] = raft.now
    lease_end = raft.configuration.agreed(answered) + raft.config.election_timeout_s / raft.config.clock_drift_bound
    return raft.config.lease_reads and not raft.lease_broken and raft.now < lease_end


query = reads.query


@canary(reads, "query")
def a_lease_is_judged_by_an_old_clock(
    raft: RaftState, token: Token, now: float, consistency: Consistency, max_staleness_s: float
) -> None:
    """The time of the last message, before a pause of seconds (ours)."""
    query(raft, token, raft.now, consistency, max_staleness_s)


@canary(reads, "staleness")
def a_stale_read_may_be_of_any_age(raft: RaftState) -> float:
    return 0.0


raft_begins = Raft.__init__


@canary(Raft, "__init__")
def a_server_that_restarts_numbers_its_questions_anew(self: Raft, *args: Any, **more: Any) -> None:
    """A late answer to a question of its last life is taken for one of this life (ours)."""
    raft_begins(self, *args, **more)
    self.state.reads_asked = 0


@canary(reads, "advance_asked_reads")
def a_question_without_an_answer_gets_a_new_number(raft: RaftState) -> None:
    """Where an answer takes longer than a heartbeat it always comes too late (ours)."""
    if raft.leader_id is None or raft.leader_id == raft.server_id:
        reads.forget_asked_reads(raft)
        return
    asked = raft.asked_read
    if asked is not None and raft.now >= asked.asked_at + raft.config.heartbeat_interval_s:
        raft.reads_to_ask = asked.tokens + raft.reads_to_ask
        asked = None
    if asked is None and raft.reads_to_ask:
        raft.reads_asked += 1
        asked = state.AskedRead(raft.reads_asked, raft.now, raft.reads_to_ask)
        raft.reads_to_ask = []
        raft.messages.append((raft.leader_id, ReadIndex(raft.current_term, raft.server_id, asked.number)))
    raft.asked_read = asked
