"""Damage to the files of a write-ahead log: refused by name, or harmless; never taken for the truth (PITFALLS 36).

What cannot be told from a write that never arrived is zeros at the very end of the log, or in place of a sector of its
last save: the last part of this file says exactly when an acknowledged save is lost that way.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.adapters.state.oracle import as_told
from tests.adapters.state.wal_disks import DIRECTORY, MARK, VirtualLogFiles, found_in, opened_log
from tfraft.adapters.state.metadata import decode
from tfraft.adapters.state.saves import encode_save
from tfraft.adapters.state.segment import (
    FIRST_RECORD,
    HEADER_BYTES,
    SECTOR,
    CorruptLog,
    decode_preamble,
    encode_record,
    read_records,
)
from tfraft.adapters.state.segments_on_disk import METADATA_NAME, segment_name
from tfraft.adapters.state.wal_check import read_saves, verify
from tfraft.adapters.state.wal_reader import LogReader
from tfraft.adapters.state.wal_recovery import read_metadata
from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import CorruptState, DataError
from tfraft.record import record

SEGMENT_BYTES = 2048


def entries(term: int, *data: bytes) -> Entries:
    return Entries.of(*(Entry(term, EntryKind.COMMAND, each) for each in data))


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


def test_the_log_of_these_tests_has_records_in_two_segments_and_a_spare() -> None:
    assert read_back(FILES) == TRUTH
    assert (len(IN_FIRST), len(IN_SECOND)) == (6, 2)
    assert set(FILES) == {METADATA, FIRST, SECOND, SPARE}
    # The last save covers whole sectors, some of them zeros by themselves.
    assert LAST.path == SECOND
    assert LAST.start % SECTOR
    assert LAST.end - LAST.start > 3 * SECTOR
    assert bytes(2 * SECTOR) in FILES[SECOND][LAST.start : LAST.end]


# --- Flipped bits and bytes ---


def place_of(path: Path, offset: int) -> Place | None:
    return next((place for place in PLACES if place.path == path and place.start <= offset < place.end), None)


@pytest.mark.parametrize("path", [FIRST, SECOND], ids=lambda path: path.name)
def test_every_flipped_bit_in_a_record_is_refused_by_segment_offset_and_index(path: Path) -> None:
    for place in PLACES:
        for offset in range(place.start, place.end) if place.path == path else ():
            # Of the many zeros in a row two bits are enough.
            for bit in range(8) if FILES[path][offset] else (0, 7):
                found = refusal(flipped(path, offset, 1 << bit))
                assert (found.segment, found.offset, found.index) == (str(path), place.start, place.index)


@pytest.mark.parametrize("path", [FIRST, SECOND, SPARE], ids=lambda path: path.name)
def test_every_flipped_bit_in_a_preamble_is_refused(path: Path) -> None:
    for offset in range(FIRST_RECORD):
        for bit in range(8):
            found = refusal(flipped(path, offset, 1 << bit))
            assert (found.segment, found.offset) == (str(path), 0)


def test_every_flipped_bit_in_the_metadata_is_refused() -> None:
    for offset in range(len(FILES[METADATA])):
        for bit in range(8):
            found = read_back(flipped(METADATA, offset, 1 << bit))
            assert isinstance(found, DataError)
            assert str(METADATA) in str(found)


@pytest.mark.parametrize("path", [FIRST, SECOND, SPARE], ids=lambda path: path.name)
def test_a_byte_that_is_not_zero_after_the_end_is_refused_or_harmless(path: Path) -> None:
    end = max([place.end for place in PLACES if place.path == path], default=FIRST_RECORD)
    outcomes = [read_back(flipped(path, offset, 0x40)) for offset in range(end, SEGMENT_BYTES)]
    assert all(found == TRUTH or isinstance(found, CorruptLog) for found in outcomes)


@pytest.mark.parametrize("value", [0, 1, 0x7F, 0xFF])
def test_every_byte_changed_to_another_is_refused_but_a_zero_in_the_last_byte_of_all(value: int) -> None:
    lost = []
    for place in PLACES:
        for offset in range(place.start, place.end):
            if FILES[place.path][offset] != value:
                found = read_back(with_bytes(place.path, offset, bytes([value])))
                if not isinstance(found, CorruptLog):
                    assert found == WITHOUT_LAST
                    lost.append((place.path, offset))
    assert lost == ([(SECOND, LAST.end - 1)] if value == 0 else [])


# --- Parts that are missing ---


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_cut_at_any_length_is_refused(path: Path) -> None:
    for length in range(len(FILES[path])):
        found = read_back({**FILES, path: FILES[path][:length]})
        assert isinstance(found, CorruptState)
        assert str(path) in str(found)


@pytest.mark.parametrize("path", [FIRST, SECOND, SPARE], ids=lambda path: path.name)
def test_a_segment_that_has_grown_is_refused(path: Path) -> None:
    found = refusal({**FILES, path: FILES[path] + bytes(SECTOR)})
    assert "it has 2560 bytes instead of 2048" in str(found)


@pytest.mark.parametrize(("path", "index"), [(FIRST, 1), (SECOND, 7), (SPARE, 10)])
def test_a_segment_that_is_missing_is_refused_by_name(path: Path, index: int) -> None:
    """The metadata know of it, in use or not: the last ones are missed, too."""
    found = refusal({each: data for each, data in FILES.items() if each != path})
    assert (found.segment, found.offset, found.index) == (str(path), 0, index)
    assert "it cannot be read: No such file or directory" in str(found)


def test_segments_without_metadata_are_refused() -> None:
    found = refusal({path: data for path, data in FILES.items() if path != METADATA})
    assert "metadata.json is missing" in str(found)


def test_a_segment_that_is_in_use_and_not_in_the_metadata_is_refused() -> None:
    """As where older metadata were put back."""
    older = decode(FILES[METADATA], "").with_last_segment(1).encode()
    for torn in (0, 40):
        files = with_zeros(SECOND, FIRST_RECORD + torn, LAST.end) if torn else FILES
        found = refusal({**files, METADATA: older})
        assert (found.segment, found.offset, found.index) == (str(SECOND), FIRST_RECORD, 7)
        assert "it is in use, and the metadata do not know of it" in str(found)


def test_each_record_but_the_last_turned_to_zeros_is_refused() -> None:
    for place in PLACES[:-1]:
        found = refusal(with_zeros(place.path, place.start, place.end))
        assert (found.segment, found.offset, found.index) == (str(place.path), place.start, place.index)


def test_zeros_from_any_place_to_the_end_of_a_segment_before_the_last_are_refused() -> None:
    """A later segment proves that there was more."""
    for start in range(IN_FIRST[-1].end):
        found = refusal(with_zeros(FIRST, start, SEGMENT_BYTES))
        assert (found.segment, found.offset) == (str(FIRST), place.start if (place := place_of(FIRST, start)) else 0)


# --- What is in the wrong place ---


@pytest.mark.parametrize(("source", "target"), [(FIRST, SECOND), (SECOND, FIRST), (SECOND, SPARE), (SPARE, SECOND)])
def test_a_segment_under_another_name_is_refused(source: Path, target: Path) -> None:
    found = refusal({**FILES, target: FILES[source]})
    assert (found.segment, found.offset) == (str(target), 0)
    assert "it is segment" in str(found)


@pytest.mark.parametrize("path", [FIRST, SECOND, SPARE], ids=lambda path: path.name)
def test_a_segment_of_another_log_is_refused(path: Path) -> None:
    """Of another server, or of the same one in an earlier life."""
    found = refusal({**FILES, path: files_of(SAVES, b"another!")[path]})
    assert (found.segment, found.offset) == (str(path), 0)
    assert "it belongs to another log" in str(found)


def test_a_record_in_a_later_place_is_never_taken_for_one() -> None:
    """A write that went astray, or an old record in a file that was used before."""
    for place in PLACES:
        stale = FILES[place.path][place.start : place.end]
        for path, end in ((SECOND, LAST.end), (SPARE, FIRST_RECORD)):
            for offset in (end, end + 32, end + -end % SECTOR):
                if offset + len(stale) <= SEGMENT_BYTES:
                    found = read_back(with_bytes(path, offset, stale))
                    # At the beginning of a sector it is cut: it may be what a crash left of a longer one.
                    assert isinstance(found, CorruptLog) or (found == TRUTH and offset % SECTOR == 0)


def test_a_record_of_the_same_place_in_a_segment_before_is_never_taken_for_one() -> None:
    assert IN_FIRST[0].start == IN_SECOND[0].start
    stale = FILES[FIRST][IN_FIRST[0].start : IN_FIRST[0].end]
    assert isinstance(read_back(with_bytes(SECOND, IN_SECOND[0].start, stale)), CorruptLog)
    # Nor is it in the place of the very last record, where a torn one would be cut.
    only_first = {**FILES, SECOND: FILES[SECOND][:FIRST_RECORD].ljust(SEGMENT_BYTES, b"\0")}
    assert isinstance(read_back(with_bytes(SECOND, FIRST_RECORD, stale, only_first)), CorruptLog)


# --- The torn end of a crash, and the damage that looks like it ---


def cut_and_kept(files: dict[Path, bytes]) -> tuple[Saved | None, bytes, str]:
    """What is read, what is kept aside of what was cut, and what is said."""
    disk = VirtualLogFiles(files)
    log = opened_log(disk, SEGMENT_BYTES)
    kept = [data for path, data in disk.contents().items() if ".torn-" in path.name]
    # The next start finds nothing to mend.
    again = opened_log(disk, SEGMENT_BYTES)
    assert (again.saved, again.remark) == (log.saved, "")
    return log.saved, b"".join(kept), log.remark


def test_zeros_after_the_last_record_are_normal_and_nothing_is_said() -> None:
    assert cut_and_kept(FILES) == (TRUTH, b"", "")


def test_a_torn_end_is_cut_and_kept_aside_and_said() -> None:
    files = with_zeros(SECOND, LAST.start + 700, LAST.end)
    torn = files[SECOND][LAST.start : LAST.end].rstrip(b"\0")
    saved, kept, remark = cut_and_kept(files)
    assert (saved, kept) == (WITHOUT_LAST, torn)
    assert remark == (
        f"{SECOND}: the save at byte {LAST.start} was not whole, as a crash leaves one that nobody was told of: it was "
        f"cut, and is kept in 0000000002.wal.torn-{LAST.start}"
    )


def test_what_was_kept_aside_is_kept_when_the_same_place_is_torn_again() -> None:
    disk = VirtualLogFiles(with_zeros(SECOND, LAST.start + 700, LAST.end))
    opened_log(disk, SEGMENT_BYTES).writer.close()
    before = disk.contents()
    again = VirtualLogFiles(with_bytes(SECOND, LAST.start, b"\1", before))
    assert "torn-" in opened_log(again, SEGMENT_BYTES).remark
    assert sorted(path.name for path in again.contents() if ".torn-" in path.name) == [
        f"0000000002.wal.torn-{LAST.start}",
        f"0000000002.wal.torn-{LAST.start}-2",
    ]
    assert before.items() <= {**again.contents(), SECOND: before[SECOND]}.items()


def test_the_last_save_is_lost_where_its_end_reads_as_zeros() -> None:
    for start in range(LAST.start, LAST.end):
        assert read_back(with_zeros(SECOND, start, LAST.end)) == WITHOUT_LAST
    # Where nothing of it is left, there is nothing to be said.
    assert cut_and_kept(with_zeros(SECOND, LAST.start, LAST.end)) == (WITHOUT_LAST, b"", "")


def test_the_last_save_is_lost_where_a_sector_of_it_reads_as_zeros_that_was_none() -> None:
    text = FILES[SECOND]
    first = LAST.start + -LAST.start % SECTOR
    lost = []
    for start in range(first, LAST.end, SECTOR):
        was_zeros = not any(text[start : start + SECTOR])
        found = read_back(with_zeros(SECOND, start, min(start + SECTOR, SEGMENT_BYTES)))
        assert found == (TRUTH if was_zeros else WITHOUT_LAST)
        lost.append(not was_zeros)
    assert True in lost
    assert False in lost
    # The part that lies in the sector of the save before, with the header in it.
    assert read_back(with_zeros(SECOND, LAST.start, first)) == WITHOUT_LAST


def test_more_is_lost_where_zeros_go_from_an_earlier_save_to_the_end() -> None:
    for start in range(BEFORE_LAST.start, BEFORE_LAST.end):
        assert read_back(with_zeros(SECOND, start, LAST.end)) == told(SAVES[:-2])


def seems_not_to_have_arrived(text: bytes) -> bool:
    """The rule of `segment`, said again: the last save as a crash may leave it.

    Its share of the first sector, with the header, is whole or all zeros; and a share of a sector that was written
    reads as zeros, or the last byte does."""
    starts = [LAST.start, *range(LAST.start + -LAST.start % SECTOR, LAST.end, SECTOR)]
    shares = [slice(start, end) for start, end in zip(starts, [*starts[1:], LAST.end], strict=True)]
    missing = [any(FILES[SECOND][share]) and not any(text[share]) for share in shares]
    header = slice(LAST.start, LAST.start + HEADER_BYTES)
    header_is_whole = text[header] == FILES[SECOND][header]
    return missing[0] or (header_is_whole and (any(missing) or not text[LAST.end - 1]))


def test_the_last_save_is_cut_only_where_a_part_of_it_seems_not_to_have_arrived() -> None:
    outcomes = set()
    for length in (1, 16, HEADER_BYTES, 100, SECTOR, SECTOR + 100):
        for start in range(LAST.start, LAST.end - 1, 5):
            files = with_zeros(SECOND, start, min(start + length, LAST.end))
            if files != FILES:
                found = read_back(files)
                if seems_not_to_have_arrived(files[SECOND]):
                    assert found == WITHOUT_LAST
                else:
                    assert isinstance(found, CorruptLog)
                outcomes.add(type(found))
    assert outcomes == {Saved, CorruptLog}


@pytest.mark.parametrize("left", [HEADER_BYTES, 100, 700])
def test_a_torn_end_before_a_segment_that_was_begun_is_damage_whatever_is_in_that(left: int) -> None:
    """Torn, damaged or whole: it is there, so what is before it was synced."""
    torn = with_zeros(SECOND, LAST.end - 40, LAST.end)
    for offset in (FIRST_RECORD, FIRST_RECORD + 300, SECTOR):
        found = refusal(with_bytes(SPARE, offset, FILES[SECOND][LAST.start : LAST.start + left], torn))
        assert (found.segment, found.offset, found.index) == (str(SECOND), LAST.start, LAST.index)


def test_a_torn_save_before_one_that_was_begun_is_damage() -> None:
    """Its sync was done before the next write: the header of the next is proof, whole or not."""
    place = BEFORE_LAST
    damaged = with_zeros(SECOND, place.end - 40, place.end)
    for length in (HEADER_BYTES, HEADER_BYTES + 100, LAST.end - LAST.start):
        torn_after = with_bytes(SECOND, LAST.start + length, bytes(SEGMENT_BYTES - LAST.start - length), damaged)
        found = refusal(torn_after)
        assert (found.segment, found.offset, found.index) == (str(SECOND), place.start, place.index)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"not a save", "it is no save: "),
        (encode_save(Save(3, None, 12, entries(3, b"x"))), "the next entry has index 12"),
    ],
)
def test_a_whole_record_that_makes_no_sense_is_refused(body: bytes, what: str) -> None:
    """Only a bug, or a later version, writes one."""
    segment = decode_preamble(FILES[SECOND][:FIRST_RECORD])
    assert segment is not None
    framed = list(read_records(lambda offset, length: FILES[SECOND][offset : offset + length], segment))[-1]
    record, _ = encode_record(segment, LAST.end, body, framed.checksum)
    found = refusal(with_bytes(SECOND, LAST.end, record))
    assert (found.segment, found.offset, found.index) == (str(SECOND), LAST.end, 10)
    assert what in str(found)


@pytest.mark.parametrize("number", range(len(PLACES)))
def test_all_before_the_damage_is_read_and_reported(tmp_path: Path, number: int) -> None:
    """What a person is shown who looks at a damaged log."""
    place = PLACES[number]
    for path, data in flipped(place.path, place.start + HEADER_BYTES, 1).items():
        (tmp_path / path.name).write_bytes(data)
    report = verify(tmp_path)
    assert report.damage is not None
    assert (report.damage.segment, report.damage.offset) == (str(tmp_path / place.path.name), place.start)
    assert (report.saves, report.last_index, report.damage.index) == (number, place.index - 1, place.index)
    saves = read_saves(tmp_path)
    assert [next(saves).save for _ in range(number)] == SAVES[:number]
    with pytest.raises(CorruptLog, match=f"at byte {place.start}, where entry {place.index} of the log is due"):
        next(saves)
