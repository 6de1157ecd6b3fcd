"""What must hold: of one server at an instant, of one server between two instants, and of a whole cluster.

The simulator checks all of it after every turn, the tests wherever they like. Each rule fails with an AssertionError
that names the property of Figure 3.2 (or the rule of the text) and the two facts that contradict each other.
"""

from bisect import bisect_left
from dataclasses import dataclass, field

from tfraft.core.configuration import ServerId
from tfraft.core.entry import Entry
from tfraft.core.state import RaftState, Role
from tfraft.record import record


def check_instant(raft: RaftState) -> None:
    """Check what holds of one server at any instant between its turns."""
    base, last = raft.log.base_index, raft.log.last_index
    assert base <= raft.last_applied <= raft.commit_index <= last, (
        f"{raft.server_id}: base {base} <= applied {raft.last_applied} <= committed {raft.commit_index} <= last {last} "
        "does not hold"
    )
    assert base == 0 or (raft.snapshot is not None and raft.snapshot.base.index >= base), (
        f"{raft.server_id}: entries through {base} are compacted away, and no snapshot has them (§5.1)"
    )
    assert base <= raft.durable_index <= last, (
        f"{raft.server_id}: durable through {raft.durable_index}, but the log goes from {base} to {last}"
    )
    assert raft.log.last_term <= raft.current_term, (
        f"{raft.server_id}: an entry of term {raft.log.last_term} in term {raft.current_term}"
    )
    assert raft.saved_term <= raft.current_term, (
        f"{raft.server_id}: term {raft.saved_term} on disk, {raft.current_term} in memory"
    )
    if raft.role in (Role.FOLLOWER, Role.PRE_CANDIDATE):
        assert not raft.progress, f"{raft.server_id}: a follower with the progress of {list(raft.progress)}"
    else:
        assert raft.voted_for == raft.server_id, f"{raft.server_id}: {raft.role.value} without its own vote (§3.4)"
        own_vote_saved = (raft.saved_term, raft.saved_vote) == (raft.current_term, raft.server_id)
        assert own_vote_saved or raft.server_id not in raft.votes_granted, (
            f"{raft.server_id}: counts its own vote in term {raft.current_term}, which is not on its disk"
        )
    if raft.role is Role.LEADER:
        assert raft.progress.keys() >= set(raft.peers), f"{raft.server_id}: a member that the leader does not track"
        size_bytes = raft.log.size_bytes(raft.commit_index + 1, last)
        assert raft.uncommitted_bytes == size_bytes, (
            f"{raft.server_id}: counts {raft.uncommitted_bytes} uncommitted bytes, and has {size_bytes}"
        )
    uncommitted = [index for index, _ in raft.configurations if index > raft.commit_index]
    if raft.role is Role.LEADER and raft.has_committed_in_term:
        assert len(uncommitted) <= 1, f"{raft.server_id}: uncommitted configurations at {uncommitted} (§4.1)"


@record
class Moment:
    """What may only go forward on one running server."""

    current_term: int
    voted_for: ServerId | None
    role: Role
    commit_index: int
    last_applied: int
    last_index: int
    last_term: int
    saved_term: int

    @classmethod
    def of(cls, raft: RaftState) -> "Moment":
        """This instant of `raft`."""
        return cls(
            raft.current_term,
            raft.voted_for,
            raft.role,
            raft.commit_index,
            raft.last_applied,
            raft.log.last_index,
            raft.log.last_term,
            raft.saved_term,
        )


def check_step(before: Moment, raft: RaftState) -> None:
    """Check what holds between an earlier instant of a server and now, without a restart in between."""
    name = raft.server_id
    assert raft.current_term >= before.current_term, f"{name}: term went back from {before.current_term}"
    assert raft.saved_term >= before.saved_term, f"{name}: the saved term went back from {before.saved_term}"
    assert raft.commit_index >= before.commit_index, f"{name}: commit index went back from {before.commit_index}"
    assert raft.last_applied >= before.last_applied, f"{name}: last applied went back from {before.last_applied}"
    if raft.current_term == before.current_term:
        assert before.voted_for in (None, raft.voted_for), (
            f"{name}: voted for {before.voted_for} and for {raft.voted_for} in term {raft.current_term} (§3.4)"
        )
        if before.role is Role.LEADER and raft.role is Role.LEADER:
            assert raft.log.term_at(before.last_index) == before.last_term, (
                f"{name}: leader append-only: the entry at {before.last_index} is gone (Figure 3.2)"
            )


@dataclass(slots=True)
class ClusterInvariants:
    """The properties of Figure 3.2 over all servers and all time, checked in steps that cost what changed.

    Feed it every server after each of its turns (`observe`); tell it of each restart (`restarted`)."""

    leaders: dict[int, ServerId] = field(default_factory=dict)
    entries: dict[tuple[int, int], tuple[Entry, int]] = field(default_factory=dict)
    """Every entry ever seen, by (index, term), with the term of the entry before it."""
    committed: list[Entry] = field(default_factory=list)
    """What is committed, from index 1 on, as the first server that committed it had it."""
    committed_in: list[int] = field(default_factory=list)
    """The term in which each of these was committed, which may be above its own; never falls."""
    votes: dict[tuple[ServerId, int, int], ServerId] = field(default_factory=dict)
    """Every vote that was saved, by server, incarnation of its disk, and term."""
    moments: dict[ServerId, Moment] = field(default_factory=dict)
    checked_to: dict[ServerId, tuple[int, int]] = field(default_factory=dict)
    """How far each server's log has been compared: (index, term there)."""

    def restarted(self, server: ServerId) -> None:
        """`server` has crashed: what it had only in memory may go back."""
        self.moments.pop(server, None)
        self.checked_to.pop(server, None)

    def observe(self, raft: RaftState) -> None:
        """Check one server after its turn, alone and against all that has been seen of the others."""
        check_instant(raft)
        before = self.moments.get(raft.server_id)
        if before is not None:
            check_step(before, raft)
        self.moments[raft.server_id] = Moment.of(raft)
        self._one_vote_per_term(raft)
        self._log_matching(raft)
        self._state_machine_safety(raft, before.commit_index if before else 0)
        if raft.role is Role.LEADER:
            self._election_safety(raft)

    def _one_vote_per_term(self, raft: RaftState) -> None:
        """A saved vote is for ever (§3.4, §3.8), as long as the disk is: one that has lost it speaks for nobody."""
        if raft.saved_vote is None:
            return
        vote = self.votes.setdefault((raft.server_id, raft.incarnation, raft.saved_term), raft.saved_vote)
        assert vote == raft.saved_vote, (
            f"{raft.server_id}: saved votes for {vote} and for {raft.saved_vote} in term {raft.saved_term}"
        )

    def _election_safety(self, raft: RaftState) -> None:
        """At most one leader per term; and a new leader has all that was committed before (leader completeness)."""
        known = raft.current_term in self.leaders
        leader = self.leaders.setdefault(raft.current_term, raft.server_id)
        assert leader == raft.server_id, (
            f"election safety: {leader} and {raft.server_id} both lead term {raft.current_term}"
        )
        if not known:
            self._leader_completeness(raft)

    def _leader_completeness(self, raft: RaftState) -> None:
        """What is committed in a term is in the logs of the leaders of all higher terms (§3.6.3).

        By log matching the last such entry stands for all before it."""
        index = bisect_left(self.committed_in, raft.current_term)
        if index:
            committed = self.committed[index - 1]
            assert raft.log.term_at(index) == committed.term, (
                f"leader completeness: {raft.server_id} leads term {raft.current_term} without the entry "
                f"{committed} that was committed at {index} in term {self.committed_in[index - 1]}"
            )

    def _log_matching(self, raft: RaftState) -> None:
        """Two logs that share an entry's index and term are equal up to there: by induction over (entry, term before).

        A log is compared from where it was last, unless that place has been overwritten since."""
        first, term = self.checked_to.get(raft.server_id, (0, 0))
        if raft.log.term_at(first) != term or first > raft.log.last_index:
            first = min(raft.commit_index, first)
        first = max(first, raft.log.base_index)
        for index in range(first + 1, raft.log.last_index + 1):
            entry = raft.log.entry(index)
            seen = self.entries.setdefault((index, entry.term), (entry, raft.log.term_at(index - 1)))
            assert seen == (entry, raft.log.term_at(index - 1)), (
                f"log matching: {raft.server_id} has {entry} after term {raft.log.term_at(index - 1)} at {index}, "
                f"another server had {seen[0]} after term {seen[1]}"
            )
        self.checked_to[raft.server_id] = (raft.log.last_index, raft.log.last_term)

    def _state_machine_safety(self, raft: RaftState, commit_index_before: int) -> None:
        """What one server commits at an index, every server commits there, for ever.

        What came in a snapshot is told by its last entry alone."""
        base = raft.log.base_index
        if commit_index_before < base:
            assert self.committed[base - 1].term == raft.log.base_term, (
                f"state machine safety: {raft.server_id} has a snapshot at {base} of term {raft.log.base_term}, "
                f"where {self.committed[base - 1]} was committed"
            )
        for index in range(max(commit_index_before, base) + 1, raft.commit_index + 1):
            entry = raft.log.entry(index)
            if index > len(self.committed):
                self.committed.append(entry)
                self.committed_in.append(raft.current_term)
            assert self.committed[index - 1] == entry, (
                f"state machine safety: {raft.server_id} commits {entry} at {index}, "
                f"where {self.committed[index - 1]} was committed"
            )
