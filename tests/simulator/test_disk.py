"""The simulated disk: what it promises, and what a crash takes away."""

import pytest

from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import StorageFailed, TfRaftError
from tfraft.simulator.disk import SimulatedState, VirtualDisk
from tfraft.simulator.loop import VirtualLoop
from tfraft.simulator.violation import Violation


class Watch:
    """Notes what it is shown."""

    def __init__(self) -> None:
        self.shown: list[Save | Base | Snapshot] = []

    def before_write(self, disk: VirtualDisk, save: Save) -> None:
        self.shown.append(save)

    def before_trim(self, disk: VirtualDisk, base: Base) -> None:
        self.shown.append(base)

    def before_snapshot(self, disk: VirtualDisk, snapshot: Snapshot) -> None:
        self.shown.append(snapshot)


class Machine:
    """A disk with one life of a node on it, and what the node has been told."""

    def __init__(self, survives: float = 0.0) -> None:
        self.loop = VirtualLoop()
        self.watch = Watch()
        self.disk = VirtualDisk("s1", self.watch)
        self.told: list[TfRaftError | None] = []
        self.state = SimulatedState(
            self.disk, self.loop, lambda kind, callback, *args: callback(*args), lambda: 0.01, lambda: survives
        )

    def save(self, save: Save) -> None:
        self.state.save(save, self.told.append)


def entries(*terms: int) -> Entries:
    return Entries.from_rows(Entry(term, EntryKind.COMMAND, b"%d" % term) for term in terms)


def test_a_disk_that_was_never_written_holds_nothing() -> None:
    assert Machine().state.load() is None


def test_what_is_acknowledged_is_on_disk() -> None:
    machine = Machine()
    founders = Base(configuration=Configuration.of(["s1"]))
    machine.save(Save(2, "s3", 1, entries(1, 2), founders))
    assert machine.told == []
    assert machine.disk.last_index == 0
    machine.loop.run(until=1.0)
    assert machine.told == [None]
    assert machine.state.load() == Saved(2, "s3", founders, entries(1, 2))


def test_a_save_replaces_the_log_from_its_first_index_on() -> None:
    machine = Machine()
    machine.disk.write(Save(1, None, 1, entries(1, 1, 1)))
    machine.disk.write(Save(2, None, 2, entries(2)))
    assert [machine.disk.term_at(index) for index in range(4)] == [0, 1, 2, 0]
    assert machine.disk.last_index == 2


def test_votes_are_remembered_by_term() -> None:
    machine = Machine()
    machine.disk.write(Save(1, "s2"))
    machine.disk.write(Save(2, None))
    machine.disk.write(Save(3, "s3"))
    assert machine.disk.votes == {1: "s2", 3: "s3"}


@pytest.mark.parametrize(("survives", "kept"), [(0.1, True), (0.9, False)])
def test_a_crash_keeps_the_save_under_way_whole_or_loses_it(survives: float, kept: bool) -> None:
    machine = Machine(survives)
    machine.save(Save(5, "s1", 1, entries(5)))
    assert machine.state.crash()
    machine.loop.run(until=1.0)
    assert machine.told == []
    assert (machine.state.load() == Saved(5, "s1", entries=entries(5))) is kept
    assert (machine.state.load() is None) is not kept


def test_a_crash_takes_nothing_that_was_acknowledged() -> None:
    machine = Machine(survives=0.9)
    machine.save(Save(5, "s1"))
    machine.loop.run(until=1.0)
    assert not machine.state.crash()
    assert machine.state.load() == Saved(5, "s1")


def test_a_stalled_disk_completes_when_the_stall_is_over_also_a_save_that_had_begun() -> None:
    machine = Machine()
    machine.save(Save(1, None))
    machine.disk.stalled_until = 3.0
    machine.loop.run(until=2.9)
    assert machine.told == []
    machine.loop.run(until=3.0)
    assert machine.told == [None]


def test_a_slow_disk_takes_longer() -> None:
    machine = Machine()
    machine.disk.slowness = 50.0
    machine.save(Save(1, None))
    machine.loop.run(until=0.49)
    assert machine.told == []
    machine.loop.run(until=0.51)
    assert machine.told == [None]


@pytest.mark.parametrize(("survives", "kept"), [(0.1, True), (0.9, False)])
def test_a_save_that_fails_leaves_the_disk_as_before_or_as_after(survives: float, kept: bool) -> None:
    machine = Machine(survives)
    machine.disk.failing = True
    machine.save(Save(4, None))
    machine.loop.run(until=1.0)
    assert [type(error) for error in machine.told] == [StorageFailed]
    assert machine.disk.current_term == (4 if kept else 0)
    assert not machine.disk.failing


def test_closing_completes_the_save_under_way() -> None:
    machine = Machine(survives=0.9)
    machine.save(Save(4, None))
    machine.state.close()
    assert machine.disk.current_term == 4
    machine.loop.run(until=1.0)
    assert machine.told == []


def test_healing_makes_a_disk_as_good_as_new() -> None:
    machine = Machine()
    machine.disk.slowness, machine.disk.stalled_until, machine.disk.failing = 9.0, 9.0, True
    machine.disk.heal()
    machine.save(Save(1, None))
    machine.loop.run(until=0.02)
    assert machine.told == [None]


def test_whoever_watches_sees_each_save_before_it_changes_the_disk() -> None:
    machine = Machine()
    machine.save(Save(1, None))
    machine.loop.run(until=1.0)
    machine.disk.keep(Snapshot(Base(1, 1), 1, 0), b"x")
    assert machine.watch.shown == [Save(1, None), Snapshot(Base(1, 1), 1, 0)]


def test_a_save_with_a_base_begins_the_log_anew() -> None:
    machine = Machine()
    machine.disk.write(Save(1, None, 1, entries(1, 1, 1)))
    machine.disk.write(Save(2, None, 8, entries(2), Base(7, 2)))
    assert (machine.disk.last_index, machine.disk.covered) == (8, 7)
    assert [machine.disk.term_at(index) for index in (3, 6, 7, 8, 9)] == [0, 0, 2, 2, 0]
    assert machine.state.load() == Saved(2, None, Base(7, 2), entries(2))


def test_a_save_that_leaves_a_gap_after_the_base_is_a_bug() -> None:
    machine = Machine()
    machine.disk.write(Save(1, None, base=Base(7, 1)))
    for first_index in (7, 9):
        with pytest.raises(Violation, match="a log has no gaps: s1: a log from 7 to 7 cannot go on"):
            machine.disk.write(Save(1, None, first_index, entries(1)))


def test_a_trimmed_log_keeps_what_follows_the_base_and_trims_in_order_with_the_saves() -> None:
    machine = Machine()
    machine.save(Save(3, None, 1, entries(1, 2, 3)))
    machine.state.trim(Base(2, 2), machine.told.append)
    assert machine.state.trims
    machine.loop.run(until=0.015)
    assert machine.disk.base.index == 0
    machine.loop.run(until=1.0)
    assert machine.told == [None, None]
    assert machine.state.load() == Saved(3, None, Base(2, 2), entries(3))
    machine.disk.trim(Base(1, 1))
    assert machine.disk.base == Base(2, 2)
    assert not machine.state.trims


@pytest.mark.parametrize(("survives", "base"), [(0.1, 2), (0.9, 0)])
def test_a_crash_loses_a_trim_with_all_that_came_before_it_or_keeps_both(survives: float, base: int) -> None:
    machine = Machine(survives)
    machine.save(Save(3, None, 1, entries(1, 2, 3)))
    machine.state.trim(Base(2, 2), machine.told.append)
    machine.state.crash()
    assert machine.disk.base.index == base
    assert machine.disk.last_index == (3 if base else 0)


def test_what_was_lost_and_is_repaired_is_told() -> None:
    machine = Machine()
    machine.disk.write(Save(1, None))
    machine.disk.incarnation, machine.disk.repairing = 1, True
    assert machine.state.load() == Saved(1, None, incarnation=1, repairing=True)
    machine.state.repaired()
    assert machine.state.load() == Saved(1, None, incarnation=1)
