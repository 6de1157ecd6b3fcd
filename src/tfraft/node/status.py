"""What a node says of itself: a status to show, and events that tell what happened and why."""

from enum import StrEnum

from tfraft.core.entry import EntryKind
from tfraft.core.messages import ServerId
from tfraft.core.state import RaftState
from tfraft.record import record


@record
class PeerStatus:
    """How a leader sees one follower. `heard_s` is the age of its last answer in seconds, None if it never answered."""

    server_id: ServerId
    match_index: int
    next_index: int
    inflight: int
    heard_s: float | None


@record
class NodeStatus:
    """One node at one moment. `voters` maps ids to addresses; `peers` is empty unless the node leads."""

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


@record
class LogEntry:
    """One entry as a person wants to see it: `kind` is `command`, `no-op` or `configuration`."""

    index: int
    term: int
    kind: str
    data: bytes


class EventKind(StrEnum):
    """The kinds of events that a node tells of."""

    STARTED = "started"
    CANDIDATE = "candidate"
    VOTED = "voted"
    REFUSED_VOTE = "refused vote"
    LEADER = "leader"
    FOLLOWER = "follower"
    CONFIGURATION = "configuration"
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


KIND_NAMES = {EntryKind.COMMAND: "command", EntryKind.NO_OP: "no-op", EntryKind.CONFIGURATION: "configuration"}


def status_of(raft: RaftState, now: float) -> NodeStatus:
    """The status of the server whose state is `raft`, at loop time `now`."""
    return NodeStatus(
        server_id=raft.server_id,
        role=raft.role.value,
        current_term=raft.current_term,
        voted_for=raft.voted_for,
        leader_id=raft.leader_id,
        first_index=1,
        last_index=raft.log.last_index,
        commit_index=raft.commit_index,
        last_applied=raft.last_applied,
        voters=dict(raft.configuration.voters),
        peers=[
            PeerStatus(server, one.match_index, one.next_index, len(one.inflight), now - one.heard_at)
            for server, one in raft.progress.items()
        ],
    )


def log_entries(raft: RaftState, first: int, last: int) -> list[LogEntry]:
    """The entries from `first` to `last`, as far as the log has them."""
    first = max(first, 1)
    return [
        LogEntry(first + row, entry.term, KIND_NAMES[entry.kind], entry.data)
        for row, entry in enumerate(raft.log.read(first, last))
    ]
