"""A log in two segments and a spare one, and what damage makes of its files; for the tests of damage."""

from collections.abc import Iterable
from pathlib import Path

from tests.adapters.state.oracle import as_told
from tests.adapters.state.runs import entries
from tests.adapters.state.wal_disks import DIRECTORY, MARK, VirtualLogFiles, found_in, opened_log
from tfraft.adapters.state.segment import CorruptLog
from tfraft.adapters.state.segments_on_disk import METADATA_NAME, segment_name
from tfraft.adapters.state.wal_reader import LogReader
from tfraft.adapters.state.wal_recovery import read_metadata
from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.errors import DataError
from tfraft.record import record

SEGMENT_BYTES = 2048
SAVES = [
    Save(0, None, base=Base(0, 0, Configuration.of(["n1", "n2"]))),
    Save(1, "n1"),
    Save(1, "n1", 1, entries(1, b"first", b"x" * 40)),
    Save(1, "n1", 3, entries(1, b"y" * 100, b"", b"yy")),
    Save(2, None, 4, entries(2, bytes(1100), b"zz")),
    Save(2, "n2", 6, entries(2, b"small")),
    Save(2, "n2"),
    # Over several sectors, of which some are zeros by themselves.
    Save(3, "n2", 7, entries(3, b"last" * 100, bytes(1100), b"end")),
]


def told(saves: Iterable[Save]) -> Saved:
    state = Saved()
    for save in saves:
        state = as_told(state, save)
    return state


TRUTH = told(SAVES)
WITHOUT_LAST = told(SAVES[:-1])


def files_of(saves: Iterable[Save], mark: bytes = MARK) -> dict[Path, bytes]:
    """The files of a log of these saves, all of it synced."""
    disk = VirtualLogFiles()
    writer = opened_log(disk, SEGMENT_BYTES, mark).writer
    for save in saves:
        writer.append(save)
        writer.prepare()
    writer.close()
    return disk.contents()


@record
class Place:
    """Where a record is, and which entry is due there."""

    path: Path
    start: int
    end: int
    index: int


def places_of(files: dict[Path, bytes]) -> list[Place]:
    disk = VirtualLogFiles(files)
    metadata = read_metadata(disk, DIRECTORY)
    assert metadata is not None
    reader = LogReader(disk, DIRECTORY, metadata)
    places, index = [], 1
    for logged in reader.saves():
        path = DIRECTORY / segment_name(logged.segment)
        places.append(Place(path, logged.offset, logged.offset + logged.size, index))
        index = reader.last_index + 1
    return places


FILES = files_of(SAVES)
PLACES = places_of(FILES)
LAST = PLACES[-1]
BEFORE_LAST = PLACES[-2]
METADATA = DIRECTORY / METADATA_NAME
FIRST, SECOND, SPARE = (DIRECTORY / segment_name(number) for number in (1, 2, 3))
IN_FIRST = [place for place in PLACES if place.path == FIRST]
IN_SECOND = [place for place in PLACES if place.path == SECOND]


def with_bytes(path: Path, offset: int, data: bytes, files: dict[Path, bytes] = FILES) -> dict[Path, bytes]:
    """The files with these bytes in this place."""
    text = files[path]
    return {**files, path: text[:offset] + data + text[offset + len(data) :]}


def flipped(path: Path, offset: int, mask: int) -> dict[Path, bytes]:
    return with_bytes(path, offset, bytes([FILES[path][offset] ^ mask]))


def with_zeros(path: Path, start: int, end: int) -> dict[Path, bytes]:
    return with_bytes(path, start, bytes(end - start))


def read_back(files: dict[Path, bytes]) -> Saved | DataError | None:
    """What the next start makes of these files: the state, or the refusal, which has changed nothing."""
    disk = VirtualLogFiles(files)
    try:
        return found_in(disk, SEGMENT_BYTES)
    except DataError as error:
        assert disk.contents() == files
        return error


def refusal(files: dict[Path, bytes]) -> CorruptLog:
    found = read_back(files)
    assert isinstance(found, CorruptLog), found
    return found
