"""The transitions of Figure 3.3, and the only places that write `role`."""

from collections.abc import Iterable

from tfraft.core.configuration import ServerId
from tfraft.core.entry import EntryKind
from tfraft.core.messages import PreVote, RequestVote
from tfraft.core.progress import Progress
from tfraft.core.requests import AnswerStatus
from tfraft.core.state import CatchUp, RaftState, RemoteRead, Role

LEAVING_TIMEOUTS = 10
"""For so many election timeouts a removed server is told that it was, at most."""
YIELD_TIMEOUTS = 4
"""A leader leads for so many election timeouts before it yields to a higher priority, and between two tries."""


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
    follow(raft, leader_id)
    raft.votes_granted.clear()
    if left is Role.LEADER:
        # Any other timer runs on: a candidate with an old log must not hold back the one server that can win.
        raft.reset_election_timer()
        leave_leadership(raft)


def follow(raft: RaftState, leader_id: ServerId | None) -> None:
    """Take `leader_id` for the leader; what was learned of the clock of another says nothing of its clock."""
    if raft.leader_id != leader_id:
        raft.leader_id = leader_id
        raft.clock_offset_s = float("inf")
        raft.fresh_at = float("-inf")
    if leader_id is not None:
        settle_transfer(raft)


def settle_transfer(raft: RaftState) -> None:
    """Settle a transfer of an earlier leadership of ours, now that it is known who leads (§3.10)."""
    transfer, raft.transfer = raft.transfer, None
    if transfer is not None and raft.leader_id == transfer.target:
        raft.settle(transfer.token, AnswerStatus.OK)
    elif transfer is not None:
        raft.settle(transfer.token, AnswerStatus.REFUSED, f"{raft.leader_id} leads, not {transfer.target}")


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
    raft.leaving.clear()
    waiting.extend(token for _, _, token in raft.delayed_proposals)
    raft.delayed_proposals = []
    for token in waiting:
        # Who asked from another server asks the next leader by itself.
        if not isinstance(token, RemoteRead):
            raft.settle(token, AnswerStatus.NOT_LEADER)
    if raft.joint_token is not None:
        raft.settle(raft.joint_token, AnswerStatus.TIMEOUT, "the next leader goes on with the change")
        raft.joint_token = None


def hear_leader(raft: RaftState, term: int, leader_id: ServerId) -> None:
    """Follow the leader of `term`, which is at least the current one: a message of it has just come (§3.4)."""
    assert raft.role is not Role.LEADER or term > raft.current_term, "two leaders in one term"
    if term > raft.current_term or raft.role is not Role.FOLLOWER:
        become_follower(raft, term, leader_id)
    follow(raft, leader_id)
    raft.leader_heard_at = raft.now
    raft.reset_election_timer()


def become_pre_candidate(raft: RaftState) -> None:
    """Ask all others who would vote for us in the next term; nothing of it needs the disk (§9.6)."""
    if raft.role is Role.CANDIDATE:
        # Requests for votes that have not left yet: the election that they were for is over.
        raft.replies.clear()
    raft.role = Role.PRE_CANDIDATE
    raft.leader_id = None
    raft.votes_granted = {raft.server_id}
    raft.reset_election_timer()
    log, address = raft.log, raft.address_of(raft.server_id)
    request = PreVote(raft.current_term + 1, raft.server_id, log.last_index, log.last_term, address)
    raft.messages.extend((server, request) for server in raft.others)


def become_candidate(raft: RaftState, leadership_transfer: bool = False) -> None:
    """Start an election: a new term, a vote for ourselves, RequestVote to all others (§3.4).

    The requests leave only after term and vote are saved, and our own vote counts only then (see `Raft.saved`)."""
    raft.current_term += 1
    raft.voted_for = raft.server_id
    raft.role = Role.CANDIDATE
    raft.leader_id = None
    raft.votes_granted.clear()
    raft.replies.clear()
    raft.reset_election_timer()
    log, address = raft.log, raft.address_of(raft.server_id)
    request = RequestVote(
        raft.current_term, raft.server_id, log.last_index, log.last_term, address, leadership_transfer
    )
    raft.replies.extend((server, request) for server in raft.others)


def become_leader(raft: RaftState) -> None:
    """Lead the current term: probe each server from the end of our log, and append a no-op (§3.4, §6.4)."""
    assert raft.configuration.has_quorum(raft.votes_granted), "a leader without a majority of votes"
    raft.role = Role.LEADER
    raft.leader_id = raft.server_id
    settle_transfer(raft)
    raft.progress = {server: new_progress(raft, server) for server in raft.peers}
    if len(raft.configurations) > 1:
        # The last leader may have been removed itself, or have crashed, before it had told them.
        tell_who_left(raft, raft.configurations[-2][1].members)
    raft.lease_broken = False
    raft.yields_from = raft.now + YIELD_TIMEOUTS * raft.config.election_timeout_s
    raft.receiving = None
    raft.uncommitted_bytes = raft.log.size_bytes(raft.commit_index + 1, raft.log.last_index)
    raft.append_entry(EntryKind.NO_OP, b"")
    raft.heartbeat_deadline = raft.now
    raft.broadcast_due = True


def tell_who_left(raft: RaftState, former: Iterable[ServerId]) -> None:
    """For a while, send to those of `former` who are members no more: once they know it they can stop (§4.2.2)."""
    until = raft.now + LEAVING_TIMEOUTS * raft.config.election_timeout_s
    for server in former:
        if server not in raft.configuration.members and server != raft.server_id:
            raft.progress.setdefault(server, new_progress(raft, server))
            raft.leaving[server] = until


def new_progress(raft: RaftState, server: ServerId) -> Progress:
    """What a leader assumes of a server that it has not heard yet: nextIndex just after its own last entry."""
    incarnation = raft.configuration.incarnation_of(server)
    return Progress(next_index=raft.log.last_index + 1, heard_at=raft.now, incarnation=incarnation)


def new_catch_up(raft: RaftState, server: ServerId, address: str) -> CatchUp:
    """The first round of a new server."""
    return CatchUp(
        server,
        address,
        round=1,
        round_end=raft.log.last_index,
        round_started_at=raft.now,
        progressed_at=raft.now,
        match_index=raft.progress[server].match_index,
    )
