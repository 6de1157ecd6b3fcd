"""The transitions of Figure 3.3, and the only places that write `role`."""

from tfraft.core.entry import EntryKind
from tfraft.core.messages import RequestVote, ServerId
from tfraft.core.progress import Progress
from tfraft.core.requests import AnswerStatus
from tfraft.core.state import RaftState, Role


def become_follower(raft: RaftState, term: int, leader_id: ServerId | None = None) -> None:
    """Follow in `term`, which is at least the current one: with a fresh vote if it is higher (§3.3).

    Whoever waited for a read or a change that is not in the log gets NOT_LEADER. Whoever waited for an entry goes on
    waiting: only a committed entry at its index decides whether it happened."""
    assert term >= raft.current_term, f"term would go back from {raft.current_term} to {term}"
    left, raft.role = raft.role, Role.FOLLOWER
    if term > raft.current_term or left is Role.CANDIDATE:
        # A promise of an older term, or a request for votes, may outlive a truncation that is not saved yet; nobody
        # needs it any more.
        raft.replies.clear()
    if term > raft.current_term:
        raft.current_term = term
        raft.voted_for = None
    raft.leader_id = leader_id
    raft.votes_granted.clear()
    if left is Role.LEADER:
        # Any other timer runs on: a candidate with an old log must not hold back the one server that can win.
        raft.reset_election_timer()
        leave_leadership(raft)


def leave_leadership(raft: RaftState) -> None:
    """Forget what only a leader knows, and tell those who wait for what only a leader can give."""
    raft.progress.clear()
    raft.messages.clear()
    raft.broadcast_due = False
    # The entries that we appended have the term we appended them in, whatever the current term is now.
    raft.orphans.update({(index, raft.log.term_at(index)): token for index, token in raft.proposals.items()})
    raft.proposals.clear()
    waiting = raft.reads_waiting + (raft.open_round.tokens if raft.open_round else [])
    raft.reads_waiting = []
    raft.open_round = None
    if raft.change is not None:
        waiting.append(raft.change.token)
        raft.change = None
    for token in waiting:
        raft.settle(token, AnswerStatus.NOT_LEADER)


def become_candidate(raft: RaftState) -> None:
    """Start an election: a new term, a vote for ourselves, RequestVote to all others (§3.4).

    The requests leave only after term and vote are saved, and our own vote counts only then (see `Raft.saved`)."""
    raft.current_term += 1
    raft.voted_for = raft.server_id
    raft.role = Role.CANDIDATE
    raft.leader_id = None
    raft.votes_granted.clear()
    raft.replies.clear()
    raft.reset_election_timer()
    request = RequestVote(raft.current_term, raft.server_id, raft.log.last_index, raft.log.last_term, raft.own_address)
    raft.replies.extend((server, request) for server in raft.others)


def become_leader(raft: RaftState) -> None:
    """Lead the current term: probe each server from the end of our log, and append a no-op (§3.4, §6.4)."""
    assert raft.configuration.has_quorum(raft.votes_granted), "a leader without a majority of votes"
    raft.role = Role.LEADER
    raft.leader_id = raft.server_id
    raft.progress = {server: new_progress(raft) for server in raft.others}
    raft.append_entry(EntryKind.NO_OP, b"")
    raft.heartbeat_deadline = raft.now
    raft.broadcast_due = True


def new_progress(raft: RaftState) -> Progress:
    """What a leader assumes of a server that it has not heard yet: nextIndex just after its own last entry."""
    return Progress(next_index=raft.log.last_index + 1, heard_at=raft.now)
