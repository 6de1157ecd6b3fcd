"""§5.1: InstallSnapshot at the server that receives it."""

import pytest

from tests.paper.snapshots import KEEP_NONE, snapshot_at, wants
from tests.servers import (
    accepted,
    append,
    command,
    configuration_entry,
    effects,
    followed_leader,
    follower_of,
    joined,
    log,
    no_op,
    receive,
    role,
    save_done,
    server,
    settle,
    tick,
)
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Piece, Save
from tfraft.core.invariants import check_instant
from tfraft.core.messages import AppendEntriesReply, InstallSnapshot, InstallSnapshotReply
from tfraft.core.raft import Raft
from tfraft.core.requests import AnswerStatus
from tfraft.core.state import Role


def piece(snapshot: Snapshot, offset: int, size_bytes: int = 40, *, term: int = 1) -> InstallSnapshot:
    """The message of the leader `b` that carries these bytes; all of them are the same."""
    return InstallSnapshot(term, "b", snapshot, offset, size_bytes, b"?" * size_bytes)


def test_a_piece_is_written_and_answered_with_what_is_wanted_next() -> None:
    """§5.1: InstallSnapshot creates the file at the first piece and writes data at the given offset."""
    raft = follower_of("b", config=KEEP_NONE)
    settle(raft)
    first = receive(raft, piece(snapshot_at(3), 0))
    assert first == effects(pieces=[Piece(snapshot_at(3), 0, b"?" * 40)])
    raft.piece_written(snapshot_at(3), 40)
    assert raft.take_effects() == effects(replies=[("b", wants(40, server_id="a"))])


@pytest.mark.parametrize("offset", [0, 80])
def test_a_piece_that_is_not_the_next_is_not_written(offset: int) -> None:
    """§3.7: it came twice, or the one before it was lost."""
    raft = follower_of("b")
    settle(raft)
    receive(raft, piece(snapshot_at(3), 0))
    raft.piece_written(snapshot_at(3), 40)
    raft.take_effects()
    assert receive(raft, piece(snapshot_at(3), offset, 20)) == effects(replies=[("b", wants(40, server_id="a"))])


def test_a_piece_from_the_middle_of_an_unknown_snapshot_asks_for_its_beginning() -> None:
    """§5.1: the server has restarted, or another leader goes on where the last one was."""
    raft = follower_of("b")
    settle(raft)
    assert receive(raft, piece(snapshot_at(3), 40)) == effects(replies=[("b", wants(0, server_id="a"))])


def test_another_snapshot_takes_the_place_of_one_that_is_not_whole() -> None:
    """§5.1: what was written of the first is of no use any more."""
    raft = follower_of("b")
    settle(raft)
    receive(raft, piece(snapshot_at(3), 0))
    turn = receive(raft, piece(snapshot_at(9), 0))
    assert turn.pieces == [Piece(snapshot_at(9), 0, b"?" * 40)]
    raft.piece_written(snapshot_at(3), 40)
    assert raft.take_effects() == effects()


def received(raft: Raft, snapshot: Snapshot) -> None:
    """All of it has come, and is the latest on disk."""
    receive(raft, piece(snapshot, 0, 100))
    raft.piece_written(snapshot, 100)
    raft.snapshot_received(snapshot)


def test_a_server_without_its_entries_discards_its_log_and_takes_the_state() -> None:
    """§5.1: normally the snapshot contains what is not in the log; then the log is all superseded by it."""
    raft = follower_of("b", entries=log(1), term=2)
    settle(raft)
    received(raft, snapshot_at(3))
    turn = raft.take_effects()
    assert turn.installed == snapshot_at(3)
    assert turn.save == Save(2, None, base=snapshot_at(3).base)
    assert turn.replies[-1] == ("b", AppendEntriesReply(2, "a", True, 3, 3))
    assert (raft.state.last_applied, raft.state.commit_index, raft.state.log.last_index) == (3, 3, 3)


def test_a_server_with_conflicting_entries_discards_its_log_as_well() -> None:
    """§5.1: entries that may conflict with the snapshot; they were not committed."""
    raft = follower_of("b", entries=log(1, 1, 1, 1), term=2)
    settle(raft)
    received(raft, snapshot_at(3, term=2))
    assert raft.take_effects().installed == snapshot_at(3, term=2)
    assert raft.state.log.last_index == 3


def test_a_server_that_has_the_last_entry_keeps_what_follows() -> None:
    """§5.1: if the snapshot describes a prefix of its log, entries following it are still valid and retained."""
    raft = follower_of("b", entries=log(1, 1, 1, 1))
    settle(raft)
    received(raft, snapshot_at(3))
    turn = raft.take_effects()
    assert turn.installed is None
    assert turn.committed is not None
    assert list(turn.committed.entries) == [command(index, 1) for index in (1, 2, 3)]
    assert raft.state.log.last_index == 4


def test_an_older_snapshot_than_what_is_committed_changes_nothing() -> None:
    """hashicorp 697: by retransmission or mistake; a state never goes back. The answer says that it is not needed."""
    raft = follower_of("b", entries=log(1, 1, 1, 1))
    receive(raft, append("b", 1, prev=(4, 1), commit=4))
    settle(raft)
    assert receive(raft, piece(snapshot_at(3), 0)) == effects(replies=[("b", accepted("a", 1, 3, sent_at=0.0))])
    raft.snapshot_received(snapshot_at(3))
    assert raft.take_effects() == effects(replies=[("b", accepted("a", 1, 3, sent_at=0.0))])


def test_a_snapshot_that_is_not_what_was_promised_comes_anew() -> None:
    """§5.1: it is checked before use."""
    raft = follower_of("b")
    settle(raft)
    receive(raft, piece(snapshot_at(3), 0, 100))
    raft.snapshot_refused(snapshot_at(3))
    assert raft.state.receiving is None
    assert receive(raft, piece(snapshot_at(3), 0)).pieces != []
    raft.snapshot_refused(snapshot_at(9))
    assert raft.state.receiving is not None


def test_a_leader_of_an_older_term_sends_in_vain() -> None:
    """§3.3: it is told the term, and nothing is written."""
    raft = server(term=2)
    assert receive(raft, piece(snapshot_at(3), 0)) == effects(replies=[("b", wants(0, server_id="a", term=2))])


def test_a_piece_is_a_message_of_the_leader_like_any() -> None:
    """§3.4: it resets the election timer, and makes who hears it a follower."""
    raft = server(term=1)
    tick(raft, raft.deadline)
    receive(raft, piece(snapshot_at(3), 0, term=2), at=2.0)
    assert (role(raft), raft.state.leader_id, raft.deadline) == (Role.FOLLOWER, "b", 3.5)


def test_what_is_written_after_the_leader_has_gone_is_answered_to_nobody() -> None:
    """§3.3: the next leader will ask."""
    raft = follower_of("b")
    settle(raft)
    receive(raft, piece(snapshot_at(3), 0))
    settle_turn = tick(raft, raft.deadline)
    save_done(raft, settle_turn)
    raft.piece_written(snapshot_at(3), 40)
    assert InstallSnapshotReply not in [type(reply) for _, reply in raft.take_effects().replies]


def test_a_snapshot_brings_its_configuration() -> None:
    """§5.1, §4.1: the latest in the log as of the last included index; later ones of the old log are gone."""
    raft = follower_of("b", entries=joined(configuration_entry(1, "abcdef")), term=2)
    settle(raft)
    snapshot = Snapshot(Base(5, 2, Configuration.of("abd"), 4), 100, 7)
    received(raft, snapshot)
    settle(raft)
    assert (raft.state.configuration, raft.state.configuration_index) == (Configuration.of("abd"), 4)
    check_instant(raft.state)


def test_who_waits_for_an_entry_that_a_snapshot_covers_is_told_that_it_is_open() -> None:
    """§5.1: it may be in the snapshot; what would have to follow it in an older term never happens."""
    raft = followed_leader()
    for name in ("x", "y", "z"):
        raft.propose(name.encode(), name)
    settle(raft)
    save_done(raft, receive(raft, append("b", 2, prev=(1, 1), entries=joined(no_op(2)))))
    received(raft, snapshot_at(3, term=2))
    ends = {end.token: (end.answer.status, end.answer.reason) for end in raft.take_effects().settled}
    covered = (AnswerStatus.TIMEOUT, "a snapshot came in the place of the entry")
    assert ends == {"x": covered, "y": covered, "z": (AnswerStatus.NOT_LEADER, "")}
    assert raft.state.orphans == {}
