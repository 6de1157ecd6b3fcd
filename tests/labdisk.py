"""The disks of the laboratory, as plain values: term, vote and log, the latest snapshot, and what is being written."""

import json
import zlib
from dataclasses import dataclass, field, replace

from tfraft.core.base import Base, Snapshot
from tfraft.core.effects import Envelope, Piece, Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.raft import Raft
from tfraft.record import record


@record
class File:
    """A snapshot with its bytes."""

    snapshot: Snapshot
    data: bytes


@dataclass(slots=True)
class Machine:
    """One server with its disk."""

    disk: Saved
    raft: Raft | None
    latest: File | None = None
    """The latest snapshot on the disk."""
    writing: Save | None = None
    held: list[Envelope] = field(default_factory=list)
    """Replies that promise what is being written."""
    trim: Base | None = None
    """The base that the log on disk gets once the save under way is done."""
    slow_disk: bool = False
    """Saves wait until the test says `save`, pieces of a snapshot until it says `write_pieces`."""
    taking: File | None = None
    """A snapshot of our own that is not on disk yet."""
    pieces: list[Piece] = field(default_factory=list)
    """Pieces of a leader's snapshot that are still to be written."""
    received: bytes = b""
    """What is written of it."""
    applied: list[Entry] = field(default_factory=list)
    """The state machine: all that was ever applied, from index 1 on, whether here or before a snapshot was taken."""


def saved_on(disk: Saved, save: Save) -> Saved:
    """The disk after `save`, by the words of its docstring."""
    base = disk.base if save.base is None else save.base
    rows = list(disk.entries) if save.base is None else []
    if save.first_index:
        kept = save.first_index - base.index - 1
        assert 0 <= kept <= len(rows), f"a hole in the log on disk: {save} after {disk}"
        rows = rows[:kept] + list(save.entries)
    entries = Entries.from_rows(rows)
    return replace(disk, current_term=save.current_term, voted_for=save.voted_for, base=base, entries=entries)


def trimmed(disk: Saved, base: Base) -> Saved:
    """The disk whose log begins after `base`."""
    if base.index <= disk.base.index:
        return disk
    return replace(disk, base=base, entries=disk.entries.skip(base.index - disk.base.index))


def file_of(base: Base, applied: list[Entry]) -> File:
    """The snapshot of a state machine that has applied this."""
    rows = [[entry.term, entry.kind, entry.data.decode("latin-1")] for entry in applied]
    data = json.dumps(rows).encode()
    return File(Snapshot(base, len(data), zlib.crc32(data)), data)


def applied_in(file: File) -> list[Entry]:
    """The state machine that `file` holds."""
    return [Entry(term, EntryKind(kind), data.encode("latin-1")) for term, kind, data in json.loads(file.data)]


def last_index(disk: Saved) -> int:
    """The index of the last entry on a disk, or of its base."""
    return disk.base.index + len(disk.entries)


def holds(machine: Machine, index: int, entry: Entry) -> bool:
    """Whether the disk of a server has `entry` at `index`, by itself or in a snapshot."""
    snapshot_index = machine.latest.snapshot.base.index if machine.latest else 0
    if index <= max(machine.disk.base.index, snapshot_index):
        return True
    return index <= last_index(machine.disk) and machine.disk.entries[index - machine.disk.base.index - 1] == entry
