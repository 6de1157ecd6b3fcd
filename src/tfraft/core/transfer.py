"""Leadership transfer (§3.10): bring the successor up to date, then let it start an election at once."""

from tfraft.core.configuration import ServerId
from tfraft.core.effects import Token
from tfraft.core.messages import TimeoutNow
from tfraft.core.requests import AnswerStatus, TransferLeadership
from tfraft.core.roles import YIELD_TIMEOUTS, become_candidate, become_follower
from tfraft.core.state import RaftState, Role, Transfer


def transfer_leadership(raft: RaftState, request: TransferLeadership, token: Token) -> None:
    """Begin to hand over to `request.target`, or to whoever is furthest; proposals wait until it is decided."""
    target = request.target or most_up_to_date(raft)
    if raft.role is not Role.LEADER:
        raft.settle(token, AnswerStatus.NOT_LEADER)
    elif raft.transfer is not None:
        raft.settle(token, AnswerStatus.REFUSED, f"leadership is on its way to {raft.transfer.target} already")
    elif target == raft.server_id:
        raft.settle(token, AnswerStatus.OK, f"{target} leads already")
    elif target not in raft.others:
        raft.settle(token, AnswerStatus.REFUSED, f"{target} is not a voter" if target else "there is no other voter")
    elif (raft.change is not None and raft.change.asked_for) or raft.configuration.is_joint:
        raft.settle(token, AnswerStatus.REFUSED, "a change of the membership is in progress")
    else:
        raft.change = None
        raft.transfer = Transfer(target, raft.now + raft.config.election_timeout_s, token)


def yield_to_priority(raft: RaftState) -> None:
    """From time to time: hand over to a voter of a higher priority that has all that is committed, and answers (§3.10).

    Not at once, and not again and again: a leader that changes often serves nobody."""
    if raft.now < raft.yields_from:
        return
    raft.yields_from = raft.now + YIELD_TIMEOUTS * raft.config.election_timeout_s
    changing = raft.change is not None or raft.configuration.is_joint or not raft.has_committed_in_term
    if raft.transfer is not None or changing:
        return
    limit = raft.now - raft.config.election_timeout_s
    better = {
        server: progress.priority
        for server, progress in raft.speaking()
        if server in raft.configuration
        and progress.priority > raft.config.priority
        and progress.match_index >= raft.commit_index
        and progress.heard_at > limit
    }
    if better:
        transfer_leadership(raft, TransferLeadership(max(better, key=lambda server: better[server])), token=None)


def most_up_to_date(raft: RaftState) -> ServerId:
    """The voter whose log is furthest, the one that was heard last among equals; empty where there is none."""
    voters = {server: progress for server, progress in raft.speaking() if server in raft.configuration}
    return max(voters, key=lambda server: (voters[server].match_index, voters[server].heard_at), default="")


def advance_transfer(raft: RaftState) -> None:
    """Once per turn: tell the successor to stand, as soon as its log is as long as ours (§3.10)."""
    transfer = raft.transfer
    if transfer is None or not transfer.timeout_now_due:
        return
    if raft.progress[transfer.target].match_index == raft.log.last_index:
        transfer.timeout_now_due = False
        send_timeout_now(raft, transfer.target)


def send_timeout_now(raft: RaftState, successor: ServerId) -> None:
    """Let `successor` stand; from now on our lease protects nobody (§6.4.1)."""
    raft.lease_broken = True
    raft.messages.append((successor, TimeoutNow(raft.current_term, raft.server_id)))


def resign(raft: RaftState) -> None:
    """Step down, and let whoever is furthest stand at once, so that nobody has to wait for a timeout (§4.2.2)."""
    successor = most_up_to_date(raft)
    become_follower(raft, raft.current_term)
    send_timeout_now(raft, successor)


def on_timeout_now(raft: RaftState, request: TimeoutNow) -> None:
    """Stand for election at once, without a PreVote: the leader of our term wants it (§3.10)."""
    follows = raft.role in (Role.FOLLOWER, Role.PRE_CANDIDATE)
    if request.term == raft.current_term and follows and raft.configuration.speaks(raft.server_id, raft.incarnation):
        become_candidate(raft, leadership_transfer=True)


def give_up_transfer(raft: RaftState) -> None:
    """An election timeout has passed: lead on if we still do, and append what has waited (§3.10).

    On a leader that is on its way out of the cluster it goes on waiting (see `Raft.propose`)."""
    transfer, raft.transfer = raft.transfer, None
    if transfer is None:
        return
    raft.settle(transfer.token, AnswerStatus.REFUSED, f"{transfer.target} did not take over in time")
    if raft.server_id not in raft.configuration:
        return
    delayed, raft.delayed_proposals = raft.delayed_proposals, []
    for kind, data, token in delayed:
        raft.proposals[raft.append_entry(kind, data)] = token
