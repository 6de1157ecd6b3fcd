"""Snapshots: histories that have broken other Raft systems, by their numbers there."""

from dataclasses import replace

from tests.raftlab import Lab
from tests.servers import (
    PRE_VOTE,
)
from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.messages import InstallSnapshot

SNAPSHOTS = replace(PRE_VOTE, keep_entries=0, snapshot_piece_bytes=50)


def test_a_restart_replays_nothing_that_is_below_the_snapshot() -> None:
    """Pitfall 37 (etcd 22443): the snapshot is on disk, and the log on disk still begins before it."""
    lab = Lab(config=replace(SNAPSHOTS, keep_entries=100))
    lab.elect("a")
    lab.propose("a", "x")
    lab.deliver_all()
    lab.take_snapshot("a")
    assert lab.machines["a"].disk.base.index == 0
    lab.crash("a")
    lab.restart("a")
    assert (lab.raft("a").state.last_applied, lab.commands("a")) == (2, ["x"])
    lab.run(3.0)
    assert lab.commands("a") == ["x"]


def test_a_crash_between_a_snapshot_and_the_save_after_it_recovers() -> None:
    """Pitfall 37: the snapshot that a leader sent is durable, and the log on disk does not lead up to it."""
    lab = Lab(config=SNAPSHOTS)
    lab.elect("a")
    lab.partition("ab", "c")
    lab.propose("a", "x")
    lab.deliver_all()
    lab.take_snapshot("a")
    lab.heal()
    lab.machines["c"].slow_disk = True
    lab.heartbeat("a")
    while lab.machines["c"].latest is None:
        lab.write_pieces("c")
        lab.deliver_all()
    assert lab.machines["c"].disk.base == Base(configuration=Configuration.of("abc"))
    lab.crash("c")
    lab.machines["c"].slow_disk = False
    lab.restart("c")
    assert lab.machines["c"].disk.base.index == 2
    lab.run(2.0)
    assert lab.commands("c") == ["x"]


def test_a_conflicting_log_does_not_survive_a_snapshot_and_does_not_ask_for_it_for_ever() -> None:
    """Pitfall 38 (hashicorp 697): c has entries of its own that nobody committed, more than the snapshot has."""
    lab = Lab(config=SNAPSHOTS)
    lab.elect("c")
    lab.partition("ab", "c")
    for number in range(9):
        lab.propose("c", f"lost {number}")
    lab.now += 3.0
    lab.tick("c")
    lab.elect("a")
    lab.propose("a", "x")
    lab.deliver_all()
    lab.heartbeat("a")
    lab.take_snapshot("a")
    lab.heal()
    lab.run(3.0)
    assert lab.commands("c") == ["x"]
    assert lab.waiting["c"] == set()
    lab.heartbeat("a")
    assert lab.raft("a").state.progress["c"].sending is None


def test_an_older_snapshot_is_never_installed_over_a_newer_state() -> None:
    """Pitfall 38: its pieces come late, doubled and out of order, after the server has gone on."""
    lab = Lab(config=SNAPSHOTS)
    lab.elect("a")
    lab.crash("c")
    lab.propose("a", "x")
    lab.deliver_all()
    lab.take_snapshot("a")
    lab.restart("c")
    lab.time_out("a")
    pieces = []
    while lab.letters:
        pieces += [letter for letter in lab.letters[:1] if isinstance(letter.message, InstallSnapshot)]
        lab.deliver(lab.letters[0])
    lab.propose("a", "y")
    lab.deliver_all()
    lab.heartbeat("a")
    assert lab.commands("c") == ["x", "y"]
    for letter in [*reversed(pieces), *pieces]:
        lab.letters.append(letter)
        lab.deliver(letter)
    lab.deliver_all()
    assert lab.commands("c") == ["x", "y"]


def test_a_log_that_is_compacted_faster_than_a_snapshot_travels_does_not_begin_for_ever() -> None:
    """Pitfall 39 (consul 9609): the leader writes on while it sends; the entries after the snapshot wait for it."""
    lab = Lab(config=replace(SNAPSHOTS, snapshot_window=1))
    lab.elect("a")
    lab.crash("c")
    for number in range(5):
        lab.propose("a", f"x{number}")
        lab.deliver_all()
    lab.take_snapshot("a")
    lab.restart("c")
    lab.time_out("a")
    number = 0
    while not lab.machines["c"].latest:
        number += 1
        lab.propose("a", f"y{number}")
        lab.deliver(*lab.letters)
        assert lab.raft("a").state.log.base_index == 6, "what c will need is still there"
        state = lab.raft("a").state
        assert state.snapshot is not None
        assert lab.raft("a").snapshot_taken(state.snapshot) is None
    lab.run(1.0)
    assert lab.commands("c") == [f"x{n}" for n in range(5)] + [f"y{n + 1}" for n in range(number)]
