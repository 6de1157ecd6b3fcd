"""Linearizable reads without the log (§6.4): remember the commit index, let a majority confirm that we still lead."""

from tfraft.core.effects import Token
from tfraft.core.requests import AnswerStatus
from tfraft.core.state import RaftState, ReadRound, Role


def query(raft: RaftState, token: Token) -> None:
    """Take a read; it is confirmed, or refused with NOT_LEADER, in this turn or a later one."""
    if raft.role is Role.LEADER:
        raft.reads_waiting.append(token)
    else:
        raft.settle(token, AnswerStatus.NOT_LEADER)


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
    answered = {server: progress.acked_round for server, progress in raft.progress.items()}
    answered[raft.server_id] = raft.read_round
    if raft.configuration.agreed_index(answered) >= raft.open_round.number:
        raft.confirmed.append(raft.open_round)
        raft.open_round = None
