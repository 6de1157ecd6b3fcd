"""A damaged log: set aside, so that its server can begin anew, empty, and be filled again by its peers.

    damaged-1/    what was set aside: metadata and segments, for a person
    repair.json   how often that was, and that this server must not vote before it is repaired: see `RepairNote`

Such a server has forgotten votes and entries that it has promised to keep. If it voted, two leaders of one term, or
a leader without a committed entry, could be elected. The note comes first, and stays: at no moment is there a log that
begins anew without it, whenever a crash comes.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import orjson
from crc32c import crc32c

from tfraft.adapters.state.bases import Count
from tfraft.adapters.state.document import refuse_damaged
from tfraft.adapters.state.files import as_data_error, replace_file
from tfraft.adapters.state.metadata import Metadata
from tfraft.adapters.state.saves import MalformedSave, decode_save
from tfraft.adapters.state.segment import PREAMBLE_BYTES, Segment, decode_preamble, salvage_records
from tfraft.adapters.state.segments_on_disk import (
    METADATA_NAME,
    REPAIR_NAME,
    LogFiles,
    opened,
    segment_name,
    segment_numbers,
)
from tfraft.core.effects import Save
from tfraft.record import record

_FORMAT: Final = 1


@record
class RepairNote:
    """What is known of the logs that were set aside, as far as they could be read."""

    incarnation: int
    """How often one was set aside, at least: it grows each time."""
    repairing: bool
    """Whether what was lost is not replaced yet: then this server must not vote."""
    current_term: int
    """The highest term that was seen in them: the server may have voted in it, and promised things."""
    last_index: int
    """The last index that the last one had; the entries up to there may have been acknowledged."""


def read_note(files: LogFiles, directory: Path) -> RepairNote | None:
    """The note in this directory; None where no log was ever set aside. Raises CorruptState where it is damaged."""
    path = directory / REPAIR_NAME
    with as_data_error(path, "read"):
        text = files.read(path)
    if text is None:
        return None
    try:
        fields = msgspec.json.decode(text, type=_Fields)
    except msgspec.MsgspecError as error:
        refuse_damaged(str(path), str(error))
    note = RepairNote(fields.incarnation, fields.repairing, fields.current_term, fields.last_index)
    if text != _encode(note):
        refuse_damaged(str(path), "its checksum does not fit what stands above it")
    return note


def write_note(files: LogFiles, directory: Path, note: RepairNote) -> None:
    """Make `note` the one in this directory, durably. Where it raises OSError, the old or the new is there, whole."""
    replace_file(files, directory / REPAIR_NAME, _encode(note))


def set_aside(files: LogFiles, directory: Path, metadata: Metadata | None) -> Path:
    """Write the note, then move metadata and segments into a new directory, durably; that directory.

    `metadata` are those of the log, where they can be read. An earlier note is never lowered."""
    before = read_note(files, directory) or RepairNote(0, False, 0, 0)
    with as_data_error(directory, "read"):
        term, last_index = _salvage(files, directory, metadata)
    term, last_index = max(before.current_term, term), max(before.last_index, last_index)
    with as_data_error(directory, "written"):
        write_note(files, directory, RepairNote(before.incarnation + 1, True, term, last_index))
        target = directory / f"damaged-{_next_number(files, directory)}"
        files.make_directory(target)
        # Segments without metadata are refused if they hold anything: a crash in between leaves a log that is refused.
        names = [METADATA_NAME, *map(segment_name, segment_numbers(files, directory))]
        for name in [name for name in names if name in files.names(directory)]:
            files.rename(directory / name, target / name)
            # In this order on the disk, too: the segments must not go before the metadata.
            files.sync_directory(target)
            files.sync_directory(directory)
    return target


def _salvage(files: LogFiles, directory: Path, metadata: Metadata | None) -> tuple[int, int]:
    """The highest term, and the last index by the last save, among all saves that are whole, wherever they are."""
    term, last_index = 0, metadata.base.index if metadata is not None else 0
    for number in segment_numbers(files, directory):
        for save in _salvage_segment(files, directory, number, metadata):
            term = max(term, save.current_term)
            if save.base is not None:
                last_index = save.base.index
            if save.first_index:
                last_index = save.last_index
    return term, last_index


def _salvage_segment(files: LogFiles, directory: Path, number: int, metadata: Metadata | None) -> Iterator[Save]:
    # A place of the disk that cannot be read is damage like any other: what is before it counts.
    with suppress(OSError), opened(files, directory / segment_name(number)) as file:
        segment = decode_preamble(files.read_at(file, 0, PREAMBLE_BYTES))
        if segment is None and metadata is not None:
            segment = Segment(metadata.mark, number, files.size(file))
        if segment is not None:
            for body in salvage_records(partial(files.read_at, file), segment):
                with suppress(MalformedSave):
                    yield decode_save(body)


def _next_number(files: LogFiles, directory: Path) -> int:
    found = [re.fullmatch(r"damaged-(\d+)", name) for name in files.names(directory)]
    return 1 + max((int(match[1]) for match in found if match), default=0)


def _encode(note: RepairNote) -> bytes:
    fields = {
        "format": _FORMAT,
        "incarnation": note.incarnation,
        "repairing": note.repairing,
        "current_term": note.current_term,
        "last_index": note.last_index,
    }
    checksum = f"crc32c:{crc32c(orjson.dumps(fields)):08x}"
    return orjson.dumps({**fields, "checksum": checksum}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


class _Fields(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    incarnation: Count
    repairing: bool
    current_term: Count
    last_index: Count
    checksum: str
