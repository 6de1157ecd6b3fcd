"""Rows as a stream of bytes, in pieces of about 64 KiB; and back from pieces cut anywhere.

    stream  header · frames of rows · end
    frame   length of the body · CRC-32 of the body (4 bytes each, little-endian) · body
    header  a frame: kind, version, and something of the kind's own
    end     a frame: how many rows there were, so that none can be missing

Bodies are MessagePack. Both ways no more than a piece or a frame is held in memory, besides the rows themselves.
"""

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Final, TypeVar
from zlib import crc32

import msgspec

from tfraft.errors import CorruptState, ForeignData, TfRaftError

PIECE_BYTES: Final = 64 * 1024
"""A piece is about so long; longer only where a single row is."""

_FRAME = Struct("<II")
_ENCODER = msgspec.msgpack.Encoder()
# The version is read before what it may have changed, so that another format is told apart from damage.
_HEADER = msgspec.msgpack.Decoder(tuple[bytes, int, msgspec.Raw])

T = TypeVar("T")


class SnapshotGivenUp(TfRaftError):
    """A snapshot that was under way cannot go on, since another was begun; what came of it so far is of no use."""


def write_stream(kind: bytes, version: int, head: object, rows: Iterable[tuple[int, object]]) -> Iterator[bytes]:
    """The pieces of a stream. `rows` gives each row after about its size in bytes.

    A row is asked for only when its piece is, and encoded before the piece is given."""
    yield _frame((kind, version, head))
    batch: list[object] = []
    batch_bytes = count = 0
    for row_bytes, row in rows:
        batch.append(row)
        batch_bytes += row_bytes
        if batch_bytes >= PIECE_BYTES:
            yield _frame(batch)
            count += len(batch)
            batch, batch_bytes = [], 0
    yield _frame(batch) + _frame(count + len(batch))


def _frame(content: object) -> bytes:
    body = _ENCODER.encode(content)
    return _FRAME.pack(len(body), crc32(body)) + body


class StreamReader:
    """Reads a stream from pieces cut anywhere; all its methods raise CorruptState where it is damaged."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._buffer = bytearray()

    def header(self, kind: bytes, version: int, decoder: msgspec.msgpack.Decoder[T]) -> T:
        """What is of the kind's own. Raises ForeignData if the stream is of another kind or version."""
        seen_kind, seen_version, head = self._decode(_HEADER)
        if (seen_kind, seen_version) != (kind, version):
            raise ForeignData(
                f"expected a snapshot of {kind!r} in version {version}, "
                f"saw {seen_kind[:40]!r} in version {seen_version}"
            )
        try:
            return decoder.decode(head)
        except msgspec.MsgspecError as error:
            raise _damaged(str(error)) from error

    def rows(self, decoder: msgspec.msgpack.Decoder[list[T] | int]) -> Iterator[T]:
        """All rows up to the end of the stream."""
        count = 0
        while isinstance(batch := self._decode(decoder), list):
            yield from batch
            count += len(batch)
        if batch != count:
            raise _damaged(f"expected {batch} rows, saw {count}")

    def rest(self) -> Iterator[bytes]:
        """What comes behind the stream, in pieces."""
        yield bytes(self._buffer)
        yield from self._pieces

    def end(self) -> None:
        """Check that nothing comes behind the stream."""
        if any(self.rest()):
            raise _damaged("there are bytes behind its end")

    def _decode(self, decoder: msgspec.msgpack.Decoder[T]) -> T:
        length, checksum = _FRAME.unpack(self._take(_FRAME.size))
        body = self._take(length)
        if crc32(body) != checksum:
            raise _damaged(f"a part has checksum {crc32(body):#x}, expected {checksum:#x}")
        try:
            return decoder.decode(body)
        except msgspec.MsgspecError as error:
            raise _damaged(str(error)) from error

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            piece = next(self._pieces, None)
            if piece is None:
                raise _damaged(f"truncated: expected {count} bytes more, saw {len(self._buffer)}")
            self._buffer += piece
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken


def _damaged(what: str) -> CorruptState:
    return CorruptState(f"the snapshot of the state is damaged: {what}")
