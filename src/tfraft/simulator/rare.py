"""The states that a run must have been in to be worth something: how often each was reached.

Most bugs show only in states like these. A campaign that never reached one of them proves nothing about it, and
fails.
"""

from collections.abc import Mapping
from enum import StrEnum


class Rare(StrEnum):
    """A state that is rarely reached, and where much can go wrong."""

    NEW_LEADER_WITH_UNCOMMITTED = "a leader is elected with entries of older terms that are not committed"
    TRUNCATION = "a follower drops entries"
    CONFIGURATION_DROPPED = "a follower drops a configuration that was in force"
    LEADER_DIES_IN_CHANGE = "a leader dies while its configuration is not committed"
    READ_AT_STEP_DOWN = "a leader steps down while a read waits"
    WRITE_AT_STEP_DOWN = "a leader steps down while a write waits"
    ORPHAN_COMMITTED = "a write is committed by another leader than the one that took it"
    ORPHAN_REFUSED = "a write is refused after another leader has overwritten it"
    RESTART_WITH_VOTE = "a server restarts in a term in which it has voted"
    CRASH_IN_SAVE = "a server crashes while a save is under way"
    LEADER_REMOVED_ITSELF = "a leader commits its own removal"
    TWO_LEADERS = "two servers lead at once, in different terms"
    SPLIT_VOTE = "a candidate times out and stands again"
    PAUSED_LEADER_RETURNS = "a leader that was paused goes on after another was elected"
    DISK_FAILS_LEADER = "the disk of a leader fails"
    REPAIRED = "a server that had lost its disk votes again"
    ALL_DOWN = "no server runs"
    SERVER_ADDED = "a server is caught up and added"
    SERVER_REMOVED = "a server is removed"
    CHANGE_REFUSED = "a change of the membership is refused"
    LEARNER_ADDED = "a learner is added"
    JOINT_CHANGE_DONE = "several voters change at once"
    LEADER_DIES_IN_JOINT = "a leader dies while its configuration is joint"
    STOPPED_AS_REMOVED = "a server that was removed stops by itself"
    TRANSFER_DONE = "leadership is handed over"
    TRANSFER_GIVEN_UP = "a transfer is given up while its leader goes on"
    LEADER_DIES_IN_TRANSFER = "a leader dies while it hands over"
    WRITE_AFTER_TRANSFER = "a write waits for a transfer, and is done when that is given up"
    SNAPSHOT_RECEIVED = "a snapshot is received whole"
    SNAPSHOT_INSTALLED = "a snapshot replaces log and state"
    SNAPSHOT_KEEPS_LOG = "a snapshot is received whose last entry is in the log"
    SNAPSHOT_BEGUN_ANEW = "a snapshot is sent again from the beginning"
    SNAPSHOT_DAMAGED = "a snapshot that was received is damaged"
    CRASH_BEFORE_INSTALLED = "a server crashes between the end of a snapshot and the save that follows"
    CRASH_BEFORE_TRIM = "a server crashes between its own snapshot and the trimming of its log"
    CRASH_IN_SNAPSHOT = "a server crashes while it receives a snapshot"
    ANSWERED_FROM_SESSION = "a write that comes again is answered, and not done again"
    SESSION_EXPIRED = "a write is refused, for its session is gone"
    OVERLOADED = "a request is refused, for there are too many"
    FOLLOWER_READ = "a server that does not lead answers a read"
    LEASE_READ = "a leader answers a read by its lease"
    STALE_READ = "a read is answered that may be stale"
    DISK_HANGS_LEADER = "a leader steps down because its disk hangs"


Counts = dict[Rare, int]


def none_reached() -> Counts:
    """Each rare state with 0."""
    return dict.fromkeys(Rare, 0)


def add(total: Counts, counts: Mapping[Rare, int]) -> None:
    """Add `counts` to `total`."""
    for rare, count in counts.items():
        total[rare] += count
