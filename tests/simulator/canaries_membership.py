"""Canaries of membership changes (chapter 4)."""

from collections.abc import Mapping
from typing import Any

from tests.simulator.canary import CANARIES, canary
from tfraft.core import membership, state
from tfraft.core.configuration import Configuration, ServerId, agreed_among
from tfraft.core.effects import Token
from tfraft.core.entry import EntryKind
from tfraft.core.requests import AnswerStatus, MembershipChange
from tfraft.core.state import RaftState, Role
from tfraft.node.node import RaftNode

Members = tuple[tuple[ServerId, str], ...]


@canary(RaftState, "append_entry")
def a_configuration_is_in_force_once_it_is_committed(self: RaftState, kind: EntryKind, data: bytes) -> int:
    """Here: never at its leader, which shows as soon as it counts."""
    index = self.log.append(self.current_term, kind, data)
    self.dirty_from = self.dirty_from or index
    self.uncommitted_bytes += len(data)
    if kind is EntryKind.CONFIGURATION and self.commit_index >= index:
        self.configurations.append((index, Configuration.decode(data)))
    return index


@canary(membership, "may_append")
def two_changes_at_once(raft: RaftState) -> bool:
    """A configuration that is not committed does not hold up the next."""
    return raft.has_committed_in_term


def only_what_is_not_in_the_log_is_in_progress(raft: RaftState) -> str:
    return "a change is in progress" if raft.change is not None else ""


CANARIES["two_changes_at_once"].append((membership, "change_in_progress", only_what_is_not_in_the_log_is_in_progress))


@canary(membership, "may_append")
def a_change_needs_no_entry_of_the_term(raft: RaftState) -> bool:
    """A new leader changes the configuration before it has committed anything (raft-dev, July 2015)."""
    return raft.configuration_index <= raft.commit_index


@canary(membership, "is_removed")
def a_leader_that_is_removed_goes_on(raft: RaftState) -> bool:
    """Whoever it leads has removed it (§4.2.2)."""
    return False


def nothing(node: RaftNode) -> None:
    """It does not stop by itself either."""


CANARIES["a_leader_that_is_removed_goes_on"].append((RaftNode, "_end_if_due", nothing))


@canary(membership, "advance_catch_up")
def a_new_server_votes_before_it_is_caught_up(raft: RaftState, change: state.Change) -> None:
    change.catching_up.clear()


@canary(Configuration, "agreed")
def a_removed_leader_counts_itself(self: Configuration, reached: Any) -> float:
    """Whoever is known counts, voter or not (§4.2.2)."""
    ordered = sorted(reached.values(), reverse=True)
    return ordered[min(self.majority, len(ordered)) - 1] if ordered else 0


advance_membership = membership.advance_membership
change_membership = membership.change_membership


@canary(membership, "change_membership")
def a_change_that_is_not_committed_is_confirmed(raft: RaftState, request: MembershipChange, token: Token) -> None:
    """Whoever asks again is told OK for a change that may yet be rolled back (ours)."""
    if raft.role is Role.LEADER and membership.done_already(raft.configuration, request):
        raft.settle(token, AnswerStatus.OK, "done already")
    else:
        change_membership(raft, request, token)


@canary(RaftState, "address_of")
def a_server_out_of_its_configuration_tells_no_address(self: RaftState, server: ServerId) -> str:
    """Voters that have restarted do not know where to answer (ours; once seed 26)."""
    return self.configuration.address_of(server)


@canary(Configuration, "_sets_of_voters")
def one_majority_decides_for_both(self: Configuration) -> tuple[Members, ...]:
    """That of the new voters, while the old ones have another (§4.3)."""
    return (self.voters,)


@canary(membership, "advance_membership")
def the_new_configuration_does_not_wait_for_the_joint_one(raft: RaftState) -> None:
    """It is appended before the joint configuration is committed (§4.3)."""
    advance_membership(raft)
    if raft.role is Role.LEADER and raft.configuration.is_joint and raft.has_committed_in_term:
        token, raft.joint_token = raft.joint_token, None
        membership.append_configuration(raft, raft.configuration.without_old_voters(), token)


@canary(Configuration, "joint_with")
def several_voters_change_in_one_step(self: Configuration, voters: Mapping[ServerId, str]) -> Configuration:
    """Without joint consensus two majorities may have nobody in common (§4.3)."""
    learners = {learner: at for learner, at in self.learners if learner not in voters}
    return Configuration.of(voters, learners, removed=self.removed)


@canary(Configuration, "agreed")
def a_learner_counts_for_the_majority(self: Configuration, reached: Mapping[ServerId, float]) -> float:
    """Of all members half and one more are enough, whoever they are (§4.2.1)."""
    sets = [(*self.voters, *self.learners)] + ([self.old_voters] if self.old_voters else [])
    return min(agreed_among(members, reached) for members in sets)


@canary(membership, "unusable")
def an_id_that_was_removed_is_given_again(configuration: Configuration, server: ServerId, address: str) -> str:
    """Its disk may remember votes and entries of an earlier life (openraft FAQ)."""
    return ""


@canary(Configuration, "without_server")
def the_removed_are_forgotten(self: Configuration, server: ServerId) -> Configuration:
    return Configuration.of(
        {voter: at for voter, at in self.voters if voter != server},
        {learner: at for learner, at in self.learners if learner != server},
    )
