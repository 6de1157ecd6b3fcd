"""The node takes the snapshot that a leader sends: piece by piece, checked, whole or not at all (§5.1)."""

from dataclasses import replace

import pytest

from tests.node.lab import NOW_S, VOTERS, HandSnapshots, Lab
from tests.node.snapshotlab import GET, SET, InPieces, finish, write_pieces
from tfraft.core.base import Base, Snapshot
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.messages import AppendEntries, AppendEntriesReply, InstallSnapshot, InstallSnapshotReply
from tfraft.errors import CorruptSnapshot, StorageFailed, TfRaftError
from tfraft.node.settings import NodeSettings
from tfraft.node.status import EventKind
from tfraft.ports import StateMachine
from tfraft.store import Store, codec
from tfraft.store.envelope import Command
from tfraft.store.sessions import Sessions


def snapshot_of(index: int, value: bytes = b"theirs") -> tuple[Snapshot, bytes]:
    """A leader's snapshot at `index` in which k has this value."""
    sessions = Sessions(Store())
    sessions.apply(Command(int(NOW_S * 1000), codec.encode([b"SET", b"k", value])).encode())
    data = b"".join(sessions.snapshot())
    return Snapshot(Base(index, 1, VOTERS), len(data), 1), data


def piece(snapshot: Snapshot, data: bytes, first: int, last: int | None = None) -> InstallSnapshot:
    """These bytes of it, from leader b."""
    part = data[first:last]
    return InstallSnapshot(1, "b", snapshot, first, len(part), part, "b:1")


def received() -> tuple[Lab, HandSnapshots, InstallSnapshot]:
    """A server that has got a leader's snapshot through index 10 in this one message; its disk has yet to write it."""
    store = HandSnapshots()
    lab = Lab(snapshots=store)
    whole = piece(*snapshot_of(10), 0)
    lab.receive(whole)
    lab.saved()
    return lab, store, whole


def test_a_leaders_snapshot_replaces_the_state_once_it_is_whole() -> None:
    """§5.1: piece by piece to disk, each answered once it is written; checked and durable before it counts."""
    store = HandSnapshots()
    lab = Lab(snapshots=store)
    snapshot, data = snapshot_of(10)
    lab.receive(piece(snapshot, data, 0, 4))
    lab.saved()
    lab.receive(piece(snapshot, data, 4))
    writer = store.writers[0]
    assert (writer.base, writer.pieces, lab.sent_now()) == (snapshot.base, [data[:4]], [])
    writer.written()
    lab.loop.run()
    assert lab.sent_now() == [("b@b:1", InstallSnapshotReply(1, "a", 10, 4))]
    assert lab.node.status().snapshot_received == 4
    writer.written()
    lab.loop.run()
    assert (writer.expected, lab.node.status().last_applied) == (snapshot, 0)
    lab.sent_now()
    lab.events.clear()
    writer.finished()
    lab.loop.run()
    status = lab.node.status()
    assert (status.last_applied, status.first_index, status.snapshot_index) == (10, 11, 10)
    assert lab.told() == [
        (EventKind.SNAPSHOT, "a has replaced its state by the leader's snapshot through index 10"),
    ]
    assert lab.node.machine.query(GET.query) == b"$6\r\ntheirs\r\n"
    lab.saved()
    assert lab.sent_now() == [("b@b:1", AppendEntriesReply(1, "a", True, match_index=10, prev_log_index=10))]


def test_a_snapshot_that_came_damaged_is_not_taken_and_comes_anew() -> None:
    """What is checked before it is used cannot do harm."""
    lab, store, whole = received()
    store.writers[0].written()
    store.writers[0].finished(CorruptSnapshot("not what was promised"))
    lab.loop.run()
    assert (lab.node.status().last_applied, lab.node.status().snapshot_received) == (0, 0)
    lab.receive(whole)
    store.writers[1].written()
    store.writers[1].finished()
    lab.loop.run()
    assert lab.node.status().last_applied == 10


@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_leaders_snapshot_that_cannot_be_written_stops_the_node(at_the_end: bool) -> None:
    lab, store, _ = received()
    lab.events.clear()
    error: TfRaftError = StorageFailed("disk full")
    if at_the_end:
        store.writers[0].written()
        store.writers[0].finished(error)
    else:
        store.writers[0].written(error)
    assert lab.told() == [(EventKind.STORAGE_FAILED, "a stops: disk full")]


def test_the_first_piece_of_another_snapshot_ends_the_one_before() -> None:
    """The leader has a later one: what came of the old one is of no use."""
    store = HandSnapshots()
    lab = Lab(snapshots=store)
    old, old_data = snapshot_of(10)
    new, new_data = snapshot_of(20)
    lab.receive(piece(old, old_data, 0, 4))
    lab.saved()
    lab.receive(piece(old, old_data, 4), piece(new, new_data, 0))
    assert [writer.aborted for writer in store.writers] == [True, False]
    store.writers[0].written(StorageFailed("of a file that is given up"))
    store.writers[1].written()
    store.writers[1].finished()
    lab.loop.run()
    assert (store.writers[0].pieces, lab.node.status().last_applied) == ([old_data[:4]], 20)


def test_our_own_snapshot_is_given_up_when_the_state_is_replaced() -> None:
    """Its pieces would be of two states."""
    store = HandSnapshots()
    lab = Lab(snapshots=store, settings=NodeSettings(snapshot_log_entries=1))
    entry = Entry(1, EntryKind.COMMAND, Command(1, SET.command).encode())
    lab.receive(AppendEntries(1, "b", 0, 0, Entries.of(entry), leader_commit=1))
    lab.saved()
    own = store.writers[0]
    snapshot, data = snapshot_of(10)
    lab.receive(piece(snapshot, data, 0))
    store.writers[1].written()
    store.writers[1].finished()
    lab.loop.run()
    assert own.aborted
    own.written(StorageFailed("late"))
    lab.loop.run()
    assert lab.node.status().last_applied == 10
    assert EventKind.STORAGE_FAILED not in [kind for kind, _ in lab.told()]


def test_the_end_of_a_snapshot_that_was_given_up_is_not_taken_for_that_of_the_next() -> None:
    store = HandSnapshots()
    lab = Lab(snapshots=store, settings=NodeSettings(snapshot_log_entries=1))
    entry = Entry(1, EntryKind.COMMAND, Command(1, SET.command).encode())
    lab.receive(AppendEntries(1, "b", 0, 0, Entries.of(entry), leader_commit=1))
    lab.saved()
    first = store.writers[0]
    write_pieces(lab, first)
    snapshot, data = snapshot_of(10)
    lab.receive(piece(snapshot, data, 0))
    store.writers[1].written()
    store.writers[1].finished()
    lab.loop.run()
    lab.saved()
    lab.receive(AppendEntries(1, "b", 10, 1, Entries.of(entry), leader_commit=11))
    assert store.writers[2].base.index == 11
    first.finished(StorageFailed("of a file that was given up"))
    lab.loop.run()
    assert EventKind.STORAGE_FAILED not in [kind for kind, _ in lab.told()]
    finish(lab, store)
    assert lab.node.status().snapshot_index == 11


def test_a_node_that_halts_gives_up_a_leaders_snapshot() -> None:
    store = HandSnapshots()
    lab = Lab(snapshots=store)
    snapshot, data = snapshot_of(10)
    lab.receive(piece(snapshot, data, 0))
    lab.node.halt()
    assert store.writers[0].aborted
    lab.events.clear()
    store.writers[0].written(StorageFailed("late"))
    assert lab.told() == []


@pytest.mark.parametrize("machine", [InPieces(), Store()])
def test_a_leaders_snapshot_that_the_state_machine_cannot_take_stops_the_node(machine: StateMachine) -> None:
    """It has neither the old state nor the new one: what it would answer is worth nothing."""
    store = HandSnapshots()
    lab = Lab(snapshots=store, machine=machine)
    snapshot, data = snapshot_of(10)
    damaged = data if isinstance(machine, InPieces) else b"rubbish"
    snapshot = replace(snapshot, size_bytes=len(damaged))
    lab.receive(piece(snapshot, damaged, 0))
    lab.saved()
    lab.events.clear()
    store.writers[0].written()
    store.writers[0].finished()
    lab.loop.run()
    assert [kind for kind, _ in lab.told()] == [EventKind.STORAGE_FAILED]
    lab.ask(GET)
    assert lab.answers[-1].reason == "a is stopped"


def test_the_end_of_a_leaders_snapshot_after_the_halt_changes_nothing() -> None:
    lab, store, _ = received()
    store.writers[0].written()
    lab.loop.run()
    lab.node.halt()
    store.writers[0].finished()
    assert lab.node.status().last_applied == 0
