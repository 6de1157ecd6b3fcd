"""A backup as the bytes of a file, and back; no I/O.

The form is that of `sealed_file`; the data are those of a snapshot, and the header is JSON:

    {"format":1,"cluster_id":"5a0c…","server_id":"n2","created_ms":1767225600000,"version":"1.0.0",
     "base":{"index":7,"term":2,"configuration":{"voters":{"n1":"10.0.0.1:7001"}},"configuration_index":3},
     "size_bytes":312,"checksum":195936478}

The header tells length and checksum of the data as well as the footer does: a file can be read from its beginning to
its end, from a place where nothing can be looked up, and what it is of is known before its data.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NoReturn

import msgspec
import orjson
from crc32c import crc32c

from tfraft.adapters.state import sealed_file
from tfraft.adapters.state.bases import BaseFields, Count, encode_base
from tfraft.core.base import Snapshot
from tfraft.core.configuration import ServerId
from tfraft.errors import CorruptState, ForeignData
from tfraft.record import record

FORMAT: Final = 1
MAX_HEADER_BYTES: Final = 1 << 20
"""A header that claims to be longer is none: a configuration has a few servers."""

_MAGIC: Final = b"tf-raft backup\n\0"
_WHAT: Final = "backup of tf-raft"


@record
class Backup:
    """What a backup is of: the state of `snapshot`, of this cluster, as this server had it at this time.

    `created_ms` are milliseconds since 1970 by the clock of whoever took it, `version` is that of its tf-raft."""

    cluster_id: str
    server_id: ServerId
    created_ms: int
    version: str
    snapshot: Snapshot


def encode_header(backup: Backup) -> bytes:
    """What stands before the data."""
    fields = {
        "format": FORMAT,
        "cluster_id": backup.cluster_id,
        "server_id": backup.server_id,
        "created_ms": backup.created_ms,
        "version": backup.version,
        "base": orjson.Fragment(encode_base(backup.snapshot.base)),
        "size_bytes": backup.snapshot.size_bytes,
        "checksum": backup.snapshot.checksum,
    }
    return sealed_file.encode_header(_MAGIC, orjson.dumps(fields))


def encode_footer(backup: Backup) -> bytes:
    """What stands after the data."""
    return sealed_file.encode_footer(backup.snapshot.size_bytes, backup.snapshot.checksum)


class BackupReader:
    """Reads a backup once, from pieces cut anywhere; `name` is for messages.

    Raises `CorruptState` where it is damaged, or no backup, and `ForeignData` for one of a newer format."""

    def __init__(self, pieces: Iterable[bytes], name: str) -> None:
        self._pieces = iter(pieces)
        self._name = name
        self._buffer = b""
        self.backup = self._read_header()
        self.is_whole = False
        """Whether all of it was read, and it is as it was written."""

    def data(self) -> Iterator[bytes]:
        """The bytes of the snapshot. They are known to be whole once the last was given, and the iterator has ended."""
        snapshot = self.backup.snapshot
        left, checksum = snapshot.size_bytes, 0
        while left:
            data = self._take_some(left)
            left -= len(data)
            checksum = crc32c(data, checksum)
            yield data
        if checksum != snapshot.checksum:
            self._refuse(f"its data have checksum {checksum:08x} instead of {snapshot.checksum:08x}")
        self._read_footer()
        self.is_whole = True

    def _read_header(self) -> Backup:
        head = self._take(sealed_file.HEAD_BYTES, "its header")
        try:
            length = sealed_file.header_bytes(_MAGIC, head, _WHAT)
            if length > MAX_HEADER_BYTES:
                raise ValueError(f"its header claims to have {length:,} bytes")
            text = sealed_file.decode_header(head + self._take(length - len(head), "its header"))
            seen = msgspec.json.decode(text, type=_Format).format
            if seen > FORMAT:
                raise ForeignData(
                    f"{self._name} is of format {seen}, from a newer tf-raft; this one reads format {FORMAT}"
                )
            return msgspec.json.decode(text, type=_Fields).to_backup()
        except ValueError as error:
            self._refuse(str(error))

    def _read_footer(self) -> None:
        snapshot = self.backup.snapshot
        footer = self._take(sealed_file.FOOTER_BYTES, "its footer")
        try:
            told = sealed_file.decode_footer(footer, _WHAT)
        except ValueError as error:
            self._refuse(str(error))
        if told != (snapshot.size_bytes, snapshot.checksum):
            self._refuse("header and footer are those of two backups")
        if self._buffer or any(self._pieces):
            self._refuse("there are bytes behind its end")

    def _take(self, count: int, what: str) -> bytes:
        """The next `count` bytes, which are not many."""
        while len(self._buffer) < count:
            piece = next(self._pieces, None)
            if piece is None:
                self._refuse(f"it ends in the middle of {what}")
            self._buffer += piece
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _take_some(self, most: int) -> bytes:
        """What comes next, at least a byte and no more than `most`."""
        while not self._buffer:
            piece = next(self._pieces, None)
            if piece is None:
                self._refuse(f"it ends {most:,} bytes before the end of its data")
            self._buffer = piece
        taken, self._buffer = self._buffer[:most], self._buffer[most:]
        return taken

    def _refuse(self, what: str) -> NoReturn:
        raise CorruptState(f"{self._name} is no whole {_WHAT}: {what}. Nothing was changed; use another backup")


class _Format(msgspec.Struct):
    format: Count


class _Fields(msgspec.Struct, forbid_unknown_fields=True):
    format: Count
    cluster_id: str
    server_id: str
    created_ms: Count
    version: str
    base: BaseFields
    size_bytes: Count
    checksum: Count

    def to_backup(self) -> Backup:
        snapshot = Snapshot(self.base.to_base(), self.size_bytes, self.checksum)
        return Backup(self.cluster_id, self.server_id, self.created_ms, self.version, snapshot)
