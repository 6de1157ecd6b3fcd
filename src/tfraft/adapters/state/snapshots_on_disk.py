"""The files of snapshots: what they are called, which are there, and whether one is whole."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from crc32c import crc32c

from tfraft.adapters.state.files import reason_of
from tfraft.adapters.state.segments_on_disk import LogFiles, opened
from tfraft.adapters.state.snapshot_file import (
    FOOTER_BYTES,
    HEAD_BYTES,
    check_data,
    decode_file,
    header_bytes,
    refuse,
)
from tfraft.core.base import Snapshot
from tfraft.record import record

_WINDOW: Final = 1 << 20
"""So many bytes are read at a time."""


@record
class Stored:
    """A snapshot, the file that it is in, and where in that file its data begin."""

    snapshot: Snapshot
    path: Path
    data_at: int


def snapshot_path(directory: Path, prefix: str, index: int) -> Path:
    """The file of the snapshot of this index."""
    return directory / f"{prefix}{index:016x}.snapshot"


def unfinished_path(path: Path, number: int) -> Path:
    """Where the snapshot that is to be `path` is written; `number` keeps two of the same index apart."""
    return path.with_name(f"{path.name}.new-{number}")


def snapshots_in(files: LogFiles, directory: Path, prefix: str) -> dict[int, Path]:
    """The snapshots that are there, by index."""
    pattern = re.compile(re.escape(prefix) + r"([0-9a-f]{16})\.snapshot")
    matches = [pattern.fullmatch(name) for name in files.names(directory)]
    return {int(match[1], 16): directory / match[0] for match in matches if match}


def unfinished_in(files: LogFiles, directory: Path, prefix: str) -> list[Path]:
    """What a crash left of snapshots that were being written."""
    pattern = re.compile(re.escape(prefix) + r"[0-9a-f]{16}\.snapshot\.new-\d+")
    return [directory / name for name in files.names(directory) if pattern.fullmatch(name)]


def checked(files: LogFiles, path: Path, index: int) -> Stored:
    """What is in the file, every byte of which is looked at. Raises `CorruptSnapshot`."""
    name = str(path)
    with opened(files, path) as file:
        size = files.size(file)
        length = header_bytes(files.read_at(file, 0, HEAD_BYTES), name)
        header = files.read_at(file, 0, min(length, size))
        footer = files.read_at(file, max(size - FOOTER_BYTES, 0), FOOTER_BYTES)
        snapshot = decode_file(header, footer, size, name)
    if snapshot.base.index != index:
        refuse(name, f"it is the snapshot of index {snapshot.base.index}")
    stored = Stored(snapshot, path, len(header))
    for _ in read_pieces(files, stored):
        pass
    return stored


def read_pieces(files: LogFiles, stored: Stored) -> Iterator[bytes]:
    """All bytes of a snapshot in order. Raises `CorruptSnapshot`; the last piece has been given by then."""
    end = stored.data_at + stored.snapshot.size_bytes
    checksum = 0
    try:
        with opened(files, stored.path) as file:
            for offset in range(stored.data_at, end, _WINDOW):
                data = files.read_at(file, offset, min(_WINDOW, end - offset))
                checksum = crc32c(data, checksum)
                yield data
    except OSError as error:
        refuse(str(stored.path), f"it cannot be read: {reason_of(error)}")
    check_data(stored.snapshot, checksum, str(stored.path))
