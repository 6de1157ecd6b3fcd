"""The files of a write-ahead log: what they are called, how they are opened, and how a new segment is made.

    LOCK, metadata.json     whose directory it is, and that nobody else uses it
    0000000001.wal, …       the segments, by number
    0000000002.wal.new      a segment that is being filled with zeros
    0000000001.wal.torn-64  what was cut from segment 1 at byte 64
    damaged-1/, repair.json a log that was set aside, and what is to be done about it: see `wal_repair`

A segment has its size from the moment it has its name: one that is shorter was cut by somebody. None is used twice:
what is not written yet must be zeros, since a torn record is known by them.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tfraft.adapters.state.files import Files, temporary_of
from tfraft.adapters.state.segment import PREAMBLE_BYTES, Segment, decode_preamble, encode_preamble
from tfraft.errors import TfRaftError

METADATA_NAME: Final = "metadata.json"
REPAIR_NAME: Final = "repair.json"

_ZEROS: Final = bytes(1 << 20)
_SYNC_EVERY_BYTES: Final = 2 << 20
"""Zeros are synced in pieces: one sync of 64 MiB took 100 ms, during which a save would have to wait."""


class WrongSegment(TfRaftError):
    """A file is not the segment that its name says; the text tells how that is seen."""


class LogFiles(Files):
    """What a log asks of a file system besides; a test or a simulator may lend another one."""

    def names(self, directory: Path) -> list[str]:
        """The names in a directory, sorted."""
        return sorted(os.listdir(directory))

    def make_directory(self, path: Path) -> None:
        """Make a directory that nobody but its owner may use."""
        path.mkdir(mode=0o700)

    def open(self, path: Path) -> int:
        """Open a file that exists, for reading and writing."""
        return os.open(path, os.O_RDWR | os.O_NOFOLLOW)

    def size(self, file: int) -> int:
        """How many bytes the file has."""
        return os.fstat(file).st_size

    def read_at(self, file: int, offset: int, length: int) -> bytes:
        """The bytes from `offset` on; fewer than `length` only at the end of the file."""
        pieces: list[bytes] = []
        while length and (piece := os.pread(file, length, offset)):
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def write_at(self, file: int, offset: int, data: bytes) -> None:
        """Write all of `data` from `offset` on; the system may take it in several pieces."""
        rest = memoryview(data)
        while rest:
            written = os.pwrite(file, rest, offset)
            offset += written
            rest = rest[written:]

    def sync_data(self, file: int) -> None:
        """As `sync`, of a file whose size has not changed since."""
        os.fdatasync(file)


def segment_name(number: int) -> str:
    """What the file of a segment is called."""
    return f"{number:010d}.wal"


def segment_numbers(files: LogFiles, directory: Path) -> list[int]:
    """The segments that are there, in order."""
    found = [re.fullmatch(r"(\d{10,})\.wal", name) for name in files.names(directory)]
    return sorted(int(match[1]) for match in found if match)


def leftovers(files: LogFiles, directory: Path) -> list[Path]:
    """What a crash in the middle of making a file left."""
    names = files.names(directory)
    return [directory / name for name in names if re.fullmatch(r"\d{10,}\.wal\.new|(metadata|repair)\.json\.new", name)]


def torn_path(files: LogFiles, directory: Path, segment: Segment, offset: int) -> Path:
    """Where to keep what is cut from this place: a name that is free."""
    names = set(files.names(directory))
    name = f"{segment_name(segment.number)}.torn-{offset}"
    count = 1
    while name in names:
        count += 1
        name = f"{segment_name(segment.number)}.torn-{offset}-{count}"
    return directory / name


@contextmanager
def opened(files: LogFiles, path: Path) -> Iterator[int]:
    """The descriptor of `path`, closed afterwards."""
    file = files.open(path)
    try:
        yield file
    finally:
        files.close(file)


def read_segment(files: LogFiles, file: int, mark: bytes, number: int) -> Segment:
    """What the file says of itself. Raises `WrongSegment` unless it is this one of this log, and has its size."""
    segment = decode_preamble(files.read_at(file, 0, PREAMBLE_BYTES))
    size = files.size(file)
    if segment is None:
        raise WrongSegment(f"its first {PREAMBLE_BYTES} bytes are not those of a segment")
    if segment.mark != mark:
        raise WrongSegment("it belongs to another log")
    if segment.number != number:
        raise WrongSegment(f"it is segment {segment.number}")
    if segment.size != size:
        raise WrongSegment(f"it has {size} bytes instead of {segment.size}")
    return segment


class Preparation:
    """A new segment, filled with zeros step by step. It gets its name once it is whole and synced."""

    def __init__(self, files: LogFiles, directory: Path, segment: Segment) -> None:
        self.segment = segment
        self._files = files
        self._path = directory / segment_name(segment.number)
        self._left = segment.size - PREAMBLE_BYTES
        self._unsynced = 0
        self._preamble = encode_preamble(segment)
        self._file: int | None = files.create(temporary_of(self._path))

    def step(self, count: int) -> bool:
        """Write up to `count` more zeros; whether the segment is there now, durably. Not to be called once it is."""
        assert self._file is not None, "the segment is there, or was given up"
        if self._preamble:
            self._files.write(self._file, self._preamble)
            self._preamble = b""
        while count > 0 and self._left:
            size = min(count, self._left, len(_ZEROS))
            self._files.write(self._file, _ZEROS[:size])
            count -= size
            self._left -= size
            self._unsynced += size
            if self._unsynced >= _SYNC_EVERY_BYTES:
                self._files.sync_data(self._file)
                self._unsynced = 0
        if self._left:
            return False
        self._files.sync(self._file)
        self.close()
        self._files.rename(temporary_of(self._path), self._path)
        self._files.sync_directory(self._path.parent)
        return True

    def close(self) -> None:
        """Free the file. What is not whole stays under its other name, until the next start removes it."""
        file, self._file = self._file, None
        if file is not None:
            self._files.close(file)


def prepare_segment(files: LogFiles, directory: Path, segment: Segment) -> None:
    """Make a new segment at once; afterwards it is there, durably, full of zeros. Replaces one of the same number."""
    preparation = Preparation(files, directory, segment)
    try:
        preparation.step(segment.size)
    finally:
        preparation.close()
