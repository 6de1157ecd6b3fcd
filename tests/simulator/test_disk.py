"""The simulated disk: what it promises, and what a crash takes away."""

import pytest

from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import StorageFailed, TfRaftError
from tfraft.simulator.disk import SimulatedState, VirtualDisk
from tfraft.simulator.loop import VirtualLoop


class Machine:
    """A disk with one life of a node on it, and what the node has been told."""

    def __init__(self, survives: float = 0.0) -> None:
        self.loop = VirtualLoop()
        self.writes: list[Save] = []
        self.disk = VirtualDisk("s1", lambda disk, save: self.writes.append(save))
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
    machine.save(Save(2, "s3", 1, entries(1, 2), Configuration.of(["s1"])))
    assert machine.told == []
    assert machine.disk.last_index == 0
    machine.loop.run(until=1.0)
    assert machine.told == [None]
    assert machine.state.load() == Saved(2, "s3", Configuration.of(["s1"]), entries(1, 2))


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
    assert machine.writes == [Save(1, None)]
