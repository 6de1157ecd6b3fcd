"""The "State" box of Figure 3.1, field for field, with the timers and what has not left this server yet."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Final

from tfraft.core.base import Base, Snapshot
from tfraft.core.config import RaftConfig
from tfraft.core.configuration import Configuration, ServerId
from tfraft.core.effects import Envelope, Piece, Save, Settled, Token
from tfraft.core.entry import Entries, EntryKind
from tfraft.core.log import Log
from tfraft.core.progress import Progress
from tfraft.core.requests import Answer, AnswerStatus
from tfraft.record import record

_CONFIGURATION: Final = EntryKind.CONFIGURATION
"""By itself: to look it up takes Python 3.11 as long as the rest of `append_entry`."""


class Role(Enum):
    """What a server is in its current term (Figure 3.3)."""

    FOLLOWER = "follower"
    PRE_CANDIDATE = "pre-candidate"
    """Asks who would vote for it (§9.6); in all else a follower."""
    CANDIDATE = "candidate"
    LEADER = "leader"


@record
class ReadRound:
    """Reads that wait for a round of heartbeats: once `number` is confirmed they may be answered at `read_index`."""

    number: int
    read_index: int
    tokens: list[Token]


@record
class RemoteRead:
    """The token of a read at another server, which has asked us for an index to read at (§6.4)."""

    server_id: ServerId
    number: int


@dataclass(slots=True)
class AskedRead:
    """Reads here that wait for the leader to name an index to read at: ReadIndex `number` was sent for them."""

    number: int
    asked_at: float
    tokens: list[Token]


@dataclass(slots=True)
class CatchUp:
    """A new server on its way to a vote (§4.2.1): the round it is in, which ends at the entry `round_end`."""

    server_id: ServerId
    address: str
    round: int
    round_end: int
    round_started_at: float
    progressed_at: float
    match_index: int = 0


@dataclass(slots=True)
class Change:
    """A membership change that is not in the log yet: `goal` is appended once all in `catching_up` have caught up."""

    subject: str
    goal: Configuration
    token: Token
    catching_up: dict[ServerId, CatchUp] = field(default_factory=dict)

    @property
    def asked_for(self) -> bool:
        """Whether somebody waits for it. If not it is the leader's own, which gives way to any other (see `repair`)."""
        return self.token is not None


@dataclass(slots=True)
class Transfer:
    """Leadership on its way to `target` (§3.10), given up at `deadline`. `token` waits for the outcome."""

    target: ServerId
    deadline: float
    token: Token
    timeout_now_due: bool = True
    """TimeoutNow is to be sent once the target's log is as long as ours; again with each heartbeat, if it got lost."""


@dataclass(slots=True)
class Receiving:
    """A snapshot that a leader is sending us: we took the bytes before `offset`, and have written those `written`."""

    snapshot: Snapshot
    offset: int = 0
    written: int = 0


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
    """Each configuration in the log with its index, after the one at the base with its own (§4.1)."""

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
    """nextIndex and matchIndex: one for each other member, for who is being caught up, and for who is leaving."""
    heartbeat_deadline: float = 0.0
    broadcast_due: bool = False
    """Every other server is to hear from us in this turn, entries or not."""
    reads_waiting: list[Token] = field(default_factory=list)
    read_round: int = 0
    open_round: ReadRound | None = None
    change: Change | None = None
    """The membership change that is not in the log yet; at most one (§4.1)."""
    joint_token: Token | None = None
    """Who waits for the end of a joint consensus, whose first half is in the log (§4.3)."""
    leaving: dict[ServerId, float] = field(default_factory=dict)
    """Servers that were removed, and until when they are still told that they were."""
    transfer: Transfer | None = None
    """The transfer under way; outlives our leadership until it is known who leads next."""
    yields_from: float = 0.0
    """When a leader looks again for a voter of a higher priority."""
    delayed_proposals: list[tuple[EntryKind, bytes, Token]] = field(default_factory=list)
    """What has been proposed during the transfer: appended if it fails, refused if it succeeds."""
    lease_broken: bool = False
    """TimeoutNow was sent in this term: another may be elected before our lease is over (§6.4.1)."""
    uncommitted_bytes: int = 0
    """How many bytes of data our log has above the commit index; kept by leaders alone."""

    # Volatile on those who follow.
    reads_to_ask: list[Token] = field(default_factory=list)
    """Reads that need an index from the leader, and that no ReadIndex was sent for yet."""
    asked_read: AskedRead | None = None
    reads_asked: int = 0
    receiving: Receiving | None = None
    clock_offset_s: float = float("inf")
    """Our clock less the leader's when an AppendEntries came fastest; of the present leader."""
    fresh_at: float = float("-inf")
    """By the leader's clock: all that was committed there then is committed here."""

    # The disk: what it holds for certain, and the save that is under way.
    incarnation: int = 0
    repairing: bool = False
    """The disk had lost what it held, and has not got it back: what we say counts nowhere (see `repair`)."""
    repair_index: int | None = None
    """What we have to store to be repaired, at least: what was committed when a leader first told us."""
    snapshot: Snapshot | None = None
    """The latest snapshot on our disk."""
    dirty_base: Base | None = None
    """The base after which the log on disk is to begin anew, with the next save."""
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
    """Rounds of reads that may be answered as soon as their index is applied."""
    pieces: list[Piece] = field(default_factory=list)
    installed: Snapshot | None = None
    """The snapshot that the state machine is to be replaced by with the next turn."""

    @property
    def configuration(self) -> Configuration:
        """The configuration in force: the last one in the log, committed or not (§4.1)."""
        return self.configurations[-1][1]

    @property
    def configuration_index(self) -> int:
        """The index of the entry that holds it; 0 for the one of the founders."""
        return self.configurations[-1][0]

    @property
    def others(self) -> list[ServerId]:
        """The voters besides this server, sorted."""
        return [voter for voter in self.configuration.ids if voter != self.server_id]

    @property
    def peers(self) -> list[ServerId]:
        """All members besides this server, sorted: who votes, and the learners."""
        return [member for member in self.configuration.members if member != self.server_id]

    @property
    def has_committed_in_term(self) -> bool:
        """Whether an entry of the current term is committed: only then does a leader know what is (§3.6.2, §6.4)."""
        return self.log.term_at(self.commit_index) == self.current_term

    def speaking(self) -> Iterator[tuple[ServerId, Progress]]:
        """What the leader knows of each other server, less those whose disk has been lost since they got their vote."""
        configuration = self.configuration
        for server, progress in self.progress.items():
            if progress.incarnation == configuration.incarnation_of(server):
                yield server, progress

    def address_of(self, server: ServerId) -> str:
        """Where `server` is reached; an empty string where that is not known."""
        if self.change is not None and server in self.change.catching_up:
            return self.change.catching_up[server].address
        for _, configuration in reversed(self.configurations):
            if address := configuration.address_of(server):
                return address
        return ""

    def reset_election_timer(self) -> None:
        """Wait from now for an election timeout, drawn anew from [T, 2T) (§3.4)."""
        self.election_deadline = self.now + self.config.election_timeout_s * (1 + self.rng.random())

    def append_entry(self, kind: EntryKind, data: bytes) -> int:
        """Append one entry of the current term; its index."""
        index = self.log.append(self.current_term, kind, data)
        self.dirty_from = self.dirty_from or index
        self.uncommitted_bytes += len(data)
        if kind is _CONFIGURATION:
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

    def commit_through(self, index: int) -> None:
        """Make `index`, which is above the commit index, the commit index; so many bytes fewer are uncommitted."""
        self.uncommitted_bytes -= self.log.size_bytes(self.commit_index + 1, index)
        self.commit_index = index

    def base_at(self, index: int) -> Base:
        """What would stand before the log if its entries through `index` were compacted away (§5.1)."""
        configuration_index, configuration = next(place for place in reversed(self.configurations) if place[0] <= index)
        return Base(index, self.log.term_at(index), configuration, configuration_index)

    def compact_log(self, index: int) -> Base:
        """Drop the entries through `index`, which are applied and on disk; the new base."""
        assert index <= min(self.last_applied, self.durable_index), f"compacting through {index}, which is still needed"
        base = self.base_at(index)
        self.log.compact(index)
        later = [place for place in self.configurations if place[0] > index]
        self.configurations = [(base.configuration_index, base.configuration), *later]
        return base

    def replace_log(self, base: Base) -> None:
        """Let the log begin anew after `base`, whose state is in a snapshot on our disk (§5.1).

        Nothing that was in the log counts as durable, not even when a save of it completes later."""
        self.log.reset(base.index, base.term)
        self.configurations = [(base.configuration_index, base.configuration)]
        self.commit_index = self.last_applied = base.index
        self.durable_index = self.saving_through = base.index
        self.dirty_from = 0
        self.dirty_base = base

    def settle(self, token: Token, status: AnswerStatus, reason: str = "") -> None:
        """Answer who waits with `token`; the leader hint is the leader that we know, or that is to be (§3.10).

        None is the token of nobody: what a server does by itself is answered to nobody."""
        if token is None:
            return
        successor = self.transfer.target if self.transfer is not None else ""
        leader = self.leader_id or successor
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
