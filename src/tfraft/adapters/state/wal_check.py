"""Looking at a write-ahead log while no server uses it: whether it is whole, and what it says. Nothing is changed."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from tfraft.adapters.state.lock import DirectoryLock
from tfraft.adapters.state.metadata import Metadata
from tfraft.adapters.state.segment import CorruptLog, Segment
from tfraft.adapters.state.segments_on_disk import METADATA_NAME, LogFiles
from tfraft.adapters.state.wal_reader import LoggedSave, LogReader, Torn
from tfraft.adapters.state.wal_recovery import read_metadata
from tfraft.core.messages import ServerId
from tfraft.errors import DataError
from tfraft.record import record


@record
class LogReport:
    """What `verify` found. Where there is damage, all else is about what comes before it."""

    metadata: Metadata
    segments: tuple[Segment, ...]
    saves: int
    current_term: int
    voted_for: ServerId | None
    last_index: int
    torn: Torn | None
    """The end that a crash left; the next start will cut it."""
    damage: CorruptLog | None


def verify(directory: Path) -> LogReport:
    """Read the whole log and report. Raises `DataError` where there is none, or where it cannot be read at all."""
    with _reading(directory) as (metadata, reader):
        saves, current_term, voted_for, damage = 0, 0, None, None
        try:
            for logged in reader.saves():
                saves += 1
                current_term, voted_for = logged.save.current_term, logged.save.voted_for
        except CorruptLog as error:
            damage = error
        segments = tuple(reader.segments)
        return LogReport(metadata, segments, saves, current_term, voted_for, reader.last_index, reader.torn, damage)


def read_log(directory: Path) -> Generator[LoggedSave, None, None]:
    """All saves of the log, in order, one at a time. Raises `CorruptLog` where it is damaged, after all before that.

    No server can use the log until the iterator is done or closed."""
    with _reading(directory) as (_, reader):
        yield from reader.saves()


@contextmanager
def _reading(directory: Path) -> Iterator[tuple[Metadata, LogReader]]:
    """The log, which nobody else uses meanwhile."""
    files = LogFiles()
    # Looked for first: the lock would make a file in a directory that is somebody else's.
    metadata = read_metadata(files, directory)
    if metadata is None:
        raise DataError(f"{directory} has no {METADATA_NAME}: it is not the directory of a write-ahead log")
    lock = DirectoryLock(directory)
    try:
        yield metadata, LogReader(files, directory, metadata)
    finally:
        lock.release()
