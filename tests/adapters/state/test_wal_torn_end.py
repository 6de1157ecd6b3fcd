"""The torn end of a write-ahead log after a crash, and the damage that looks like it (PITFALLS 36).

What cannot be told from a write that never arrived is zeros at the very end of the log, or in place of a sector of its
last save: these tests say exactly when an acknowledged save is lost that way.
"""

from pathlib import Path

import pytest

from tests.adapters.state.damaged_log import (
    BEFORE_LAST,
    FILES,
    LAST,
    SAVES,
    SECOND,
    SEGMENT_BYTES,
    SPARE,
    TRUTH,
    WITHOUT_LAST,
    read_back,
    refusal,
    told,
    with_bytes,
    with_zeros,
)
from tests.adapters.state.wal_disks import VirtualLogFiles, opened_log
from tfraft.adapters.state.segment import FIRST_RECORD, HEADER_BYTES, SECTOR, CorruptLog
from tfraft.core.effects import Saved


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
