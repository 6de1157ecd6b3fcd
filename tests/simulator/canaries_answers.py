"""Canaries of what clients are told (§6.3)."""

from itertools import count
from typing import Any

from tests.simulator.canary import canary
from tfraft.core import roles
from tfraft.core.effects import Token
from tfraft.core.entry import EntryKind
from tfraft.core.raft import Raft
from tfraft.core.requests import AnswerStatus
from tfraft.core.state import RaftState, Role
from tfraft.store.store import Store

leave_leadership = roles.leave_leadership


@canary(roles, "leave_leadership")
def writes_are_refused_at_step_down(raft: RaftState) -> None:
    """They may be committed all the same, by the next leader."""
    waiting = list(raft.proposals.values())
    raft.proposals.clear()
    leave_leadership(raft)
    for token in waiting:
        raft.settle(token, AnswerStatus.NOT_LEADER)


@canary(roles, "leave_leadership")
def writes_are_forgotten_at_step_down(raft: RaftState) -> None:
    """Nobody ever tells the client."""
    raft.proposals.clear()
    leave_leadership(raft)


@canary(Raft, "_settle_orphans")
def an_overwritten_write_is_acknowledged(self: Raft, committed: Any) -> None:
    """The index is enough; the term of what is committed there is not looked at."""
    raft = self.state
    if not committed.tokens:
        committed.tokens.extend([None] * len(committed.entries))
    for index, term in [place for place in raft.orphans if place[0] <= raft.commit_index]:
        committed.tokens[index - committed.first_index] = raft.orphans.pop((index, term))


propose = Raft.propose


@canary(Raft, "propose")
def writes_are_acknowledged_when_they_are_appended(
    self: Raft, data: bytes, token: Token, kind: EntryKind = EntryKind.COMMAND
) -> None:
    propose(self, data, lambda answer: None, kind)
    self.state.settle(token, AnswerStatus.OK if self.state.role is Role.LEADER else AnswerStatus.NOT_LEADER)


settle = RaftState.settle


@canary(RaftState, "settle")
def everybody_is_told_twice(self: RaftState, token: Token, status: AnswerStatus, reason: str = "") -> None:
    settle(self, token, status, reason)
    settle(self, token, status, reason)


apply = Store.apply
turns = count()


@canary(Store, "apply")
def the_state_machine_is_not_deterministic(self: Store, command: bytes) -> bytes:
    """Every fiftieth command of the whole process is forgotten, at one replica."""
    return apply(self, command) if next(turns) % 50 else b"+OK\r\n"
