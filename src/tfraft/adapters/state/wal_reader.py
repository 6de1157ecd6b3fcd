"""Reading a write-ahead log from its first segment to its end, changing nothing.

A save in a later place proves that all before it was synced: what is missing there is damage, and no torn end.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from tfraft.adapters.state.files import as_data_error, reason_of
from tfraft.adapters.state.metadata import Metadata
from tfraft.adapters.state.saves import MalformedSave, decode_save
from tfraft.adapters.state.segment import (
    FIRST_RECORD,
    CorruptLog,
    Framed,
    ReadAt,
    Segment,
    judge_tail,
    read_records,
)
from tfraft.adapters.state.segments_on_disk import (
    LogFiles,
    WrongSegment,
    opened,
    read_segment,
    segment_name,
    segment_numbers,
)
from tfraft.core.base import Base
from tfraft.core.effects import Save
from tfraft.errors import DataError
from tfraft.record import record

_DAMAGE: Final = (errno.ENOENT, errno.EIO)
"""What the system says where a segment is gone, or where its disk cannot give it back."""

_UNKNOWN: Final = "it is in use, and the metadata do not know of it"


@record
class LoggedSave:
    """A save, and where it is in the log."""

    segment: int
    offset: int
    size: int
    save: Save


@record
class Torn:
    """What a crash left of the save under way: the bytes of a segment from `offset` to `end`."""

    segment: Segment
    offset: int
    end: int


@record
class LogEnd:
    """Where the next record goes, and what is before it."""

    segment: Segment
    offset: int
    previous: int
    """The checksum of the last record; 0 where there is none yet."""
    last_size: int
    """Its size; 0 where there is none yet."""
    base: Base
    last_index: int


class LogReader:
    """Goes through a log, once. After the last save its fields tell what was found."""

    def __init__(self, files: LogFiles, directory: Path, metadata: Metadata) -> None:
        self.base = metadata.base
        self.last_index = metadata.base.index
        self.segments: list[Segment] = []
        self.torn: Torn | None = None
        self.ends: dict[int, int] = {}
        """The last index of the log at the end of each segment."""
        self._files = files
        self._directory = directory
        self._metadata = metadata
        self._last: tuple[Segment, Framed] | None = None
        # Where we are, and the first place that has no save: nothing may follow it.
        self._offset = 0
        self._ended: CorruptLog | None = None

    @property
    def end(self) -> LogEnd:
        """Where the log ends."""
        if self._last is None:
            return LogEnd(self.segments[0], FIRST_RECORD, 0, 0, self.base, self.last_index)
        segment, framed = self._last
        return LogEnd(segment, framed.offset + framed.size, framed.checksum, framed.size, self.base, self.last_index)

    def saves(self) -> Iterator[LoggedSave]:
        """All saves in order. Raises `CorruptLog` at the first damage, `DataError` where the system does not read."""
        directory, metadata = self._directory, self._metadata
        with as_data_error(directory, "read"):
            last = max([metadata.last_segment, *segment_numbers(self._files, directory)])
        for number in range(metadata.first_segment, last + 1):
            with self._reading(number), opened(self._files, directory / segment_name(number)) as file:
                yield from self._saves_of(read_segment(self._files, file, metadata.mark, number), file)

    def _saves_of(self, segment: Segment, file: int) -> Iterator[LoggedSave]:
        read: ReadAt = partial(self._files.read_at, file)
        self.segments.append(segment)
        self.ends[segment.number] = self.last_index
        self._offset = FIRST_RECORD
        for framed in read_records(read, segment):
            self._check_follows(segment, framed)
            save = self._follow(segment, framed.offset, self._decode(segment, framed))
            self._last = segment, framed
            self._offset = framed.offset + framed.size
            yield LoggedSave(segment.number, framed.offset, framed.size, save)
        self._end_segment(read, segment)

    def _check_follows(self, segment: Segment, framed: Framed) -> None:
        if self._ended is not None:
            raise self._ended
        if segment.number > self._metadata.last_segment:
            raise self._damage(segment.number, _UNKNOWN)
        if self._last is not None and framed.previous != self._last[1].checksum:
            end = self.end
            name = segment_name(segment.number)
            raise self._damage(end.segment.number, f"records are missing from here to {name}", end.offset)

    def _decode(self, segment: Segment, framed: Framed) -> Save:
        try:
            return decode_save(framed.body)
        except MalformedSave as error:
            raise self._damage(segment.number, str(error)) from error

    def _follow(self, segment: Segment, offset: int, save: Save) -> Save:
        """Note what `save` does to the log; what of it still counts."""
        if (segment.number, offset) < self._metadata.place:
            save = self._before_base(save)
        if save.base is not None:
            self.base, self.last_index = save.base, save.base.index
        if save.first_index:
            if save.first_index > self.last_index + 1:
                raise self._damage(segment.number, f"the next entry has index {save.first_index}")
            self.last_index = max(save.last_index, self.base.index)
        self.ends[segment.number] = self.last_index
        return save

    def _before_base(self, save: Save) -> Save:
        """What still counts of a save from before the base was set: a base of its own was a lower one.

        Where its entries do not follow those before, these were in a segment that is gone, since the log did not have
        them any more when the base was set: nor did it have what followed them."""
        base = None if save.base is None else self._metadata.base
        last_index = self.last_index if base is None else base.index
        if save.first_index > last_index + 1:
            return Save(save.current_term, save.voted_for, base=base)
        return Save(save.current_term, save.voted_for, save.first_index, save.entries, base)

    def _end_segment(self, read: ReadAt, segment: Segment) -> None:
        """Look at what follows the last whole record of a segment; nothing may be in later ones if that is its end."""
        tail = judge_tail(read, segment, self._offset)
        if tail.damage:
            raise self._ended or self._damage(segment.number, tail.damage)
        if tail.end > self._offset:
            if self._ended is not None:
                raise self._ended
            if segment.number > self._metadata.last_segment:
                raise self._damage(segment.number, _UNKNOWN)
            self.torn = Torn(segment, self._offset, tail.end)
            self._ended = self._damage(segment.number, "the record there is damaged, and a later segment is in use")
        elif self._offset == FIRST_RECORD and self._ended is None:
            self._ended = self._damage(segment.number, "it has no record, and a later segment is in use")

    @contextmanager
    def _reading(self, number: int) -> Iterator[None]:
        """Name the segment, and the place in it, in what goes wrong."""
        self._offset = 0
        try:
            with as_data_error(self._directory / segment_name(number), "read"):
                yield
        except DataError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.errno in _DAMAGE:
                raise self._damage(number, f"it cannot be read: {reason_of(error.__cause__)}") from error
            raise
        except WrongSegment as error:
            raise self._damage(number, str(error)) from error

    def _damage(self, number: int, what: str, offset: int | None = None) -> CorruptLog:
        place = self._offset if offset is None else offset
        return CorruptLog(str(self._directory / segment_name(number)), place, self.last_index + 1, what)
