"""What a node says of itself: a status to show, and events that tell what happened and why."""

from contextlib import suppress
from dataclasses import field
from enum import StrEnum

from tfraft.core.configuration import ServerId
from tfraft.core.entry import Entry, EntryKind
from tfraft.core.progress import Progress
from tfraft.core.state import RaftState
from tfraft.record import record
from tfraft.store.envelope import Command, EnvelopeError


@record
class PeerStatus:
    """How a leader sees one follower. `heard_s` is the age of its last answer in seconds.

    While it is sent a snapshot, `snapshot_bytes` says how large that is, and `snapshot_sent` how much has arrived."""

    server_id: ServerId
    match_index: int
    next_index: int
    inflight: int
    heard_s: float | None
    snapshot_sent: int = 0
    snapshot_bytes: int = 0


@record
class NodeStatus:
    """One node at one moment. `voters`, `old_voters` and `learners` map ids to addresses; `peers` is empty unless it
    leads. The latest snapshot holds the state at `snapshot_index`; 0 where there is none. `cluster_id` is what the door
    knows; empty where that is nothing."""

    server_id: ServerId
    role: str
    current_term: int
    voted_for: ServerId | None
    leader_id: ServerId | None
    first_index: int
    last_index: int
    commit_index: int
    last_applied: int
    voters: dict[ServerId, str]
    peers: list[PeerStatus]
    learners: dict[ServerId, str] = field(default_factory=dict)
    old_voters: dict[ServerId, str] = field(default_factory=dict)
    removed: list[ServerId] = field(default_factory=list)
    configuration_index: int = 0
    snapshot_index: int = 0
    snapshot_bytes: int = 0
    snapshot_received: int = 0
    repairing: bool = False
    cluster_id: str = ""


@record
class LogEntry:
    """One entry as a person wants to see it: `kind` is `command`, `no-op`, `configuration` or `session`.

    The data of a command are those of the client; `client_id` and `sequence_num` are given where it has a session."""

    index: int
    term: int
    kind: str
    data: bytes
    client_id: int = 0
    sequence_num: int = 0


class EventKind(StrEnum):
    """The kinds of events that a node tells of."""

    STARTED = "started"
    CANDIDATE = "candidate"
    VOTED = "voted"
    REFUSED_VOTE = "refused vote"
    LEADER = "leader"
    FOLLOWER = "follower"
    CONFIGURATION = "configuration"
    TRANSFER = "transfer"
    SNAPSHOT = "snapshot"
    REMOVED = "removed"
    DAMAGED = "damaged"
    REPAIRED = "repaired"
    STORAGE_FAILED = "storage failed"
    STOPPED = "stopped"


@record
class Event:
    """Something that happened at `server_id`: `text` is a sentence for a person, `section` is of the dissertation.

    `at_s` is wall-clock time in seconds since 1970, to order the events of several processes for a reader."""

    at_s: float
    server_id: ServerId
    kind: EventKind
    term: int
    text: str
    section: str = ""


KIND_NAMES = {
    EntryKind.COMMAND: "command",
    EntryKind.NO_OP: "no-op",
    EntryKind.CONFIGURATION: "configuration",
    EntryKind.REGISTER_CLIENT: "session",
}


def status_of(raft: RaftState, now: float) -> NodeStatus:
    """The status of the server whose state is `raft`, at loop time `now`."""
    configuration, snapshot = raft.configuration, raft.snapshot
    return NodeStatus(
        server_id=raft.server_id,
        role=raft.role.value,
        current_term=raft.current_term,
        voted_for=raft.voted_for,
        leader_id=raft.leader_id,
        first_index=raft.log.base_index + 1,
        last_index=raft.log.last_index,
        commit_index=raft.commit_index,
        last_applied=raft.last_applied,
        voters=dict(configuration.voters),
        peers=[peer_status(server, one, now) for server, one in raft.progress.items()],
        learners=dict(configuration.learners),
        old_voters=dict(configuration.old_voters),
        removed=list(configuration.removed),
        configuration_index=raft.configuration_index,
        snapshot_index=snapshot.base.index if snapshot else 0,
        snapshot_bytes=snapshot.size_bytes if snapshot else 0,
        snapshot_received=raft.receiving.written if raft.receiving else 0,
        repairing=raft.repairing,
    )


def peer_status(server: ServerId, progress: Progress, now: float) -> PeerStatus:
    """How a leader sees this server at loop time `now`."""
    sending = progress.sending
    return PeerStatus(
        server,
        progress.match_index,
        progress.next_index,
        len(progress.inflight),
        now - progress.heard_at,
        snapshot_sent=sending.acked if sending else 0,
        snapshot_bytes=sending.snapshot.size_bytes if sending else 0,
    )


def log_entries(raft: RaftState, first: int, last: int) -> list[LogEntry]:
    """The entries from `first` to `last`, as far as the log has them."""
    first = max(first, raft.log.base_index + 1)
    return [log_entry(first + row, entry) for row, entry in enumerate(raft.log.read(first, last))]


def log_entry(index: int, entry: Entry) -> LogEntry:
    """One entry, without what a node puts around a command."""
    if entry.kind is EntryKind.COMMAND:
        with suppress(EnvelopeError):
            command = Command.decode(entry.data)
            name = KIND_NAMES[entry.kind]
            return LogEntry(index, entry.term, name, command.command, command.client_id, command.sequence_num)
    return LogEntry(index, entry.term, KIND_NAMES[entry.kind], entry.data)
