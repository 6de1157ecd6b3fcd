"""The simulated snapshot store: what it promises, and what a crash takes away."""

from zlib import crc32

import pytest

from tests.simulator.test_disk import Watch
from tfraft.core.base import Base, Snapshot
from tfraft.errors import CorruptSnapshot, StorageFailed, TfRaftError
from tfraft.simulator.disk import VirtualDisk
from tfraft.simulator.loop import VirtualLoop
from tfraft.simulator.snapshots import PIECE_BYTES, SimulatedSnapshots, SimulatedWriter
from tfraft.simulator.violation import Violation

DATA = bytes(range(256))
BASE = Base(7, 2)
WHOLE = Snapshot(BASE, len(DATA), crc32(DATA))


class Machine:
    """A disk with one life of a node on it, and what the node has been told."""

    def __init__(self, survives: float = 0.0) -> None:
        self.loop = VirtualLoop()
        self.disk = VirtualDisk("s1", Watch())
        self.told: list[object] = []
        self.kinds: list[str] = []
        self.damaged = False
        self.store = SimulatedSnapshots(
            self.disk, self.loop, self.run, lambda: 0.01, lambda: survives, lambda: self.damaged
        )

    def run(self, kind: str, callback: object, *args: object) -> None:
        self.kinds.append(kind)
        assert callable(callback)
        callback(*args)

    def written(self, base: Base = BASE) -> SimulatedWriter:
        """A writer that has taken all of `DATA`."""
        writer = self.store.create(base)
        for first in range(0, len(DATA), 100):
            writer.write(DATA[first : first + 100], self.told.append)
            self.loop.run(until=self.loop.now + 1.0)
        assert self.told == [None, None, None]
        self.told.clear()
        return writer

    def finished(self, base: Base = BASE, expected: Snapshot | None = None) -> object:
        """What comes of finishing a snapshot of `DATA`."""
        self.written(base).finish(expected, self.told.append)
        self.loop.run(until=self.loop.now + 1.0)
        return self.told.pop()


def test_nobody_sees_a_snapshot_before_it_is_finished() -> None:
    machine = Machine()
    assert machine.store.load() is None
    machine.written().finish(None, machine.told.append)
    assert machine.store.load() is None
    machine.loop.run(until=machine.loop.now + 1.0)
    assert machine.told == [WHOLE]
    assert machine.store.load() == WHOLE
    assert machine.kinds[-1] == "snapshot finished"


def test_the_bytes_come_back_in_pieces_and_where_they_are_asked_for() -> None:
    machine = Machine()
    machine.finished()
    pieces = list(machine.store.pieces(WHOLE))
    assert b"".join(pieces) == DATA
    assert len(pieces[0]) == PIECE_BYTES
    machine.store.read(WHOLE, 10, 5, machine.told.append)
    machine.store.read(Snapshot(Base(8, 2), 1, 1), 10, 5, machine.told.append)
    machine.loop.run(until=machine.loop.now + 1.0)
    assert machine.told == [DATA[10:15], None]


def test_to_restore_another_than_the_latest_is_a_violation() -> None:
    with pytest.raises(Violation, match="only the latest snapshot is read"):
        Machine().store.pieces(WHOLE)


def test_what_is_damaged_on_its_way_is_refused_and_what_is_another_is_a_violation() -> None:
    machine = Machine()
    machine.damaged = True
    assert isinstance(machine.finished(expected=WHOLE), CorruptSnapshot)
    assert machine.store.load() is None
    assert machine.kinds[-1] == "snapshot failed"
    machine.damaged = False
    with pytest.raises(Violation, match="a snapshot comes as it was sent"):
        machine.finished(expected=Snapshot(BASE, len(DATA), 1))
    assert machine.finished(expected=WHOLE) == WHOLE
    assert machine.kinds[-1] == "snapshot received"


def test_an_older_snapshot_does_not_take_the_place_of_a_later_one() -> None:
    machine = Machine()
    machine.finished()
    assert machine.finished(base=Base(6, 2)) == WHOLE
    assert machine.store.load() == WHOLE


@pytest.mark.parametrize(("survives", "kept"), [(0.1, True), (0.9, False)])
def test_a_crash_leaves_a_snapshot_that_is_being_finished_whole_or_not_at_all(survives: float, kept: bool) -> None:
    machine = Machine(survives)
    machine.written().finish(None, machine.told.append)
    machine.store.crash()
    machine.loop.run(until=machine.loop.now + 1.0)
    assert machine.told == []
    assert (machine.store.load() == WHOLE) is kept


def test_a_crash_loses_what_is_being_written() -> None:
    machine = Machine(survives=0.1)
    writer = machine.written()
    machine.store.crash()
    writer.write(b"more", machine.told.append)
    machine.loop.run(until=machine.loop.now + 1.0)
    assert machine.told == []
    assert machine.store.load() is None


def test_closing_finishes_what_is_being_finished() -> None:
    machine = Machine()
    machine.written().finish(None, machine.told.append)
    machine.store.close()
    assert machine.store.load() == WHOLE


def test_the_disk_may_be_slow_stalled_and_failing() -> None:
    machine = Machine()
    writer = machine.written()
    machine.disk.slowness, now = 50.0, machine.loop.now
    writer.write(b"", machine.told.append)
    machine.loop.run(until=now + 0.49)
    assert machine.told == []
    machine.loop.run(until=now + 0.51)
    machine.disk.heal()
    machine.disk.stalled_until = now + 3.0
    writer.write(b"", machine.told.append)
    machine.loop.run(until=now + 2.9)
    assert machine.told == [None]
    machine.loop.run(until=now + 3.0)
    assert machine.told == [None, None]
    machine.disk.failing = True
    writer.finish(None, machine.told.append)
    machine.loop.run(until=now + 4.0)
    assert isinstance(machine.told[-1], StorageFailed)
    assert isinstance(machine.told[-1], TfRaftError)
    assert machine.store.load() is None


def test_an_error_that_comes_after_the_end_of_a_writer_is_nobodys() -> None:
    machine = Machine()
    writer = machine.written()
    writer.write(b"", machine.told.append)
    writer.abort()
    machine.disk.failing = True
    machine.loop.run(until=machine.loop.now + 1.0)
    assert machine.told == [None]
    assert machine.disk.failing
