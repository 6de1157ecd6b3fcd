"""Canaries of membership changes (chapter 4)."""

from typing import Any

from tests.simulator.canary import CANARIES, canary
from tfraft.core import membership, state
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Token
from tfraft.core.entry import EntryKind
from tfraft.core.requests import AddServer, AnswerStatus
from tfraft.core.state import RaftState, Role


@canary(RaftState, "append_entry")
def a_configuration_is_in_force_once_it_is_committed(self: RaftState, kind: EntryKind, data: bytes) -> int:
    """Here: never at its leader, which shows as soon as it counts."""
    index = self.log.append(self.current_term, kind, data)
    self.dirty_from = self.dirty_from or index
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


advance_membership = membership.advance_membership


@canary(membership, "advance_membership")
def a_leader_that_is_removed_goes_on(raft: RaftState) -> None:
    advance_membership(raft)
    if raft.role is Role.FOLLOWER:
        raft.role = Role.LEADER


@canary(membership, "advance_catch_up")
def a_new_server_votes_before_it_is_caught_up(raft: RaftState, change: state.CatchUp) -> None:
    change.round = 0


@canary(Configuration, "agreed")
def a_removed_leader_counts_itself(self: Configuration, reached: Any) -> float:
    """Whoever is known counts, voter or not (§4.2.2)."""
    ordered = sorted(reached.values(), reverse=True)
    return ordered[min(self.majority, len(ordered)) - 1] if ordered else 0


add_server = membership.add_server


@canary(membership, "add_server")
def a_member_that_is_not_committed_is_confirmed(raft: RaftState, request: AddServer, token: Token) -> None:
    """Whoever asks again is told OK for a change that may yet be rolled back (ours)."""
    if raft.role is Role.LEADER and request.new_server in raft.configuration:
        raft.settle(token, AnswerStatus.OK, "a member already")
    else:
        add_server(raft, request, token)


@canary(RaftState, "own_address")
def a_server_out_of_its_configuration_tells_no_address(self: RaftState) -> str:
    """Voters that have restarted do not know where to answer (ours; once seed 26)."""
    return self.address_of(self.server_id)
