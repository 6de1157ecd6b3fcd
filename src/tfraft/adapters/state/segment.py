"""A segment of the write-ahead log as bytes, and back; no I/O.

    segment   preamble · records, one behind the other · zeros up to its size
    preamble  magic · mark of the log · number · size · CRC-32C (64 bytes)
    record    header · body · zeros · end mark (a multiple of 32 bytes, at a multiple of 32)
    header    mark of the log · length of the body · zero sectors · checksum of the record before ·
              checksum of all after the header · checksum of the header and of its place (32 bytes)

All numbers are little-endian. A header lies in one sector of the disk, so that a length is never torn. Its checksum
covers the log, the segment and the offset: a record of another log, or in another place, is no record. The checksum of
the record before makes a chain: nothing between two records can be missing.

**What a crash leaves.** A save is one record, one write and one sync, and the next write comes only after that sync. So
one record at most is not synced, the last; and since a segment is full of synced zeros before it is used, a crash
leaves of that record some sectors of 512 bytes, or its beginning, and zeros in place of the rest. `judge_tail` goes by
that. It takes for a torn record only what such a crash can leave: a sector that was not written as zeros reads as
zeros, or the end does, and no other record follows. All else is damage.

**What cannot be told apart.** Zeros at the very end: if a sector of the last save, or all from some place to the end of
the log, turns to zeros after it was synced, that looks as if it had never been written. If all of the last save is
zeros nothing is seen at all; otherwise it is cut, and kept aside.
"""

from collections.abc import Callable, Iterator
from struct import Struct
from typing import Final

from crc32c import crc32c

from tfraft.errors import CorruptState
from tfraft.record import record

SECTOR: Final = 512
"""A disk writes so many bytes at once, whole or not at all."""
WINDOW: Final = 1 << 20
"""So many bytes are read at a time; a longer record is read whole."""

_ALIGNMENT: Final = 32
_MAGIC: Final = b"tf-raft log 1\n\0\0"
_END_MARK: Final = b"\xff" * 8
_ZERO_SECTOR: Final = bytes(SECTOR)
_ZERO_WINDOW: Final = bytes(WINDOW)

_PREAMBLE = Struct("<16s8sQQ20xI")
_HEADER = Struct("<8sQIIII")
_PLACE_OF_LOG = Struct("<8sQ")
_OFFSET = Struct("<Q")
_CHECKSUM_BYTES: Final = 4
_SEALED: Final = _HEADER.size - _CHECKSUM_BYTES

PREAMBLE_BYTES: Final = _PREAMBLE.size
HEADER_BYTES: Final = _HEADER.size
FIRST_RECORD: Final = PREAMBLE_BYTES
"""Where the first record of a segment begins."""

ReadAt = Callable[[int, int], bytes]
"""Gives the bytes of a segment from an offset on, so many as are asked for; fewer only at the end of the file."""


class CorruptLog(CorruptState):
    """The log is damaged, and it is not the torn end that a crash leaves. Nothing was changed.

    `segment` is the file, `offset` the place in it, `index` the entry that is due there: all before are whole."""

    def __init__(self, segment: str, offset: int, index: int, what: str) -> None:
        super().__init__(
            f"{segment} is damaged at byte {offset}, where entry {index} of the log is due: {what}. Nothing was "
            "changed; remove this server and add a new one (an older copy of the directory would have forgotten votes)"
        )
        self.segment = segment
        self.offset = offset
        self.index = index


@record
class Segment:
    """Which segment: the mark of its log (8 random bytes), its number in the log, its size in bytes."""

    mark: bytes
    number: int
    size: int


@record
class Framed:
    """A record that was found whole: where it begins, how long it is, the checksums of it and of the one before."""

    offset: int
    size: int
    previous: int
    checksum: int
    body: bytes


@record
class Tail:
    """What follows the last whole record: zeros from `end` on, and before that a torn record, or damage."""

    end: int
    damage: str = ""
    """Empty where only a crash has been there."""


@record
class _Header:
    length: int
    zero_sectors: int
    previous: int
    checksum: int


# --- Writing ---


def encode_preamble(segment: Segment) -> bytes:
    """The first bytes of a segment."""
    preamble = _PREAMBLE.pack(_MAGIC, segment.mark, segment.number, segment.size, 0)[:-_CHECKSUM_BYTES]
    return preamble + crc32c(preamble).to_bytes(_CHECKSUM_BYTES, "little")


def record_size(length: int) -> int:
    """The size of a record whose body has `length` bytes."""
    padded = length + len(_END_MARK)
    return HEADER_BYTES + padded + -padded % _ALIGNMENT


def encode_record(segment: Segment, offset: int, body: bytes, previous: int) -> tuple[bytes, int]:
    """The record of `body` for this place, and its checksum; `previous` is that of the record before it."""
    padding = record_size(len(body)) - HEADER_BYTES - len(body) - len(_END_MARK)
    rest = b"".join((body, bytes(padding), _END_MARK))
    checksum = crc32c(rest)
    zero_sectors = _count_zero_sectors(rest, offset + HEADER_BYTES)
    header = _HEADER.pack(segment.mark, len(body), zero_sectors, previous, checksum, 0)[:-_CHECKSUM_BYTES]
    seal = _seal(segment, offset, header).to_bytes(_CHECKSUM_BYTES, "little")
    return b"".join((header, seal, rest)), checksum


def _seal(segment: Segment, offset: int, header: bytes) -> int:
    place = _PLACE_OF_LOG.pack(segment.mark, segment.number) + _OFFSET.pack(offset)
    return crc32c(header, crc32c(place))


def _count_zero_sectors(data: bytes, offset: int) -> int:
    """How many whole sectors are zeros in `data`, which lies at `offset` of its file."""
    first = -offset % SECTOR
    # Most data have no zero where a sector begins, and need no closer look: a synced save has few microseconds.
    if 0 not in data[first::SECTOR] or _ZERO_SECTOR not in data:
        return 0
    starts = range(first, len(data) - SECTOR + 1, SECTOR)
    return sum(data[start : start + SECTOR] == _ZERO_SECTOR for start in starts)


# --- Reading ---


def decode_preamble(preamble: bytes) -> Segment | None:
    """The inverse of `encode_preamble`; None for any other bytes."""
    if len(preamble) != PREAMBLE_BYTES:
        return None
    magic, mark, number, size, checksum = _PREAMBLE.unpack(preamble)
    if magic != _MAGIC or checksum != crc32c(preamble[:-_CHECKSUM_BYTES]):
        return None
    return Segment(mark, number, size)


def read_records(read: ReadAt, segment: Segment) -> Iterator[Framed]:
    """The whole records from the first on; ends before the first place without one. `judge_tail` says what is there.

    Takes memory for a window, or for one record where that is longer."""
    start, window = FIRST_RECORD, b""
    view = memoryview(window)
    # Of one window after the other: `place` is where we are in it.
    place = 0
    log_checksum = crc32c(_PLACE_OF_LOG.pack(segment.mark, segment.number))
    while start + place + HEADER_BYTES <= segment.size:
        if place + HEADER_BYTES > len(window):
            start, place, window = start + place, 0, read(start + place, WINDOW)
            view = memoryview(window)
        if place + HEADER_BYTES > len(window):
            return
        # As `_decode_header`, without a call and a value: of small records there are millions.
        _, length, _, previous, checksum, seal = _HEADER.unpack_from(window, place)
        if seal != crc32c(view[place : place + _SEALED], crc32c(_OFFSET.pack(start + place), log_checksum)):
            return
        size = record_size(length)
        if place + size > len(window):
            start, place, window = start + place, 0, read(start + place, max(WINDOW, size))
            view = memoryview(window)
        body = place + HEADER_BYTES
        if crc32c(view[body : place + size]) != checksum:
            return
        yield Framed(start + place, size, previous, checksum, window[body : body + length])
        place += size


def _decode_header(segment: Segment, offset: int, header: bytes) -> _Header | None:
    """The header of a record at this place; None for other bytes."""
    if len(header) < HEADER_BYTES:
        return None
    _, length, zero_sectors, previous, checksum, seal = _HEADER.unpack(header)
    if seal != _seal(segment, offset, header[:-_CHECKSUM_BYTES]):
        return None
    return _Header(length, zero_sectors, previous, checksum)


def judge_tail(read: ReadAt, segment: Segment, offset: int) -> Tail:
    """What is in the segment from `offset` on, where no whole record is: zeros, a torn record, or damage."""
    end = end_of_data(read, offset, segment.size)
    if end == offset:
        return Tail(end)
    window = read(offset, HEADER_BYTES)
    header = _decode_header(segment, offset, window)
    if header is not None:
        return Tail(end, _damage_of_body(read, header, offset, end))
    # Its body may be torn, but the records before it were synced.
    if any(_headers(read, segment, offset + _ALIGNMENT, end)):
        return Tail(end, "the record there is damaged, and a later one follows")
    if any(window):
        return Tail(end, "" if end <= offset + HEADER_BYTES else "the header there is damaged, and data follow it")
    if any(read(offset, SECTOR - offset % SECTOR)):
        return Tail(end, "the header there is missing from a sector that was written")
    return Tail(end)


def _damage_of_body(read: ReadAt, header: _Header, offset: int, end: int) -> str:
    """What is wrong with a record whose header is whole and whose body is not; empty where it is torn."""
    size = record_size(header.length)
    if end > offset + size:
        return "the record there is damaged, and a later one was begun"
    if end < offset + size:
        return ""
    if _count_zero_sectors(read(offset, size), offset) > header.zero_sectors:
        return ""
    return f"the record there does not fit its checksum {header.checksum:08x}, and no sector of it is missing"


def end_of_data(read: ReadAt, start: int, stop: int) -> int:
    """Where the last byte between `start` and `stop` ends that is not zero; `start` where all are."""
    end = start
    for offset in range(start, stop, WINDOW):
        window = read(offset, min(WINDOW, stop - offset))
        if window != _ZERO_WINDOW[: len(window)]:
            end = offset + len(window.rstrip(b"\0"))
    return end


def salvage_records(read: ReadAt, segment: Segment) -> Iterator[bytes]:
    """The bodies of all whole records, in order, whatever is between them; for a segment that is damaged."""
    end = FIRST_RECORD
    for offset, header in _headers(read, segment, FIRST_RECORD, segment.size):
        if offset >= end:
            rest = read(offset + HEADER_BYTES, record_size(header.length) - HEADER_BYTES)
            if crc32c(rest) == header.checksum:
                end = offset + HEADER_BYTES + len(rest)
                yield rest[: header.length]


def _headers(read: ReadAt, segment: Segment, start: int, stop: int) -> Iterator[tuple[int, _Header]]:
    """The headers that stand between `start` and `stop`, and where."""
    for offset in range(start, stop, WINDOW):
        window = read(offset, WINDOW)
        place = window.find(segment.mark)
        while place >= 0:
            header = _decode_header(segment, offset + place, window[place : place + HEADER_BYTES])
            if place % _ALIGNMENT == 0 and header is not None:
                yield offset + place, header
            place = window.find(segment.mark, place + 1)
