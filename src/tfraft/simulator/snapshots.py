"""The simulated snapshot store of one server: pieces take time, and a crash leaves what was finished, or nothing."""

from collections.abc import Callable, Iterator
from typing import Final
from zlib import crc32

from tfraft.core.base import Base, Snapshot
from tfraft.errors import CorruptSnapshot, StorageFailed, TfRaftError
from tfraft.ports import OnRead, OnSaved, OnSnapshot
from tfraft.simulator.chance import Draw
from tfraft.simulator.clock import Run
from tfraft.simulator.disk import KEPT_IN_A_CRASH, VirtualDisk
from tfraft.simulator.loop import VirtualLoop
from tfraft.simulator.violation import Violation

PIECE_BYTES: Final = 97
"""A snapshot is restored from pieces that are cut anywhere."""


class SimulatedSnapshots:
    """The SnapshotStore of one life of a node."""

    def __init__(
        self,
        disk: VirtualDisk,
        loop: VirtualLoop,
        run: Run,
        piece_time_s: Callable[[], float],
        survives: Draw,
        is_damaged: Callable[[], bool],
    ) -> None:
        self.disk = disk
        self.is_damaged = is_damaged
        """Whether what came from a leader is damaged by the time it is whole."""
        self._loop = loop
        self._run = run
        self._piece_time_s = piece_time_s
        self._survives = survives
        self._finishing: list[SimulatedWriter] = []
        self._dead = False

    def load(self) -> Snapshot | None:
        """The latest snapshot."""
        return self.disk.snapshot

    def create(self, base: Base) -> "SimulatedWriter":
        """Begin a snapshot."""
        return SimulatedWriter(self, base)

    def read(self, snapshot: Snapshot, offset: int, size_bytes: int, on_read: OnRead) -> None:
        """Give the bytes after a while, if `snapshot` is then the latest."""

        def read() -> None:
            data = self.disk.snapshot_data[offset : offset + size_bytes] if self.disk.snapshot == snapshot else None
            self._run("piece read", on_read, data)

        self.later(read)

    def pieces(self, snapshot: Snapshot) -> Iterator[bytes]:
        """All bytes of the latest snapshot."""
        if snapshot != self.disk.snapshot:
            raise Violation(
                "only the latest snapshot is read", f"{self.disk.server_id} wants {snapshot}, has {self.disk.snapshot}"
            )
        data = self.disk.snapshot_data
        return (data[first : first + PIECE_BYTES] for first in range(0, len(data), PIECE_BYTES))

    def crash(self) -> None:
        """What was about to be finished is on disk, or it is not; the rest is lost."""
        self._dead = True
        for writer in self._finishing:
            if self._survives() < KEPT_IN_A_CRASH:
                writer.keep()

    def close(self) -> None:
        """Finish what was about to be finished; afterwards nothing changes the disk."""
        self._dead = True
        for writer in self._finishing:
            writer.keep()

    # --- For the writers ---

    def later(self, work: Callable[[], None]) -> None:
        """Do `work` when the device gets to it, unless the node is gone by then."""

        def do() -> None:
            if self._dead:
                return
            if self._loop.now < self.disk.stalled_until:
                self._loop.call_at(self.disk.stalled_until, do)
            else:
                work()

        self._loop.call_later(self._piece_time_s() * self.disk.slowness, do)

    def failure(self) -> TfRaftError | None:
        """The error that the device has now, if it has one; then it is over."""
        if not self.disk.failing:
            return None
        self.disk.failing = False
        return StorageFailed("the simulated disk failed")

    def finishes(self, writer: "SimulatedWriter") -> None:
        """A crash from now on may leave the snapshot of `writer` whole."""
        self._finishing.append(writer)

    def tell(self, writer: "SimulatedWriter", kind: str, callback: Callable[..., None], outcome: object) -> None:
        """Tell the node how something has ended."""
        if writer in self._finishing:
            self._finishing.remove(writer)
        self._run(kind, callback, outcome)


class SimulatedWriter:
    """A snapshot on its way to disk."""

    def __init__(self, store: SimulatedSnapshots, base: Base) -> None:
        self._store = store
        self._base = base
        self._data = b""
        self._expected: Snapshot | None = None
        self._aborted = False

    def write(self, data: bytes, on_written: OnSaved) -> None:
        """Put `data` after what was written before, after a while."""

        def written() -> None:
            error = None if self._aborted else self._store.failure()
            self._data += data
            self._store.tell(self, "piece written", on_written, error)

        self._store.later(written)

    def finish(self, expected: Snapshot | None, on_finished: OnSnapshot) -> None:
        """Make it the latest snapshot after a while, if it is what was expected."""

        def finished() -> None:
            outcome = (None if self._aborted else self._store.failure()) or self.keep()
            kind = "snapshot finished" if expected is None else "snapshot received"
            self._store.tell(self, kind if isinstance(outcome, Snapshot) else "snapshot failed", on_finished, outcome)

        self._expected = expected
        self._store.finishes(self)
        self._store.later(finished)

    def abort(self) -> None:
        """Forget what was written; what is about to be finished will be."""
        self._aborted = True

    def keep(self) -> Snapshot | TfRaftError:
        """The latest snapshot afterwards: this one, unless it is damaged or a later one is there."""
        disk, made = self._store.disk, Snapshot(self._base, len(self._data), crc32(self._data))
        if self._expected is not None and self._store.is_damaged():
            return CorruptSnapshot("the simulated snapshot is damaged")
        if self._expected is not None and made != self._expected:
            raise Violation(
                "a snapshot comes as it was sent", f"{disk.server_id} was sent {self._expected} and has {made}"
            )
        if disk.snapshot is not None and disk.snapshot.base.index > self._base.index:
            return disk.snapshot
        disk.keep(made, self._data)
        return made
