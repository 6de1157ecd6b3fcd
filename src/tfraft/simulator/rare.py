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
    ALL_DOWN = "no server runs"
    SERVER_ADDED = "a server is caught up and added"
    SERVER_REMOVED = "a server is removed"
    CHANGE_REFUSED = "a change of the membership is refused"


Counts = dict[Rare, int]


def none_reached() -> Counts:
    """Each rare state with 0."""
    return dict.fromkeys(Rare, 0)


def add(total: Counts, counts: Mapping[Rare, int]) -> None:
    """Add `counts` to `total`."""
    for rare, count in counts.items():
        total[rare] += count
