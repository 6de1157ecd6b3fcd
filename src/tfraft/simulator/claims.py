"""What a message claims must be true when it leaves: every promise is checked against the sender's disk (§3.8).

An AppendEntries promises nothing about a disk, but tells what a success means: that the sender of the reply stores the
leader's log through the last entry of that request, and no more.
"""

from collections.abc import Callable, Mapping

from tfraft.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    Message,
    RequestVote,
    RequestVoteReply,
    ServerId,
)
from tfraft.simulator.disk import VirtualDisk
from tfraft.simulator.violation import Violation


class Claims:
    """Judges each message as it leaves its sender."""

    def __init__(self, disks: Mapping[ServerId, VirtualDisk], time: Callable[[], float]) -> None:
        self.acknowledged: dict[tuple[ServerId, int], int] = {}
        """The highest index that a server has acknowledged in a term."""
        self.followed_at: dict[tuple[ServerId, int], float] = {}
        """A time since which a server has certainly answered the leader of a term: when the leader first sent the
        round of heartbeats that the answer carries (§6.4)."""
        self._disks = disks
        self._time = time
        self._rounds: dict[tuple[int, int], float] = {}
        self._leaders: dict[int, ServerId] = {}
        self._candidacies: dict[tuple[ServerId, int], tuple[int, int]] = {}
        """The term and the index with which the log of a candidate of a term ended."""
        self._requests: dict[tuple[int, int], int] = {}
        """The term of the last entry of each request, by the leader's term and the index of that entry."""

    def leaves(self, source: ServerId, target: ServerId, message: Message) -> None:
        """Raise Violation if `message` claims what is not so."""
        match message:
            case AppendEntries():
                self._append_entries(message)
            case AppendEntriesReply():
                self._append_entries_reply(self._disks[source], message)
            case RequestVote():
                self._candidacies[source, message.term] = (message.last_log_term, message.last_log_index)
                self._vote(self._disks[source], message.term, source, "asks for votes")
            case RequestVoteReply():
                self._term(self._disks[source], message.term)
                if message.vote_granted:
                    self._vote(self._disks[source], message.term, target, "grants its vote")
                    self._up_to_date(self._disks[source], message.term, target)

    def _append_entries(self, request: AppendEntries) -> None:
        leader = self._leaders.setdefault(request.term, request.leader_id)
        if leader != request.leader_id:
            raise Violation(
                "election safety", f"{leader} and {request.leader_id} send AppendEntries of term {request.term}"
            )
        self._rounds.setdefault((request.term, request.read_round), self._time())
        last_index = request.prev_log_index + len(request.entries)
        last_term = request.entries.terms[-1] if request.entries else request.prev_log_term
        known = self._requests.setdefault((request.term, last_index), last_term)
        if known != last_term:
            raise Violation(
                "leader append-only",
                f"{leader} sends terms {known} and {last_term} at {last_index} in its term {request.term}",
            )

    def _append_entries_reply(self, disk: VirtualDisk, reply: AppendEntriesReply) -> None:
        self._term(disk, reply.term)
        follower = (disk.server_id, reply.term)
        sent_at = self._rounds.get((reply.term, reply.read_round), 0.0)
        self.followed_at[follower] = max(self.followed_at.get(follower, 0.0), sent_at)
        if not reply.success:
            return
        leaders_term = self._requests.get((reply.term, reply.match_index))
        if leaders_term is None:
            raise Violation(
                "an answer claims what was not asked",
                f"{disk.server_id} acknowledges {reply.match_index} in term {reply.term}, "
                f"where no AppendEntries of that term ended",
            )
        if disk.last_index < reply.match_index or disk.term_at(reply.match_index) != leaders_term:
            raise Violation(
                "acknowledged before it is durable",
                f"{disk.server_id} acknowledges {reply.match_index} of term {leaders_term}, its disk has "
                f"term {disk.term_at(reply.match_index)} there and ends at {disk.last_index}",
            )
        self.acknowledged[follower] = max(self.acknowledged.get(follower, 0), reply.match_index)

    def _term(self, disk: VirtualDisk, term: int) -> None:
        if disk.current_term < term:
            raise Violation(
                "a reply leaves before its term is durable",
                f"{disk.server_id} answers in term {term}, its disk has term {disk.current_term}",
            )

    def _vote(self, disk: VirtualDisk, term: int, candidate: ServerId, what: str) -> None:
        if disk.votes.get(term) != candidate:
            raise Violation(
                "a vote leaves before it is durable",
                f"{disk.server_id} {what} for {candidate} in term {term}, its disk has {disk.votes.get(term)}",
            )

    def _up_to_date(self, disk: VirtualDisk, term: int, candidate: ServerId) -> None:
        """A vote goes to a log at least as up-to-date as the voter's (§3.6.1).

        Entries of this very term came after the vote, from the candidate itself."""
        ours = (disk.term_at(disk.last_index), disk.last_index)
        theirs = self._candidacies[candidate, term]
        if theirs < ours and ours[0] < term:
            raise Violation(
                "a vote goes to a log that is up-to-date",
                f"{disk.server_id}, whose log ends with (term, index) {ours}, votes in term {term} for {candidate}, "
                f"whose log ends with {theirs}",
            )
