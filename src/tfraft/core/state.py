"""The "State" box of Figure 3.1, field for field, with the timers and what has not left this server yet."""

from dataclasses import dataclass, field
from enum import Enum
from random import Random

from tfraft.core.config import RaftConfig
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Envelope, Save, Settled, Token
from tfraft.core.entry import Entries, EntryKind
from tfraft.core.log import Log
from tfraft.core.messages import ServerId
from tfraft.core.progress import Progress
from tfraft.core.requests import Answer, AnswerStatus
from tfraft.record import record


class Role(Enum):
    """What a server is in its current term (Figure 3.3)."""

    FOLLOWER = "follower"
    CANDIDATE = "candidate"
    LEADER = "leader"


@record
class ReadRound:
    """Reads that wait for a round of heartbeats: once `number` is confirmed they may be answered at `read_index`."""

    number: int
    read_index: int
    tokens: list[Token]


@dataclass(slots=True)
class CatchUp:
    """A new server on its way to a vote (§4.2.1): the round it is in, which ends at the entry `round_end`."""

    server_id: ServerId
    address: str
    token: Token
    round: int
    round_end: int
    round_started_at: float
    progressed_at: float
    match_index: int = 0


@record
class PendingRemoval:
    """A server that is to leave as soon as a configuration may be appended."""

    server_id: ServerId
    token: Token


@dataclass(slots=True)
class RaftState:
    """Everything that one server knows. Chapters change it; only `roles` writes `role`, only methods here the log."""

    config: RaftConfig
    server_id: ServerId
    rng: Random
    now: float

    # Persistent on all servers: changed in memory first, on disk before anything that depends on it leaves.
    current_term: int
    voted_for: ServerId | None
    log: Log
    configurations: list[tuple[int, Configuration]]
    """Each configuration in the log with its index, after the one before the log with index 0 (§4.1)."""

    # Volatile on all servers.
    role: Role = Role.FOLLOWER
    leader_id: ServerId | None = None
    commit_index: int = 0
    last_applied: int = 0
    election_deadline: float = 0.0
    leader_heard_at: float = float("-inf")
    """When a message of a current leader last came (§4.2.3)."""

    # Volatile on candidates and leaders.
    votes_granted: set[ServerId] = field(default_factory=set)
    progress: dict[ServerId, Progress] = field(default_factory=dict)
    """nextIndex and matchIndex: one for each other voter, and for a server that is being caught up."""
    heartbeat_deadline: float = 0.0
    broadcast_due: bool = False
    """Every other server is to hear from us in this turn, entries or not."""
    reads_waiting: list[Token] = field(default_factory=list)
    read_round: int = 0
    open_round: ReadRound | None = None
    change: CatchUp | PendingRemoval | None = None
    """The membership change that is not in the log yet; at most one (§4.1)."""

    # The disk: what it holds for certain, and the save that is under way.
    saved_term: int = 0
    saved_vote: ServerId | None = None
    durable_index: int = 0
    """Entries through this index are on our disk as they stand in the log."""
    dirty_from: int = 0
    """The first index that changed since the last save was handed out; 0 where none did."""
    save_under_way: Save | None = None
    save_started_at: float = 0.0
    saving_through: int = 0
    """The save under way will make `durable_index` this, unless the log is truncated below it first."""

    # What waits to leave with the next turn, and who waits for what.
    messages: list[Envelope] = field(default_factory=list)
    replies: list[Envelope] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    proposals: dict[int, Token] = field(default_factory=dict)
    """Who waits for the entry at this index, which we appended as the leader of the current term."""
    orphans: dict[tuple[int, int], Token] = field(default_factory=dict)
    """Who waits for the entry of this index and term, which we appended as a leader that we are no more."""
    confirmed: list[ReadRound] = field(default_factory=list)
    """Rounds of reads that may be answered with the next turn."""

    @property
    def configuration(self) -> Configuration:
        """The configuration in force: the last one in the log, committed or not (§4.1)."""
        return self.configurations[-1][1]

    @property
    def configuration_index(self) -> int:
        """The index of the entry that holds it; 0 for the one before the log."""
        return self.configurations[-1][0]

    @property
    def others(self) -> list[ServerId]:
        """The voters besides this server, sorted."""
        return [voter for voter in self.configuration.ids if voter != self.server_id]

    @property
    def has_committed_in_term(self) -> bool:
        """Whether an entry of the current term is committed: only then does a leader know what is (§3.6.2, §6.4)."""
        return self.log.term_at(self.commit_index) == self.current_term

    def address_of(self, server: ServerId) -> str:
        """Where `server` is reached; an empty string where that is not known."""
        if isinstance(self.change, CatchUp) and self.change.server_id == server:
            return self.change.address
        return self.configuration.address_of(server)

    @property
    def own_address(self) -> str:
        """Where this server is reached: it may be needed, and so must be heard, in a configuration without it."""
        known = (configuration.address_of(self.server_id) for _, configuration in reversed(self.configurations))
        return next(filter(None, known), "")

    def reset_election_timer(self) -> None:
        """Wait from now for an election timeout, drawn anew from [T, 2T) (§3.4)."""
        self.election_deadline = self.now + self.config.election_timeout_s * (1 + self.rng.random())

    def append_entry(self, kind: EntryKind, data: bytes) -> int:
        """Append one entry of the current term; its index."""
        index = self.log.append(self.current_term, kind, data)
        self.dirty_from = self.dirty_from or index
        if kind is EntryKind.CONFIGURATION:
            self.configurations.append((index, Configuration.decode(data)))
        return index

    def extend_log(self, entries: Entries) -> None:
        """Append entries that came from a leader; a configuration among them is in force at once (§4.1)."""
        first = self.log.last_index + 1
        self.log.extend(entries)
        self.dirty_from = self.dirty_from or first
        self.configurations.extend(configurations_in(entries, first))

    def truncate_log(self, index: int) -> None:
        """Drop the entries from `index` on; `index` must be above the commit index (§3.5).

        A configuration among them is in force no more, and nothing that was dropped counts as durable, not even when
        the save that carries it completes later."""
        assert index > self.commit_index, (
            f"truncating at {index} would drop committed entries up to {self.commit_index}"
        )
        self.log.truncate(index)
        self.dirty_from = min(self.dirty_from or index, index)
        self.durable_index = min(self.durable_index, index - 1)
        self.saving_through = min(self.saving_through, index - 1)
        while self.configuration_index >= index:
            self.configurations.pop()

    def settle(self, token: Token, status: AnswerStatus, reason: str = "") -> None:
        """Answer who waits with `token`; the leader hint is the leader that we know."""
        leader = self.leader_id or ""
        self.settled.append(Settled(token, Answer(status, b"", leader, self.address_of(leader), reason)))


def configurations_in(entries: Entries, first_index: int) -> list[tuple[int, Configuration]]:
    """The configurations in a run of entries that starts at `first_index`, each with its index."""
    if EntryKind.CONFIGURATION not in entries.kinds:
        return []
    return [
        (first_index + row, Configuration.decode(entries.data[row]))
        for row, kind in enumerate(entries.kinds)
        if kind == EntryKind.CONFIGURATION
    ]
