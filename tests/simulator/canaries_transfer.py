"""Canaries of leadership transfer (§3.10)."""

from tests.simulator.canary import canary
from tfraft.core import roles, transfer
from tfraft.core.effects import Token
from tfraft.core.entry import EntryKind
from tfraft.core.messages import TimeoutNow
from tfraft.core.raft import Raft
from tfraft.core.requests import AnswerStatus
from tfraft.core.roles import become_candidate
from tfraft.core.state import RaftState, Role

leave_leadership = roles.leave_leadership
propose = Raft.propose


@canary(transfer, "on_timeout_now")
def a_call_to_stand_of_an_older_term_is_obeyed(raft: RaftState, request: TimeoutNow) -> None:
    """It comes seconds late, and deposes a leader that never wanted to go."""
    if raft.role is Role.FOLLOWER and raft.server_id in raft.configuration:
        become_candidate(raft, leadership_transfer=True)


@canary(transfer, "on_timeout_now")
def a_server_that_was_removed_obeys_a_call_to_stand(raft: RaftState, request: TimeoutNow) -> None:
    """And a learner, too: whoever hears of it stands, though its vote is none."""
    if request.term == raft.current_term and raft.role is Role.FOLLOWER:
        become_candidate(raft, leadership_transfer=True)
        raft.votes_granted.add(raft.server_id)


@canary(roles, "leave_leadership")
def writes_that_waited_for_a_transfer_are_forgotten(raft: RaftState) -> None:
    """hashicorp 487."""
    raft.delayed_proposals = []
    leave_leadership(raft)


@canary(transfer, "give_up_transfer")
def writes_that_waited_are_refused_and_done_all_the_same(raft: RaftState) -> None:
    """Who waited is told NOT_LEADER, and the write goes into the log."""
    raft.transfer = None
    delayed, raft.delayed_proposals = raft.delayed_proposals, []
    for kind, data, token in delayed:
        raft.append_entry(kind, data)
        raft.settle(token, AnswerStatus.NOT_LEADER)


@canary(transfer, "give_up_transfer")
def a_transfer_that_is_given_up_is_never_answered(raft: RaftState) -> None:
    """hashicorp 696."""
    raft.transfer = None
    delayed, raft.delayed_proposals = raft.delayed_proposals, []
    for kind, data, token in delayed:
        raft.proposals[raft.append_entry(kind, data)] = token


@canary(transfer, "transfer_leadership")
def a_transfer_is_answered_when_it_begins(raft: RaftState, request: object, token: Token) -> None:
    raft.settle(token, AnswerStatus.OK if raft.role is Role.LEADER else AnswerStatus.NOT_LEADER)


@canary(Raft, "propose")
def writes_go_into_the_log_during_a_transfer_and_are_refused(
    self: Raft, data: bytes, token: Token, kind: EntryKind = EntryKind.COMMAND
) -> None:
    """They are in the log of a leader that is about to go; whether the next one has them nobody knows."""
    if self.state.transfer is not None and self.state.role is Role.LEADER:
        self.state.append_entry(kind, data)
        self.state.settle(token, AnswerStatus.NOT_LEADER)
    else:
        propose(self, data, token, kind)
