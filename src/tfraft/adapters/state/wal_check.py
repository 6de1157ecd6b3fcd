"""Looking at a write-ahead log while no server uses it: whether it is whole, and what it says. Nothing is changed.

The log is read window by window: of a log of any size, no more is in memory than one save."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path

from tfraft.adapters.state.files import as_data_error
from tfraft.adapters.state.lock import DirectoryLock
from tfraft.adapters.state.metadata import Metadata
from tfraft.adapters.state.segment import CorruptLog, Segment
from tfraft.adapters.state.segments_on_disk import METADATA_NAME, LogFiles
from tfraft.adapters.state.snapshots_on_disk import checked, snapshots_in
from tfraft.adapters.state.wal_reader import LoggedSave, LogReader, Torn
from tfraft.adapters.state.wal_recovery import read_metadata
from tfraft.adapters.state.wal_repair import RepairNote, read_note
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import ServerId
from tfraft.core.entry import EntryKind
from tfraft.errors import CorruptSnapshot, DataError
from tfraft.record import record


@record
class LogReport:
    """What `verify` found. Where there is damage, all else is about what comes before it."""

    metadata: Metadata
    segments: tuple[Segment, ...]
    saves: int
    current_term: int
    voted_for: ServerId | None
    base: Base
    last_index: int
    torn: Torn | None
    """The end that a crash left: this is normal, nobody was told that it was saved, and the next start will cut it."""
    damage: CorruptLog | None
    """The first damage, by segment, offset and index."""
    snapshot: Snapshot | None
    snapshot_damage: CorruptSnapshot | None
    repair_note: RepairNote | None
    """What is known of logs that were set aside; None where none ever was."""

    @property
    def entries(self) -> int:
        """How many entries the log has."""
        return self.last_index - self.base.index

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong, each in a sentence for a person; empty where a server can start from all this."""
        found = [str(damage) for damage in (self.damage, self.snapshot_damage) if damage is not None]
        snapshot_index = 0 if self.snapshot is None else self.snapshot.base.index
        if self.snapshot_damage is None and snapshot_index < self.base.index:
            has = f"the snapshot is of index {snapshot_index}" if self.snapshot else "there is no snapshot"
            found.append(f"the log begins after entry {self.base.index}, and {has}: what is between is missing")
        return tuple(found)


@record
class LoggedEntry:
    """An entry of the log, and the record that it is in."""

    segment: int
    offset: int
    index: int
    term: int
    kind: EntryKind
    data: bytes


def verify(directory: Path) -> LogReport:
    """Read the whole log and the latest snapshot, and report. Raises `DataError` where there is no log, where a server
    uses it (`DataLocked`), or where it cannot be read at all."""
    files = LogFiles()
    with _reading(files, directory) as metadata:
        reader = LogReader(files, directory, metadata)
        saves, current_term, voted_for, damage = 0, 0, None, None
        try:
            for logged in reader.saves():
                saves += 1
                current_term, voted_for = logged.save.current_term, logged.save.voted_for
        except CorruptLog as error:
            damage = error
        snapshot, snapshot_damage = None, None
        try:
            snapshot = latest_snapshot(files, directory)
        except CorruptSnapshot as error:
            snapshot_damage = error
        return LogReport(
            metadata,
            tuple(reader.segments),
            saves,
            current_term,
            voted_for,
            reader.base,
            reader.last_index,
            reader.torn,
            damage,
            snapshot,
            snapshot_damage,
            read_note(files, directory),
        )


def latest_snapshot(files: LogFiles, directory: Path) -> Snapshot | None:
    """The latest snapshot beside a log, every byte of it checked. Raises `CorruptSnapshot`."""
    with as_data_error(directory, "read"):
        found = snapshots_in(files, directory, "")
        return checked(files, found[max(found)], max(found)).snapshot if found else None


def read_saves(directory: Path) -> Generator[LoggedSave, None, None]:
    """All saves of the log, in order, one at a time. Raises `CorruptLog` where it is damaged, after all before that.

    No server can use the log until the iterator is done or closed."""
    files = LogFiles()
    with _reading(files, directory) as metadata:
        yield from LogReader(files, directory, metadata).saves()


def read_log(directory: Path) -> Generator[LoggedEntry, None, None]:
    """The entries that the log has, in order of index; those that were cut or replaced later are left out.

    Raises `CorruptLog` where it is damaged, after all that comes before that. It is read twice: first it is seen which
    saves cut the log. No server can use the log until the iterator is done or closed."""
    files = LogFiles()
    with _reading(files, directory) as metadata:
        base, cuts = _cuts(LogReader(files, directory, metadata))
        cuts.reverse()
        for number, logged in enumerate(LogReader(files, directory, metadata).saves()):
            while cuts and cuts[-1][0] <= number:
                cuts.pop()
            for index, entry in enumerate(logged.save.entries, logged.save.first_index):
                if index > base.index and (not cuts or index < cuts[-1][1]):
                    yield LoggedEntry(logged.segment, logged.offset, index, entry.term, entry.kind, entry.data)


def _cuts(reader: LogReader) -> tuple[Base, list[tuple[int, int]]]:
    """The base, and which saves cut the log: each by its number, with the lowest index that it or a later one cuts."""
    cuts: list[tuple[int, int]] = []
    last_index = reader.last_index
    try:
        for number, logged in enumerate(reader.saves()):
            save = logged.save
            if save.base is not None or 0 < save.first_index <= last_index:
                cuts.append((number, 0 if save.base is not None else save.first_index))
            last_index = reader.last_index
    except CorruptLog:
        pass  # It is raised again once all before it was shown.
    lowest = accumulate(reversed(cuts), lambda later, cut: (cut[0], min(cut[1], later[1])))
    return reader.base, [*lowest][::-1]


@contextmanager
def _reading(files: LogFiles, directory: Path) -> Iterator[Metadata]:
    """The metadata of a log that nobody else uses meanwhile."""
    # Looked for first: the lock would make a file in a directory that is somebody else's.
    metadata = read_metadata(files, directory)
    if metadata is None:
        raise DataError(f"{directory} has no {METADATA_NAME}: it is not the directory of a write-ahead log")
    lock = DirectoryLock(directory)
    try:
        yield metadata
    finally:
        lock.release()
