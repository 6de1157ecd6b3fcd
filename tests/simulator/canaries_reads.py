"""Canaries of linearizable reads (§6.4)."""

from tests.simulator.canary import canary
from tfraft.core import reads, replication, state
from tfraft.core.effects import Token
from tfraft.core.messages import AppendEntries
from tfraft.core.state import RaftState, Role


@canary(reads, "close_round")
def reads_need_no_round(raft: RaftState) -> None:
    """A leader that was cut off answers from what it knows."""
    if raft.open_round is not None:
        raft.confirmed.append(raft.open_round)
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
def followers_answer_reads(raft: RaftState, token: Token) -> None:
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
