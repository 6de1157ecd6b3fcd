"""What a server believes of the others and of its own disk must be so: a vote, an acknowledgement, a confirmation.

A wrong belief does harm only if chance wills it, often hundreds of seeds later; here it shows at once.
"""

from collections.abc import Mapping
from typing import Final

from tfraft.core.messages import ServerId
from tfraft.core.state import RaftState, Role
from tfraft.simulator.claims import Claims
from tfraft.simulator.disk import VirtualDisk
from tfraft.simulator.violation import Violation

PATIENCE_TIMEOUTS: Final = 2.5
"""A leader that cannot lead any more notices within this many election timeouts on its own clock (§6.2)."""


class Beliefs:
    """Judges what a server knows, against disks and messages, after each of its turns."""

    def __init__(self, disks: Mapping[ServerId, VirtualDisk], claims: Claims) -> None:
        self._disks = disks
        self._claims = claims

    def observe(self, raft: RaftState, awake_s: float) -> None:
        """Raise Violation if `raft` believes what is not so; it has run without a pause for `awake_s` seconds."""
        self._own_disk(raft, self._disks[raft.server_id])
        if raft.role is Role.LEADER:
            self._followers(raft)
            if awake_s > PATIENCE_TIMEOUTS * raft.config.election_timeout_s:
                self._can_lead(raft)
        if raft.votes_granted:
            self._votes(raft)

    def _own_disk(self, raft: RaftState, disk: VirtualDisk) -> None:
        """What counts as durable is on disk, as it stands in the log; so are the saved term and vote."""
        index = raft.durable_index
        if index > disk.last_index or disk.term_at(index) != raft.log.term_at(index):
            raise Violation(
                "what counts as durable is on disk",
                f"{raft.server_id} takes {index} of term {raft.log.term_at(index)} for durable, "
                f"its disk has term {disk.term_at(index)} there and ends at {disk.last_index}",
            )
        if raft.saved_term > disk.current_term or (
            raft.saved_vote is not None and disk.votes.get(raft.saved_term) != raft.saved_vote
        ):
            raise Violation(
                "what counts as durable is on disk",
                f"{raft.server_id} takes term {raft.saved_term} and its vote for {raft.saved_vote} for saved, "
                f"its disk has term {disk.current_term} and {disk.votes.get(raft.saved_term)}",
            )

    def _votes(self, raft: RaftState) -> None:
        """Each vote that is counted was given in this term to this server, and is on the voter's disk (§3.4)."""
        for voter in sorted(raft.votes_granted):
            vote = self._disks[voter].votes.get(raft.current_term)
            if vote != raft.server_id:
                raise Violation(
                    "a vote counts in its own term",
                    f"{raft.server_id} counts a vote of {voter} in term {raft.current_term}, its disk has {vote}",
                )

    def _followers(self, raft: RaftState) -> None:
        """A match index was acknowledged by its server, in this very term (§3.5)."""
        acknowledged = self._claims.acknowledged
        term = raft.current_term
        for server, progress in raft.progress.items():
            if progress.match_index > acknowledged.get((server, term), 0):
                raise Violation(
                    "an acknowledgement counts in its own term",
                    f"{raft.server_id} believes in term {term} that {server} stores {progress.match_index}, which in "
                    f"this term has acknowledged {acknowledged.get((server, term), 0)}",
                )

    def _can_lead(self, raft: RaftState) -> None:
        """A leader that hears no quorum, or whose disk hangs, gives up (§6.2)."""
        limit = raft.now - PATIENCE_TIMEOUTS * raft.config.election_timeout_s
        heard = {server: progress.heard_at for server, progress in raft.progress.items()} | {raft.server_id: raft.now}
        if raft.configuration.agreed(heard) < limit:
            raise Violation("a leader without a quorum gives up", f"{raft.server_id} leads at {raft.now}: {heard}")
        if raft.save_under_way is not None and raft.save_started_at < limit:
            raise Violation(
                "a leader whose disk hangs gives up",
                f"{raft.server_id} leads at {raft.now}, its save began at {raft.save_started_at}",
            )
