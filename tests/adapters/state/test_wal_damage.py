"""Damage to the files of a write-ahead log: refused by name, or harmless; never taken for the truth (PITFALLS 36).

What cannot be told from a write that never arrived is in `test_wal_torn_end`.
"""

from pathlib import Path

import pytest

from tests.adapters.state.damaged_log import (
    FILES,
    FIRST,
    IN_FIRST,
    IN_SECOND,
    LAST,
    METADATA,
    PLACES,
    SAVES,
    SECOND,
    SEGMENT_BYTES,
    SPARE,
    TRUTH,
    WITHOUT_LAST,
    Place,
    files_of,
    flipped,
    read_back,
    refusal,
    with_bytes,
    with_zeros,
)
from tests.adapters.state.runs import entries
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
from tfraft.adapters.state.wal_check import read_saves, verify
from tfraft.core.effects import Save
from tfraft.errors import CorruptState, DataError


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


# --- What is in the wrong place, or makes no sense ---


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
