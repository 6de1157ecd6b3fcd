"""What a server believes of the others and of its own disk must be so: a vote, an acknowledgement, a confirmation.

A wrong belief does harm only if chance wills it, often hundreds of seeds later; here it shows at once.
"""

from collections.abc import Mapping
from typing import Final

from tfraft.core.configuration import ServerId
from tfraft.core.state import RaftState, Role
from tfraft.simulator.claims import Claims
from tfraft.simulator.disk import VirtualDisk
from tfraft.simulator.oracle import Oracle
from tfraft.simulator.quorum import is_quorum
from tfraft.simulator.violation import Violation

PATIENCE_TIMEOUTS: Final = 2.5
"""A leader that cannot lead any more notices within this many election timeouts on its own clock (§6.2)."""


class Beliefs:
    """Judges what a server knows, against disks and messages, after each of its turns."""

    def __init__(self, disks: Mapping[ServerId, VirtualDisk], oracle: Oracle, claims: Claims) -> None:
        self._disks = disks
        self._oracle = oracle
        self._claims = claims
        self._configured_at: dict[ServerId, tuple[int, float]] = {}
        """The index of the configuration of each server, and since when it has that, by its own clock."""

    def observe(self, raft: RaftState, awake_s: float) -> None:
        """Raise Violation if `raft` believes what is not so; it has run without a pause for `awake_s` seconds."""
        self._own_disk(raft, self._disks[raft.server_id])
        match raft.role:
            case Role.LEADER:
                self._followers(raft)
                self._votes(raft)
                if awake_s > PATIENCE_TIMEOUTS * raft.config.election_timeout_s:
                    self._can_lead(raft)
            case Role.CANDIDATE:
                self._votes(raft)
                self._was_welcome(raft)
            case Role.PRE_CANDIDATE:
                self._pre_votes(raft)
            case Role.FOLLOWER:
                pass

    def _own_disk(self, raft: RaftState, disk: VirtualDisk) -> None:
        """What counts as durable is on disk, as it stands in the log; so are the saved term and vote."""
        index = raft.durable_index
        if not self._oracle.stores(disk, index, raft.log.term_at(index)):
            raise Violation(
                "what counts as durable is on disk",
                f"{raft.server_id} takes {index} of term {raft.log.term_at(index)} for durable, "
                f"its disk has term {disk.term_at(index)} there and ends at {disk.last_index}",
            )
        saved, on_disk = (raft.saved_term, raft.saved_vote), (disk.current_term, disk.voted_for)
        is_behind = raft.saved_term < disk.current_term or raft.saved_vote is None
        if raft.saved_term > disk.current_term or (saved != on_disk and not is_behind):
            raise Violation(
                "what counts as durable is on disk",
                f"{raft.server_id} takes term {raft.saved_term} and its vote for {raft.saved_vote} for saved, "
                f"its disk has term {disk.current_term} and {disk.voted_for}",
            )

    def _votes(self, raft: RaftState) -> None:
        """Each vote that is counted was given in this term to this server, and is on the voter's disk (§3.4).

        Or it was, before that was lost: which life of a disk counts for a leader is the oracle's to judge."""
        for voter in sorted(raft.votes_granted):
            disk = self._disks[voter]
            votes = [life.votes.get(raft.current_term) for life in [disk, *disk.past]]
            if raft.server_id not in votes:
                raise Violation(
                    "a vote counts in its own term",
                    f"{raft.server_id} counts a vote of {voter} in term {raft.current_term}, its disk has {votes}",
                )

    def _pre_votes(self, raft: RaftState) -> None:
        """Each server that would vote for this one has said so, and for the very next term (§9.6)."""
        welcome = self._welcome(raft, raft.current_term + 1)
        if not raft.votes_granted <= welcome:
            raise Violation(
                "a pre-vote counts for its own term",
                f"{raft.server_id} counts {sorted(raft.votes_granted)} for term {raft.current_term + 1}, for which "
                f"{sorted(welcome)} would vote",
            )

    def _was_welcome(self, raft: RaftState) -> None:
        """Who stands was told to by the leader of the last term, or a quorum would vote for it (§9.6, §3.10)."""
        if not raft.config.pre_vote or (raft.server_id, raft.current_term - 1) in self._claims.told_to_stand:
            return
        welcome = self._welcome(raft, raft.current_term)
        if not is_quorum(raft.configuration, welcome):
            raise Violation(
                "nobody stands who could not win",
                f"{raft.server_id} stands in term {raft.current_term}, in which only {sorted(welcome)} would vote for "
                f"it, of {raft.configuration} (§9.6)",
            )

    def _welcome(self, raft: RaftState, term: int) -> set[ServerId]:
        said = self._claims.pre_votes.get((raft.server_id, term), set())
        return {voter for voter, disk in said if disk == raft.configuration.incarnation_of(voter)} | {raft.server_id}

    def _followers(self, raft: RaftState) -> None:
        """A match index was acknowledged by its server, in this very term (§3.5)."""
        acknowledged = self._claims.acknowledged
        term = raft.current_term
        for server, progress in raft.progress.items():
            stored = acknowledged.get((server, progress.incarnation, term), 0)
            if progress.match_index > stored:
                raise Violation(
                    "an acknowledgement counts in its own term",
                    f"{raft.server_id} believes in term {term} that {server} stores {progress.match_index}, which in "
                    f"this term has acknowledged {stored}",
                )

    def _can_lead(self, raft: RaftState) -> None:
        """A leader that hears no quorum, or whose disk hangs, gives up (§6.2)."""
        limit = raft.now - PATIENCE_TIMEOUTS * raft.config.election_timeout_s
        if raft.server_id not in raft.configuration and raft.configuration_index <= raft.commit_index:
            raise Violation("a leader that was removed leads no more", f"{raft.server_id} (§4.2.2)")
        index, since = self._configured_at.get(raft.server_id, (-1, 0.0))
        if index != raft.configuration_index or since > raft.now:
            index, since = self._configured_at[raft.server_id] = raft.configuration_index, raft.now
        if since > limit:
            return
        counted = [
            one for one in raft.progress if raft.progress[one].incarnation == raft.configuration.incarnation_of(one)
        ]
        heard = [server for server in counted if raft.progress[server].heard_at >= limit]
        if not is_quorum(raft.configuration, [*heard, raft.server_id]):
            raise Violation("a leader without a quorum gives up", f"{raft.server_id} leads at {raft.now}: {heard}")
        if raft.save_under_way is not None and raft.save_started_at < limit:
            raise Violation(
                "a leader whose disk hangs gives up",
                f"{raft.server_id} leads at {raft.now}, its save began at {raft.save_started_at}",
            )
