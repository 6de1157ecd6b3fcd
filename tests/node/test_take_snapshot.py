"""A node takes a snapshot of now when it is asked for one, for a backup (ch. 5, §6.4)."""

import pytest

from tests.node.lab import VOTERS, HandSnapshots, Lab
from tests.node.snapshotlab import GET, SET, finish, in_memory
from tfraft.core.base import Base, Snapshot
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.messages import AppendEntries, AppendEntriesReply, InstallSnapshot, ReadIndex, ReadIndexReply
from tfraft.errors import StorageFailed, TfRaftError, Unavailable
from tfraft.node.settings import NodeSettings
from tfraft.store import Store
from tfraft.store.sessions import Sessions

FIRST = AppendEntries(1, "b", 0, 0, Entries.of(Entry(1, EntryKind.NO_OP)), leader_commit=1)
EVERY_2 = NodeSettings(snapshot_log_entries=2)

Outcomes = list[Snapshot | TfRaftError]


def asked(lab: Lab) -> Outcomes:
    """Ask for a snapshot, and run the turn; what comes goes into the list."""
    outcomes: Outcomes = []
    lab.node.take_snapshot(outcomes.append)
    lab.loop.run()
    return outcomes


def confirm(lab: Lab) -> None:
    """Let a follower answer the round of heartbeats that is open."""
    rounds = [message.read_round for _, message in lab.sent_now() if isinstance(message, AppendEntries)]
    lab.receive(AppendEntriesReply(1, "b", True, match_index=lab.node.status().last_index, read_round=max(rounds)))


def restored(lab: Lab, snapshot: Snapshot | TfRaftError) -> Sessions:
    """The state that is in the snapshot."""
    assert isinstance(snapshot, Snapshot)
    sessions = Sessions(Store())
    sessions.restore(lab.node.read_snapshot(snapshot))
    return sessions


def test_a_leader_takes_it_after_a_majority_has_confirmed_that_it_leads() -> None:
    """§6.4: a leader that was left behind would give a state without what the next one has answered."""
    lab = Lab(snapshots=in_memory()).lead()
    lab.ask(SET)
    lab.commit(2)
    lab.sent_now()
    outcomes = asked(lab)
    assert outcomes == []
    confirm(lab)
    assert restored(lab, outcomes[0]).query(GET.query) == b"$1\r\nv\r\n"
    status = lab.node.status()
    assert (status.snapshot_index, status.last_applied) == (2, 2)


def test_a_leader_without_a_majority_takes_none() -> None:
    lab = Lab(snapshots=in_memory()).lead()
    outcomes = asked(lab)
    lab.loop.advance(lab.loop.now + 10)
    assert [type(outcome) for outcome in outcomes] == [Unavailable]
    assert lab.node.status().snapshot_index == 0


def test_another_server_asks_the_leader_how_far_it_must_have_applied() -> None:
    """§6.4: a follower may be behind what was answered."""
    lab = Lab(snapshots=in_memory())
    lab.receive(AppendEntries(1, "b", 0, 0))
    lab.saved()
    lab.sent_now()
    outcomes = asked(lab)
    (number,) = [message.number for _, message in lab.sent_now() if isinstance(message, ReadIndex)]
    lab.receive(ReadIndexReply(1, "b", number, 1))
    assert outcomes == [], "the index that the leader named is not applied yet"
    lab.receive(FIRST)
    lab.saved()
    assert [outcome.base.index for outcome in outcomes if isinstance(outcome, Snapshot)] == [1]


def test_without_a_leader_there_is_none() -> None:
    assert [str(outcome) for outcome in asked(Lab(snapshots=in_memory()))] == [
        "a knows of no leader that could confirm it"
    ]


def test_commands_that_are_applied_while_it_is_written_are_not_in_it() -> None:
    """It is of one moment, and nobody waits for it."""
    snapshots = HandSnapshots()
    lab = Lab(snapshots=snapshots).lead()
    outcomes = asked(lab)
    confirm(lab)
    lab.ask(SET)
    lab.commit(2)
    assert lab.node.status().last_applied == 2
    finish(lab, snapshots)
    assert restored(lab, outcomes[0]).query(GET.query) == b"_\r\n"


def test_one_that_is_on_its_way_is_too_old_and_the_next_begins_after_it() -> None:
    snapshots = HandSnapshots()
    lab = Lab(snapshots=snapshots, settings=EVERY_2).lead()
    lab.ask(SET)
    lab.commit(2)
    lab.ask(SET)
    lab.commit(3)
    lab.sent_now()
    outcomes = asked(lab)
    confirm(lab)
    finish(lab, snapshots)
    assert outcomes == []
    finish(lab, snapshots)
    assert [writer.base.index for writer in snapshots.writers] == [2, 3]
    assert [outcome.base.index for outcome in outcomes if isinstance(outcome, Snapshot)] == [3]


def test_all_who_ask_at_a_time_share_one_and_the_latest_is_given_again_while_it_has_everything() -> None:
    snapshots = HandSnapshots()
    lab = Lab(snapshots=snapshots).lead()
    first, second = asked(lab), asked(lab)
    confirm(lab)
    confirm(lab)
    finish(lab, snapshots)
    third = asked(lab)
    confirm(lab)
    assert (first, second) == (third, third)
    assert len(snapshots.writers) == 1


def test_who_waits_is_told_that_the_node_stops() -> None:
    lab = Lab(snapshots=HandSnapshots(), settings=EVERY_2).lead()
    waiting_for_a_majority = asked(lab)
    confirm(lab)
    waiting_for_the_disk = asked(lab)
    confirm(lab)
    lab.node.halt()
    assert [type(one) for one in waiting_for_a_majority + waiting_for_the_disk] == [Unavailable, Unavailable]
    assert [str(outcome) for outcome in asked(lab)] == ["a is stopped"]


def test_who_waits_is_told_that_the_disk_fails() -> None:
    snapshots = HandSnapshots()
    lab = Lab(snapshots=snapshots).lead()
    outcomes = asked(lab)
    confirm(lab)
    snapshots.writers[-1].written(StorageFailed("full"))
    assert [type(outcome) for outcome in outcomes] == [Unavailable]


def test_a_snapshot_of_the_leader_that_comes_meanwhile_ends_it() -> None:
    snapshots = HandSnapshots()
    lab = Lab(snapshots=snapshots)
    lab.receive(FIRST)
    lab.saved()
    outcomes = asked(lab)
    (number,) = [message.number for _, message in lab.sent_now() if isinstance(message, ReadIndex)]
    lab.receive(ReadIndexReply(1, "b", number, 1))
    (own,) = snapshots.writers
    sessions = Sessions(Store())
    data = b"".join(sessions.snapshot())
    later = Snapshot(Base(9, 1, VOTERS), len(data), 7)
    lab.receive(InstallSnapshot(1, "b", later, 0, len(data), data))
    snapshots.writers[-1].written()
    snapshots.writers[-1].finished()
    lab.loop.run()
    assert own.aborted
    assert [type(outcome) for outcome in outcomes] == [Unavailable]


def test_a_node_that_keeps_no_snapshots_says_so() -> None:
    with pytest.raises(AssertionError, match="in a store"):
        Lab().node.read_snapshot(Snapshot(Base(1, 1, VOTERS), 0, 0))
    assert [str(outcome) for outcome in asked(Lab())] == ["a keeps no snapshots"]
