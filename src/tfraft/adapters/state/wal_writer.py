"""Writing a write-ahead log: each save is one record, one write and one sync. Used by one thread at a time.

After any error a writer is not to be used again: what is on disk is only known once it is read anew.
"""

from pathlib import Path
from typing import Final

from tfraft.adapters.state.files import replace_file
from tfraft.adapters.state.metadata import Metadata, Place
from tfraft.adapters.state.saves import encode_save
from tfraft.adapters.state.segment import FIRST_RECORD, SECTOR, Segment, encode_record, record_size
from tfraft.adapters.state.segments_on_disk import (
    METADATA_NAME,
    LogFiles,
    Preparation,
    prepare_segment,
    read_segment,
    segment_name,
)
from tfraft.adapters.state.wal_reader import LogEnd
from tfraft.core.base import Base
from tfraft.core.effects import Save

SMALLEST_SEGMENT_BYTES: Final = 1 << 20
"""The size of the first segment; each is twice the one before, up to the size that was asked for. To fill 64 MiB with
zeros takes 60 to 150 ms, 1 MiB takes 1: a new server starts at once, and a small one takes little of the disk."""

LEAST_ZEROS: Final = 16 << 10
"""So many zeros at least are written ahead after a save: it takes far less time than a sync."""


def segment_size(number: int, largest: int) -> int:
    """The size of the segment of this number, where none is to be larger than `largest`."""
    return min(largest, SMALLEST_SEGMENT_BYTES << min(number - 1, 40))


class LogWriter:
    """Appends to the log that ends at `end`; `ends` says which was its last index at the end of each segment."""

    def __init__(
        self,
        files: LogFiles,
        directory: Path,
        metadata: Metadata,
        end: LogEnd,
        ends: dict[int, int],
        largest_segment: int,
    ) -> None:
        self.metadata = metadata
        self._files = files
        self._directory = directory
        self._largest_segment = largest_segment
        self._ends = ends
        self._base = end.base
        self._last_index = end.last_index
        self._segment = end.segment
        self._offset = end.offset
        self._previous = end.previous
        self._last_size = end.last_size
        self._preparation: Preparation | None = None
        self._file = files.open(self._path(end.segment.number))

    def append(self, save: Save) -> None:
        """Make `save` durable. One write and one sync, unless a segment has to be made first or the log begins anew."""
        base = save.base or self._base
        last_index = self._last_index if save.base is None else base.index
        assert save.first_index <= last_index + 1, f"a gap in the log: {last_index} entries, then {save.first_index}"
        assert not 0 < save.first_index <= base.index, f"the log begins after {base.index}, then {save.first_index}"
        body = encode_save(save)
        size = record_size(len(body))
        if self._offset + size > self._segment.size:
            self._begin_segment(size)
        record, self._previous = encode_record(self._segment, self._offset, body, self._previous)
        self._files.write_at(self._file, self._offset, record)
        self._files.sync_data(self._file)
        place = self._segment.number, self._offset
        self._offset += size
        self._last_size = size
        self._last_index = save.last_index if save.first_index else last_index
        self._ends[self._segment.number] = self._last_index
        if save.base is not None:
            # All that counts is in this record and after it.
            self._begin_after(base, place, self._segment.number)

    def prepare(self) -> None:
        """Go on with the next segment, unless it is there; to be called after each save, when nobody waits."""
        if self.metadata.last_segment > self._segment.number:
            return
        if self._preparation is None:
            segment = self._new_segment(self._segment.number + 1)
            self._preparation = Preparation(self._files, self._directory, segment)
        # At this pace it is there once this one is half full.
        zeros = 2 * self._last_size * self._preparation.segment.size // self._segment.size
        self._go_on(self._preparation, max(LEAST_ZEROS, zeros))

    def trim(self, base: Base) -> None:
        """Let the log begin after `base`, durably; segments that are not needed for what is above it are removed.

        A base that is not above the one there is changes nothing. Entries after it stay: where they do not belong to
        it, a save must cut them first."""
        if base.index <= self._base.index:
            return
        # Where the log had nothing above the base, all above it came later. The last record says the term and the vote;
        # it is in the segment that is written to.
        done = [number for number, last_index in self._ends.items() if last_index <= base.index]
        first = max([self.metadata.first_segment, *(number + 1 for number in done if number < self._segment.number)])
        self._last_index = max(self._last_index, base.index)
        self._begin_after(base, (self._segment.number, self._offset), first)

    def close(self) -> None:
        """Free the files."""
        if self._preparation is not None:
            self._preparation.close()
        self._files.close(self._file)

    def _begin_after(self, base: Base, place: Place, first_segment: int) -> None:
        """Let the metadata say that `base`, set at `place`, stands before the log; remove what is before that."""
        dropped = range(self.metadata.first_segment, first_segment)
        self._write_metadata(self.metadata.with_base(base, place, first_segment))
        self._base = base
        for number in dropped:
            self._files.remove(self._path(number))
            del self._ends[number]
        self._files.sync_directory(self._directory)

    # --- Segments ---

    def _path(self, number: int) -> Path:
        return self._directory / segment_name(number)

    def _new_segment(self, number: int, record_bytes: int = 0) -> Segment:
        """A segment of this number, large enough for a record of this size."""
        needed = FIRST_RECORD + record_bytes
        # A segment is a whole number of sectors.
        size = max(segment_size(number, self._largest_segment), needed + -needed % SECTOR)
        return Segment(self.metadata.mark, number, size)

    def _begin_segment(self, record_bytes: int) -> None:
        """Afterwards the next record is the first of a segment that has room for it.

        That is this one, made anew, if it has none yet: no segment before the last is without a record."""
        number = self._segment.number + (self._offset > FIRST_RECORD)
        if self._preparation is not None:
            self._go_on(self._preparation, self._preparation.segment.size)
        file, segment = self._open_with_room(number, record_bytes)
        self._files.close(self._file)
        self._file, self._segment, self._offset = file, segment, FIRST_RECORD
        self._ends[number] = self._last_index

    def _open_with_room(self, number: int, record_bytes: int) -> tuple[int, Segment]:
        if number <= self.metadata.last_segment:
            file, segment = self._open(number)
            if segment.size >= FIRST_RECORD + record_bytes:
                return file, segment
            self._files.close(file)
        prepare_segment(self._files, self._directory, self._new_segment(number, record_bytes))
        self._note_segment(number)
        return self._open(number)

    def _open(self, number: int) -> tuple[int, Segment]:
        file = self._files.open(self._path(number))
        try:
            return file, read_segment(self._files, file, self.metadata.mark, number)
        except BaseException:
            self._files.close(file)
            raise

    def _go_on(self, preparation: Preparation, count: int) -> None:
        """Write so many zeros of the next segment."""
        if preparation.step(count):
            self._preparation = None
            self._note_segment(preparation.segment.number)

    def _note_segment(self, number: int) -> None:
        """Let the metadata say that this segment is there. This comes before it is used: then it can be missed."""
        if number > self.metadata.last_segment:
            self._write_metadata(self.metadata.with_last_segment(number))

    def _write_metadata(self, metadata: Metadata) -> None:
        replace_file(self._files, self._directory / METADATA_NAME, metadata.encode())
        self.metadata = metadata
