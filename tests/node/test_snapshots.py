"""The node takes snapshots when they are due, and gives them to servers that are behind (ch. 5)."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.node.lab import CONFIG, HandSnapshots, Lab
from tests.node.snapshotlab import EVERY_3, GET, SET, InPieces, due, finish, in_memory, started, write_pieces
from tfraft.core.base import Base, Snapshot
from tfraft.core.messages import AppendEntriesReply, InstallSnapshot, Message
from tfraft.core.requests import AnswerStatus, ClientRequest
from tfraft.errors import StorageFailed
from tfraft.node.settings import NodeSettings
from tfraft.node.snapshots import MOST_GROWTH, send_piece
from tfraft.node.status import EventKind
from tfraft.ports import OnRead
from tfraft.store import Store, codec
from tfraft.store.sessions import Sessions

# --- Our own ---


def test_a_snapshot_is_taken_once_so_many_entries_are_applied_and_the_log_begins_after_it() -> None:
    """§5.1: entries that are in the snapshot are discarded, first from the disk's log, then never sent."""
    lab = Lab(snapshots=in_memory(), settings=EVERY_3).lead()
    lab.ask(SET)
    lab.commit(2)
    assert (lab.node.status().snapshot_index, lab.disk.trims) == (0, [])
    lab.ask(SET)
    lab.commit(3)
    status = lab.node.status()
    assert (status.snapshot_index, status.first_index, status.last_index) == (3, 4, 3)
    assert status.snapshot_bytes > 0
    assert [base.index for base, _ in lab.disk.trims] == [3]
    assert [text for kind, text in lab.told() if kind is EventKind.SNAPSHOT] == [
        f"a has a snapshot through index 3 ({status.snapshot_bytes:,} bytes)"
    ]


def test_a_snapshot_is_taken_once_the_commands_have_so_many_bytes() -> None:
    lab = Lab(snapshots=in_memory(), settings=NodeSettings(snapshot_log_bytes=1000)).lead()
    lab.ask(ClientRequest(codec.encode([b"SET", b"k", b"v" * 900])))
    lab.commit(2)
    assert lab.node.status().snapshot_index == 0
    lab.ask(ClientRequest(codec.encode([b"SET", b"k", b"v" * 100])))
    lab.commit(3)
    assert lab.node.status().snapshot_index == 3


def test_some_entries_stay_behind_a_snapshot_for_servers_that_are_a_little_slow() -> None:
    """§5.1: so that these need no snapshot."""
    lab = due(in_memory(), replace(CONFIG, keep_entries=1))
    assert (lab.node.status().snapshot_index, lab.node.status().first_index) == (3, 3)


def test_a_snapshot_is_written_one_piece_a_turn() -> None:
    """Nobody waits for more than one piece, however fast the disk is."""
    machine = InPieces()
    lab = Lab(machine=machine, snapshots=in_memory(), settings=NodeSettings(snapshot_log_entries=2)).lead()
    lab.node.request(SET, lab.answers.append)
    lab.loop.run()
    lab.disk.saves.pop(0)[1](None)
    lab.node.receive(AppendEntriesReply(1, "b", True, match_index=2))
    seen = []
    while lab.loop.ready:
        before = machine.given
        lab.loop.turn()
        seen.append(machine.given - before)
    assert sum(seen) == 3
    assert max(seen) == 1
    assert lab.node.status().snapshot_index == 2


def test_a_snapshot_is_that_of_the_moment_at_which_it_was_due() -> None:
    """What is applied between its pieces is not in it: its index would lie."""
    lab, snapshots = started()
    lab.ask(ClientRequest(codec.encode([b"SET", b"k", b"later"])))
    lab.commit(4)
    writer = snapshots.writers[0]
    write_pieces(lab, writer)
    restored = Sessions(Store())
    restored.restore(writer.pieces)
    assert restored.query(GET.query) == b"$1\r\nv\r\n"


def test_no_second_snapshot_is_begun_while_one_is_under_way() -> None:
    lab, snapshots = started()
    for index in range(4, 9):
        lab.ask(SET)
        lab.commit(index, "bc")
    assert len(snapshots.writers) == 1
    write_pieces(lab, snapshots.writers[0])
    snapshots.writers[0].finished()
    lab.ask(SET)
    lab.commit(9, "bc")
    assert [writer.base.index for writer in snapshots.writers] == [3, 9]


@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_snapshot_that_cannot_be_written_stops_the_node(at_the_end: bool) -> None:
    """PITFALLS 35: a disk that has failed once is trusted no more."""
    lab, snapshots = started()
    error = StorageFailed("disk full")
    if at_the_end:
        write_pieces(lab, snapshots.writers[0])
        snapshots.writers[0].finished(error)
    else:
        snapshots.writers[0].written(error)
    lab.loop.run()
    assert lab.told() == [(EventKind.STORAGE_FAILED, "a stops: disk full")]
    lab.ask(SET)
    assert lab.answers[-1].reason == "a is stopped"


def test_a_log_that_cannot_be_trimmed_stops_the_node() -> None:
    lab = due(in_memory())
    lab.events.clear()
    lab.disk.trims.pop()[1](StorageFailed("read-only"))
    assert lab.told() == [(EventKind.STORAGE_FAILED, "a stops: read-only")]


class Clumsy(InPieces):
    """A state machine that cannot give its second piece."""

    def snapshot(self) -> Iterator[bytes]:
        yield b"x"
        raise ValueError("clumsy")


def test_a_state_machine_that_cannot_give_its_snapshot_stops_nobody() -> None:
    """PITFALLS 33: the log grows instead, and the next snapshot is tried when it is due."""
    snapshots = in_memory()
    lab = Lab(machine=Clumsy(), snapshots=snapshots, settings=EVERY_3).lead()
    taken: list[object] = []
    for first in (2, 5):
        lab.events.clear()
        for index in range(first, first + 3):
            lab.ask(SET)
            lab.commit(index, "bc")
        text = "a could not take a snapshot, and keeps its log: the state machine raised ValueError('clumsy')"
        assert lab.told() == [(EventKind.SNAPSHOT, text)]
    assert snapshots.load() is None
    lab.node.take_snapshot(taken.append)
    lab.loop.run()
    lab.receive(AppendEntriesReply(1, "b", True, match_index=7, read_round=1))
    assert [str(outcome) for outcome in taken] == [
        "the snapshot was given up: the state machine raised ValueError('clumsy')"
    ]
    lab.ask(SET)
    lab.commit(8, "bc")
    assert lab.answers[-1].status is AnswerStatus.OK


def test_a_node_that_halts_gives_up_its_snapshot_and_hears_no_more_of_it() -> None:
    lab, snapshots = started()
    lab.node.halt()
    assert snapshots.writers[0].aborted
    pieces = len(snapshots.writers[0].pieces)
    snapshots.writers[0].written(StorageFailed("late"))
    lab.loop.run()
    assert len(snapshots.writers[0].pieces) == pieces
    assert lab.told() == []


def test_a_piece_that_is_due_when_the_node_halts_is_not_written() -> None:
    lab, snapshots = started()
    snapshots.writers[0].written()
    lab.node.halt()
    lab.loop.run()
    assert len(snapshots.writers[0].pieces) == 1


def test_a_snapshot_or_a_trim_that_ends_after_the_halt_changes_nothing() -> None:
    lab, snapshots = started()
    writer = snapshots.writers[0]
    write_pieces(lab, writer)
    lab.node.halt()
    writer.finished()
    assert (lab.disk.trims, lab.node.status().snapshot_index) == ([], 0)
    assert lab.told() == []


# --- To a server that is behind ---


def test_a_server_that_needs_entries_which_are_gone_is_sent_the_snapshot() -> None:
    """§5.1: the node puts the bytes into what the core sends."""
    store = in_memory()
    lab = due(store)
    lab.loop.advance(lab.node.raft.deadline)
    snapshot = store.load()
    assert snapshot is not None
    data = b"".join(store.pieces(snapshot))
    sent = [(to, message) for to, message in lab.sent_now() if isinstance(message, InstallSnapshot)]
    assert sent == [("c@c:1", InstallSnapshot(1, "a", snapshot, 0, len(data), data, "a:1"))]


def test_a_piece_of_a_snapshot_that_is_not_the_latest_any_more_is_not_sent() -> None:
    """The leader begins anew with the latest."""
    latest, older = Snapshot(Base(5, 1), 3, 1), Snapshot(Base(4, 1), 3, 1)
    store = HandSnapshots(latest, b"abc")
    sent: list[Message] = []
    send_piece(store, InstallSnapshot(1, "a", older, 0, 3), sent.append)
    send_piece(store, InstallSnapshot(1, "a", latest, 1, 2), sent.append)
    assert sent == [InstallSnapshot(1, "a", latest, 1, 2, b"bc")]


def test_a_piece_that_is_read_after_the_halt_is_not_sent() -> None:
    late: list[OnRead] = []

    class Late(HandSnapshots):
        def read(self, snapshot: Snapshot, offset: int, size_bytes: int, on_read: OnRead) -> None:
            late.append(on_read)

    store = Late()
    lab = due(store)
    finish(lab, store)
    lab.loop.advance(lab.node.raft.deadline)
    lab.node.halt()
    lab.sent_now()
    late[0](b"bytes")
    assert lab.sent_now() == []


def test_the_next_snapshot_waits_for_one_that_is_on_its_way_to_a_server() -> None:
    """Else a server that takes long would begin anew for ever; but the log must not grow without a bound."""
    lab, snapshots = started()
    finish(lab, snapshots)
    lab.loop.advance(lab.node.raft.deadline)
    assert lab.node.raft.state.progress["c"].sending is not None
    for index in range(4, 3 + MOST_GROWTH * 3):
        lab.ask(SET)
        lab.commit(index)
    assert len(snapshots.writers) == 1
    lab.ask(SET)
    lab.commit(3 + MOST_GROWTH * 3)
    assert [writer.base.index for writer in snapshots.writers] == [3, 3 + MOST_GROWTH * 3]


def test_without_a_place_for_snapshots_none_is_taken() -> None:
    """Then the log grows for ever, as who makes the node has chosen."""
    lab = Lab(settings=NodeSettings(snapshot_log_entries=1)).lead()
    lab.ask(SET)
    lab.commit(2)
    assert lab.answers[-1].status is AnswerStatus.OK
    assert lab.node.status().first_index == 1
