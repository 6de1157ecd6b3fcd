"""Tells what a node did and why, in sentences for a person; the core itself is silent.

Everything is read off the difference that a turn made to the state, and off what the turn sent.
"""

from collections.abc import Callable

from tfraft.core.configuration import ServerId
from tfraft.core.effects import Effects
from tfraft.core.election import hears_leader, may_vote
from tfraft.core.messages import RequestVoteReply, TimeoutNow
from tfraft.core.state import RaftState, Role
from tfraft.node.status import Event, EventKind


class Story:
    """Compares the state after each turn with that before, and hands an `Event` for each change to `observe`."""

    def __init__(
        self, raft: RaftState, observe: Callable[[Event], None] | None, wall_clock: Callable[[], float]
    ) -> None:
        self._raft = raft
        self._observe = observe
        self._wall_clock = wall_clock
        self._role = raft.role
        self._term = raft.current_term
        self._leader = raft.leader_id
        self._configuration_index = raft.configuration_index

    def tell(self, kind: EventKind, text: str, section: str = "") -> None:
        """Hand one event to the observer, if there is one."""
        if self._observe is not None:
            raft = self._raft
            self._observe(Event(self._wall_clock(), raft.server_id, kind, raft.current_term, text, section))

    def observe(self, effects: Effects) -> None:
        """Tell what the turn that gave `effects` has changed."""
        if self._observe is None:
            return
        raft = self._raft
        changed = (raft.role, raft.current_term) != (self._role, self._term)
        if changed:
            self._tell_role()
        for server, message in effects.messages:
            if isinstance(message, TimeoutNow):
                text = f"{raft.server_id} asks {server} to take over the leadership"
                self.tell(EventKind.TRANSFER, text, "§3.10")
        for server, message in effects.replies:
            if isinstance(message, RequestVoteReply):
                self._tell_vote(server, message)
        if raft.leader_id not in (self._leader, raft.server_id, None) or (changed and raft.role is Role.FOLLOWER):
            self._tell_leader()
        if raft.configuration_index != self._configuration_index:
            self._tell_configuration()
        self._role, self._term, self._leader = raft.role, raft.current_term, raft.leader_id
        self._configuration_index = raft.configuration_index

    def _tell_role(self) -> None:
        raft, name, term = self._raft, self._raft.server_id, self._raft.current_term
        match raft.role:
            case Role.PRE_CANDIDATE:
                text = f"{name} election timeout → asks who would vote for it in term {term + 1}"
                self.tell(EventKind.CANDIDATE, text, "§9.6")
            case Role.CANDIDATE:
                self.tell(EventKind.CANDIDATE, f"{name} → candidate of term {term}", "§3.4")
            case Role.LEADER:
                votes = " ".join(sorted(raft.votes_granted))
                text = f"{name} leader of term {term} (votes {votes}), appends a no-op at {raft.log.last_index}"
                self.tell(EventKind.LEADER, text, "§3.6.2 / §6.4")
            case Role.FOLLOWER if self._role is Role.LEADER:
                self._tell_step_down()
            case Role.FOLLOWER:
                pass

    def _tell_step_down(self) -> None:
        raft, name = self._raft, self._raft.server_id
        if raft.current_term > self._term:
            text, section = f"{name} steps down: it has seen term {raft.current_term}", "§3.3"
        elif name not in raft.configuration:
            text, section = f"{name} steps down: it is not in the cluster any more", "§4.2.2"
        else:
            text, section = f"{name} steps down: no quorum for an election timeout, or its disk hangs", "§6.2"
        self.tell(EventKind.FOLLOWER, text, section)

    def _tell_vote(self, candidate: ServerId, reply: RequestVoteReply) -> None:
        raft, name = self._raft, self._raft.server_id
        if reply.vote_granted:
            text = f"{name} votes {candidate} in term {reply.term} (its log is at least as up-to-date)"
            if raft.repairing:
                text += "; it does not count before the disk is repaired"
            self.tell(EventKind.VOTED, text, "§3.6.1")
        elif hears_leader(raft):
            self.tell(EventKind.REFUSED_VOTE, f"{name} ignores {candidate}: it hears from a leader", "§4.2.3")
        elif not may_vote(raft):
            until = "its disk is repaired" if raft.repairing else "it knows the cluster"
            self.tell(EventKind.REFUSED_VOTE, f"{name} refuses {candidate}: it has no vote before {until}", "§3.8")
        elif raft.voted_for not in (None, candidate):
            text = f"{name} refuses {candidate}: it has voted for {raft.voted_for} in term {raft.current_term}"
            self.tell(EventKind.REFUSED_VOTE, text, "§3.4")
        else:
            text = f"{name} refuses {candidate}: its own log, or its term {raft.current_term}, is ahead"
            self.tell(EventKind.REFUSED_VOTE, text, "§3.6.1")

    def _tell_leader(self) -> None:
        raft = self._raft
        if raft.leader_id is not None:
            text = f"{raft.server_id} follows {raft.leader_id} in term {raft.current_term}"
            self.tell(EventKind.FOLLOWER, text, "§3.4")

    def _tell_configuration(self) -> None:
        raft = self._raft
        configuration = raft.configuration
        text = (
            f"{raft.server_id} has the configuration of index {raft.configuration_index}: {' '.join(configuration.ids)}"
        )
        if configuration.is_joint:
            text += f", which is joint: {len(configuration.old_voters)} old voters, {len(configuration.voters)} new"
        if configuration.learners:
            text += f"; learners {' '.join(server for server, _ in configuration.learners)}"
        self.tell(EventKind.CONFIGURATION, text, "§4.1")
