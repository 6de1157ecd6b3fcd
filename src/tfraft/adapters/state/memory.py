"""State and snapshot in memory: as fast as a state can be kept, and gone when the process ends.

A `MemoryDisk` outlives the node that writes to it, so that a node of a running process can be stopped or killed and
started again with the state that it had.
"""

from collections.abc import Iterator

from crc32c import crc32c

from tfraft.adapters.state.replay import Replay
from tfraft.adapters.state.snapshot_file import unlike
from tfraft.core.base import Base, Snapshot
from tfraft.core.effects import Save, Saved
from tfraft.errors import CorruptSnapshot, StorageFailed
from tfraft.ports import PIECE_BYTES, OnRead, OnSaved, OnSnapshot


class MemoryDisk:
    """The disk of one server, in memory: what was saved last, the latest snapshot, and who may write."""

    def __init__(self) -> None:
        self.owner: MemoryStateManager | None = None
        self.snapshot: Snapshot | None = None
        self.snapshot_data = b""
        self.snapshot_owner: MemorySnapshotStore | None = None
        self._state = Replay()

    def read(self) -> Saved | None:
        """A copy of what was saved; None where nothing ever was."""
        saved = self._state.saved()
        return None if saved == Saved() else saved

    def write(self, save: Save) -> None:
        """Take `save` over, as `Save` says. Linear in the entries that come and go."""
        base = save.base or self._state.base
        assert not 0 < save.first_index <= base.index, f"the log begins after {base.index}, then {save.first_index}"
        self._state.apply(save)

    def trim(self, base: Base) -> None:
        """Let the log begin after `base`, as the port says. Linear in the entries that stay."""
        self._state.trim(base)


class MemoryStateManager:
    """A StateManager in memory. `disk` is for whoever wants the state back after this manager is gone.

    Loading takes the disk over: a manager of an earlier run, of a node that was killed, can save no more."""

    def __init__(self, disk: MemoryDisk | None = None) -> None:
        self._disk = MemoryDisk() if disk is None else disk

    def load(self) -> Saved | None:
        """What was saved last; None where nothing ever was."""
        self._disk.owner = self
        return self._disk.read()

    def save(self, save: Save, on_saved: OnSaved) -> None:
        """Keep `save` and call `on_saved` before this returns."""
        if self._may_write(on_saved):
            self._disk.write(save)
            on_saved(None)

    def trim(self, base: Base, on_trimmed: OnSaved) -> None:
        """Forget the entries up to `base` and call `on_trimmed` before this returns."""
        if self._may_write(on_trimmed):
            self._disk.trim(base)
            on_trimmed(None)

    def repaired(self) -> None:
        """Never called: memory loses nothing."""

    def close(self) -> None:
        """Afterwards nothing is saved any more; the disk keeps what it has."""
        if self._disk.owner is self:
            self._disk.owner = None

    def _may_write(self, on_done: OnSaved) -> bool:
        if self._disk.owner is self:
            return True
        on_done(StorageFailed("the state in memory is closed, or belongs to a later run of this server"))
        return False


class MemorySnapshotStore:
    """A SnapshotStore in memory, on the disk of the state manager beside it. Loading takes the disk over."""

    def __init__(self, disk: MemoryDisk | None = None) -> None:
        self._disk = MemoryDisk() if disk is None else disk

    def load(self) -> Snapshot | None:
        """The latest snapshot; None where there is none."""
        self._disk.snapshot_owner = self
        return self._disk.snapshot

    def create(self, base: Base) -> "MemorySnapshotWriter":
        """Begin a snapshot of the state at `base`."""
        return MemorySnapshotWriter(self, base)

    def read(self, snapshot: Snapshot, offset: int, size_bytes: int, on_read: OnRead) -> None:
        """Call `on_read` before this returns."""
        is_latest = self.may_write and snapshot == self._disk.snapshot
        on_read(self._disk.snapshot_data[offset : offset + max(0, size_bytes)] if is_latest else None)

    def pieces(self, snapshot: Snapshot) -> Iterator[bytes]:
        """All bytes of `snapshot`, which is the latest."""
        if snapshot != self._disk.snapshot:
            raise CorruptSnapshot(f"there is no snapshot any more of index {snapshot.base.index} in memory")
        data = self._disk.snapshot_data
        return (data[start : start + PIECE_BYTES] for start in range(0, len(data), PIECE_BYTES))

    def close(self) -> None:
        """Afterwards no snapshot is made any more; the disk keeps the one that it has."""
        if self.may_write:
            self._disk.snapshot_owner = None

    # --- For the writer ---

    @property
    def may_write(self) -> bool:
        """Whether the disk is ours."""
        return self._disk.snapshot_owner is self

    def install(self, snapshot: Snapshot, data: bytes) -> Snapshot:
        """Make this the latest snapshot unless a later one is there; the one that is the latest then."""
        latest = self._disk.snapshot
        if latest is not None and latest.base.index > snapshot.base.index:
            return latest
        self._disk.snapshot, self._disk.snapshot_data = snapshot, data
        return snapshot


class MemorySnapshotWriter:
    """A SnapshotWriter in memory; every callback comes before the call returns."""

    def __init__(self, store: MemorySnapshotStore, base: Base) -> None:
        self._store = store
        self._base = base
        self._pieces: list[bytes] | None = []

    def write(self, data: bytes, on_written: OnSaved) -> None:
        """Keep `data`."""
        if self._pieces is None or not self._store.may_write:
            on_written(self._refusal())
            return
        self._pieces.append(data)
        on_written(None)

    def finish(self, expected: Snapshot | None, on_finished: OnSnapshot) -> None:
        """Make it the latest snapshot."""
        pieces, self._pieces = self._pieces, None
        if pieces is None or not self._store.may_write:
            on_finished(self._refusal())
            return
        data = b"".join(pieces)
        snapshot = Snapshot(self._base, len(data), crc32c(data))
        if expected is not None and (expected.size_bytes, expected.checksum) != (len(data), snapshot.checksum):
            on_finished(unlike(snapshot, expected))
        else:
            on_finished(self._store.install(snapshot, data))

    def abort(self) -> None:
        """Forget what was written."""
        self._pieces = None

    def _refusal(self) -> StorageFailed:
        return StorageFailed(f"the snapshot of index {self._base.index} in memory was given up, or is finished")
