"""What a message claims must be true when it leaves: every promise is checked against the sender's disk (§3.8).

An AppendEntries promises nothing about a disk, but tells what a success means: that the sender of the reply stores the
leader's log through the last entry of that request, and no more.
"""

from collections.abc import Callable, Mapping

from tfraft.core.configuration import Configuration, ServerId
from tfraft.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    InstallSnapshotReply,
    Message,
    PreVote,
    PreVoteReply,
    ReadIndex,
    ReadIndexReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from tfraft.core.state import RaftState
from tfraft.simulator.disk import VirtualDisk
from tfraft.simulator.host import Host
from tfraft.simulator.oracle import Oracle
from tfraft.simulator.quorum import is_quorum
from tfraft.simulator.violation import Violation


class Claims:
    """Judges each message as it leaves its sender."""

    def __init__(
        self,
        disks: Mapping[ServerId, VirtualDisk],
        oracle: Oracle,
        hosts: Mapping[ServerId, Host],
        time: Callable[[], float],
    ) -> None:
        self.acknowledged: dict[tuple[ServerId, int, int], int] = {}
        """The highest index that an incarnation of a server has acknowledged in a term."""
        self.followed_at: dict[tuple[ServerId, int, int], float] = {}
        """A time since which a server has certainly answered the leader of a term: when the leader first sent the
        round of heartbeats that the answer carries (§6.4)."""
        self.pre_votes: dict[tuple[ServerId, int], set[tuple[ServerId, int]]] = {}
        """Who has said, in which incarnation, that it would vote for a candidate in a term (§9.6)."""
        self.told_to_stand: set[tuple[ServerId, int]] = set()
        """Who was told to stand by the leader of a term (§3.10)."""
        self._disks = disks
        self._oracle = oracle
        self._hosts = hosts
        self._time = time
        self._rounds: dict[tuple[int, int], float] = {}
        self._leaders: dict[int, ServerId] = {}
        self._requests: dict[tuple[int, int], int] = {}
        """The term of the last entry of each request, by the leader's term and the index of that entry."""
        self._reads: dict[tuple[ServerId, int], tuple[float, int, int]] = {}
        """When a server first asked for an index to read at, by the number, what was committed then, and its life."""

    def leaves(self, source: ServerId, target: ServerId, message: Message) -> None:
        """Raise Violation if `message` claims what is not so."""
        disk = self._disks[source]
        if isinstance(message, RequestVoteReply | PreVoteReply | AppendEntriesReply):
            self._own_disk(disk, message)
        match message:
            case AppendEntries():
                self._append_entries(message)
            case AppendEntriesReply():
                self._append_entries_reply(disk, message)
            case InstallSnapshot():
                self._leads(message.term, source)
                self._requests[message.term, message.snapshot.base.index] = message.snapshot.base.term
            case InstallSnapshotReply():
                self._term(disk, message.term)
            case RequestVote():
                self._vote(disk, message.term, source, "asks for votes")
                self._may_stand(source, message)
            case RequestVoteReply():
                self._term(disk, message.term)
                if message.vote_granted:
                    self._vote(disk, message.term, target, "grants its vote")
            case PreVoteReply() if message.vote_granted:
                self.pre_votes.setdefault((target, message.pre_vote_term), set()).add((source, disk.incarnation))
            case TimeoutNow():
                self.told_to_stand.add((target, message.term))
            case ReadIndex():
                self._read_index(source, message)
            case ReadIndexReply() if target:
                self._read_index_reply(target, message)
            case _:
                pass

    def has_heard(self, raft: RaftState, message: Message) -> None:
        """Raise Violation if a server that has just heard `message` has decided wrongly about a vote."""
        match message:
            case RequestVote() if raft.replies and isinstance(raft.replies[-1][1], RequestVoteReply):
                granted = raft.replies[-1][1].vote_granted
                protects_leader = not message.leadership_transfer
            case PreVote() if raft.messages and isinstance(raft.messages[-1][1], PreVoteReply):
                granted = raft.messages[-1][1].vote_granted
                protects_leader = True
            case _:
                return
        if granted:
            self._up_to_date(raft, message)
            heard_s = raft.now - raft.leader_heard_at
            if protects_leader and heard_s < raft.config.election_timeout_s:
                raise Violation(
                    "who hears a leader helps nobody else",
                    f"{raft.server_id}, which heard one {heard_s:.3f} s ago, grants {message} (§4.2.3)",
                )

    # --- One kind of message each ---

    def _own_disk(self, disk: VirtualDisk, reply: RequestVoteReply | PreVoteReply | AppendEntriesReply) -> None:
        if reply.incarnation != disk.incarnation:
            facts = f"{disk.server_id}, in incarnation {disk.incarnation}, sends {reply}"
            raise Violation("a server speaks for its disk as it is", facts)

    def _leads(self, term: int, source: ServerId) -> None:
        leader = self._leaders.setdefault(term, source)
        if leader != source:
            raise Violation("election safety", f"{leader} and {source} send as leaders of term {term}")

    def _append_entries(self, request: AppendEntries) -> None:
        self._leads(request.term, request.leader_id)
        self._rounds.setdefault((request.term, request.read_round), self._time())
        last_index = request.prev_log_index + len(request.entries)
        last_term = request.entries.terms[-1] if request.entries else request.prev_log_term
        known = self._requests.setdefault((request.term, last_index), last_term)
        if known != last_term:
            raise Violation(
                "leader append-only",
                f"{request.leader_id} sends terms {known} and {last_term} at {last_index} in its term {request.term}",
            )

    def _append_entries_reply(self, disk: VirtualDisk, reply: AppendEntriesReply) -> None:
        self._term(disk, reply.term)
        follower = (disk.server_id, disk.incarnation, reply.term)
        sent_at = self._rounds.get((reply.term, reply.read_round), 0.0)
        self.followed_at[follower] = max(self.followed_at.get(follower, 0.0), sent_at)
        if not reply.success:
            return
        leaders_term = self._requests.get((reply.term, reply.match_index))
        if leaders_term is None and reply.match_index <= disk.covered:
            # What a snapshot goes through is committed, and in the log of every leader, whoever has sent it.
            leaders_term = self._oracle.invariants.committed[reply.match_index - 1].term
        if leaders_term is None:
            raise Violation(
                "an answer claims what was not asked",
                f"{disk.server_id} acknowledges {reply.match_index} in term {reply.term}, "
                f"where no request of that term ended",
            )
        if not self._oracle.stores(disk, reply.match_index, leaders_term):
            raise Violation(
                "acknowledged before it is durable",
                f"{disk.server_id} acknowledges {reply.match_index} of term {leaders_term}, its disk has "
                f"term {disk.term_at(reply.match_index)} there and ends at {disk.last_index}",
            )
        self.acknowledged[follower] = max(self.acknowledged.get(follower, 0), reply.match_index)

    def _read_index(self, source: ServerId, request: ReadIndex) -> None:
        """A number is given to one question, also across restarts: an answer may come seconds late."""
        life = self._hosts[source].life
        asked = self._time(), len(self._oracle.invariants.committed), life
        if self._reads.setdefault((source, request.number), asked)[2] != life:
            raise Violation("each question has its own number", f"{source} asks {request} in another life again")

    def _read_index_reply(self, target: ServerId, reply: ReadIndexReply) -> None:
        """An index to read at is not below what was committed when it was asked for, and a quorum vouches for it."""
        asked_at, committed, _ = self._reads[target, reply.number]
        if reply.read_index < committed:
            raise Violation(
                "an index to read at is high enough",
                f"{reply.leader_id} names {reply.read_index} to {target}, {committed} were committed when it was asked",
            )
        # By the configuration of this very turn: the reply may leave in the one that has appended it.
        configuration = self._hosts[reply.leader_id].raft.configuration
        vouching = self.vouching(configuration, reply.leader_id, reply.term, asked_at)
        if not is_quorum(configuration, vouching):
            raise Violation(
                "a read is confirmed by a quorum after it was asked",
                f"{reply.leader_id} answers {target}, which asked at {asked_at:.6f}; only {vouching} have confirmed "
                f"since, of {configuration} (§6.4)",
            )

    def vouching(self, configuration: Configuration, leader: ServerId, term: int, since: float) -> list[ServerId]:
        """The voters that have confirmed after the time `since` that `leader` leads in `term`, itself too."""
        voters = [(voter, configuration.incarnation_of(voter), term) for voter in configuration.ids]
        return [voter[0] for voter in voters if voter[0] == leader or self.followed_at.get(voter, -1.0) >= since]

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

    def _may_stand(self, source: ServerId, request: RequestVote) -> None:
        """Who claims to stand for the leader was told so, by the leader of the term before (§3.10)."""
        if request.leadership_transfer and (source, request.term - 1) not in self.told_to_stand:
            raise Violation(
                "only the leader of the term may call an election",
                f"{source} stands in term {request.term} as if a leader of term {request.term - 1} had told it to",
            )

    def _up_to_date(self, raft: RaftState, message: RequestVote | PreVote) -> None:
        """A vote goes to a log at least as up-to-date as the voter's (§3.6.1)."""
        ours = (raft.log.last_term, raft.log.last_index)
        theirs = (message.last_log_term, message.last_log_index)
        if theirs < ours:
            raise Violation(
                "a vote goes to a log that is up-to-date",
                f"{raft.server_id}, whose log ends with (term, index) {ours}, grants {message}",
            )
