"""Opening a write-ahead log: making a new one, reading one, and mending what a crash left.

First everything is read and judged; only if nothing is damaged is anything changed. What was read is then made
durable: after a process was killed, or a sync failed, the last record may be in the memory of the system only, and
would be gone after a power cut. It is written again, since after a sync that failed the system takes it for written.
"""

from functools import partial
from pathlib import Path

from tfraft.adapters.state.files import as_data_error, replace_file
from tfraft.adapters.state.metadata import Metadata, decode
from tfraft.adapters.state.replay import Replay
from tfraft.adapters.state.segment import FIRST_RECORD, HEADER_BYTES, CorruptLog, Segment, end_of_data
from tfraft.adapters.state.segments_on_disk import (
    METADATA_NAME,
    LogFiles,
    leftovers,
    opened,
    prepare_segment,
    segment_name,
    segment_numbers,
    torn_path,
)
from tfraft.adapters.state.wal_reader import LogEnd, LogReader, Torn
from tfraft.adapters.state.wal_writer import LogWriter, segment_size
from tfraft.core.effects import Saved
from tfraft.record import record


@record
class OpenLog:
    """A log that was read and mended: what it says, and the way to go on with it."""

    saved: Saved | None
    """None where nothing was ever saved."""
    writer: LogWriter
    remark: str
    """What was mended, for a person; empty where nothing was."""


def read_metadata(files: LogFiles, directory: Path) -> Metadata | None:
    """What the directory says of itself; None where it has no log. Raises `DataError` as `metadata.decode` does."""
    path = directory / METADATA_NAME
    with as_data_error(path, "read"):
        text = files.read(path)
    return None if text is None else decode(text, str(path))


def create_log(files: LogFiles, directory: Path, metadata: Metadata, largest_segment: int) -> None:
    """Make an empty log, durably. A crash on the way leaves no metadata, and an empty segment at most.

    Raises CorruptLog where there is a segment that holds something."""
    segment = Segment(metadata.mark, metadata.first_segment, segment_size(metadata.first_segment, largest_segment))
    with as_data_error(directory, "written"):
        numbers = segment_numbers(files, directory)
        for number in numbers:
            _refuse_used(files, directory / segment_name(number))
        for number in numbers:
            files.remove(directory / segment_name(number))
        # The segment comes first: metadata that are there prove that a segment which is missing was there.
        prepare_segment(files, directory, segment)
        replace_file(files, directory / METADATA_NAME, metadata.encode())


def _refuse_used(files: LogFiles, path: Path) -> None:
    with opened(files, path) as file:
        if end_of_data(partial(files.read_at, file), FIRST_RECORD, files.size(file)) > FIRST_RECORD:
            raise CorruptLog(str(path), FIRST_RECORD, 1, f"it is in use, and {METADATA_NAME} is missing")


def open_log(files: LogFiles, directory: Path, metadata: Metadata, largest_segment: int) -> OpenLog:
    """Read the log and make durable what it says. Raises `DataError`; where it is damaged, nothing was changed."""
    reader = LogReader(files, directory, metadata)
    replay = Replay(metadata.base)
    for logged in reader.saves():
        replay.apply(logged.save)
    end = reader.end
    with as_data_error(directory, "written"):
        remark = "" if reader.torn is None else _cut(files, directory, reader.torn)
        if reader.torn is None and end.last_size:
            _write_again(files, directory, end)
        _tidy(files, directory, metadata)
        writer = LogWriter(files, directory, metadata, end, reader.ends, largest_segment)
    has_run = end.last_size or metadata.base.index
    return OpenLog(replay.saved() if has_run else None, writer, remark)


def _cut(files: LogFiles, directory: Path, torn: Torn) -> str:
    """Keep the torn record aside, then put zeros in its place; what was done, for a person.

    The header goes last: until it does, what is left looks torn, whenever a crash comes."""
    path = directory / segment_name(torn.segment.number)
    kept = torn_path(files, directory, torn.segment, torn.offset)
    with opened(files, path) as file:
        replace_file(files, kept, files.read_at(file, torn.offset, torn.end - torn.offset))
        body = torn.offset + HEADER_BYTES
        if torn.end > body:
            files.write_at(file, body, bytes(torn.end - body))
            files.sync_data(file)
        files.write_at(file, torn.offset, bytes(HEADER_BYTES))
        files.sync_data(file)
    return (
        f"{path}: the save at byte {torn.offset} was not whole, as a crash leaves one that nobody was told of: "
        f"it was cut, and is kept in {kept.name}"
    )


def _write_again(files: LogFiles, directory: Path, end: LogEnd) -> None:
    with opened(files, directory / segment_name(end.segment.number)) as file:
        start = end.offset - end.last_size
        files.write_at(file, start, files.read_at(file, start, end.last_size))
        files.sync_data(file)


def _tidy(files: LogFiles, directory: Path, metadata: Metadata) -> None:
    """Remove what a crash left half done: new files, trimmed segments, and one that the metadata did not hear of."""
    for number in segment_numbers(files, directory):
        if not metadata.first_segment <= number <= metadata.last_segment:
            files.remove(directory / segment_name(number))
    for path in leftovers(files, directory):
        files.remove(path)
    files.sync_directory(directory)
