"""Segments: what is written is read; what a crash leaves of the last record is torn; all else is damage."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from tfraft.adapters.state.saves import MalformedSave, decode_save, encode_save
from tfraft.adapters.state.segment import (
    FIRST_RECORD,
    SECTOR,
    Segment,
    Tail,
    encode_preamble,
    encode_record,
    judge_tail,
    read_records,
    record_size,
)
from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save
from tfraft.core.entry import NO_ENTRIES, Entries, Entry, EntryKind

numbers = st.integers(0, 2**64 - 1)
marks = st.binary(min_size=8, max_size=8)
server_ids = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
bodies = st.one_of(
    st.binary(max_size=200),
    st.integers(0, 2000).map(bytes),
    st.builds(lambda data, times: data * times, st.binary(min_size=1, max_size=40), st.integers(1, 60)),
    # Much that is zeros by itself between what is not.
    st.builds(lambda a, zeros, b: a + bytes(zeros) + b, st.binary(max_size=30), st.integers(0, 2000), st.binary()),
)


@st.composite
def saves(draw: st.DrawFn) -> Save:
    first_index = draw(st.just(0) | numbers)
    terms = sorted(draw(st.lists(numbers, max_size=8)))
    configured = st.tuples(st.just(EntryKind.CONFIGURATION), st.just(Configuration.of(["n1"]).encode()))
    others = st.sampled_from([kind for kind in EntryKind if kind is not EntryKind.CONFIGURATION])
    rows = [Entry(term, *draw(configured | st.tuples(others, st.binary(max_size=40)))) for term in terms]
    configurations = st.dictionaries(server_ids, server_ids, max_size=3).map(Configuration.of)
    base = draw(st.none() | st.builds(Base, numbers, numbers, configurations, numbers))
    entries = Entries.from_rows(rows) if first_index else NO_ENTRIES
    return Save(draw(numbers), draw(st.none() | server_ids), first_index, entries, base)


class Filled:
    """A segment with a record for each body, and where the last one begins and ends."""

    def __init__(self, mark: bytes, number: int, contents: list[bytes]) -> None:
        size = FIRST_RECORD + sum(map(record_size, map(len, contents))) + SECTOR
        self.segment = Segment(mark, number, size + -size % SECTOR)
        data, previous = encode_preamble(self.segment), 0
        self.start = FIRST_RECORD
        for body in contents:
            self.start = len(data)
            encoded, previous = encode_record(self.segment, self.start, body, previous)
            data += encoded
        self.end = len(data)
        self.data = data.ljust(self.segment.size, b"\0")

    def read(self, data: bytes) -> tuple[list[bytes], Tail]:
        """The bodies that are found in other contents of this segment, and what is after them."""
        found = list(read_records(lambda offset, length: data[offset : offset + length], self.segment))
        end = found[-1].offset + found[-1].size if found else FIRST_RECORD
        tail = judge_tail(lambda offset, length: data[offset : offset + length], self.segment, end)
        return [each.body for each in found], tail


filled_segments = st.builds(Filled, marks, numbers, st.lists(bodies, min_size=1, max_size=4))


@given(saves())
def test_a_save_is_decoded_as_it_was_encoded(save: Save) -> None:
    assert decode_save(encode_save(save)) == save


@given(st.binary(max_size=80) | saves().map(encode_save), st.data())
def test_other_bytes_are_refused_or_are_another_save(data: bytes, draw: st.DataObject) -> None:
    place = draw.draw(st.integers(0, len(data)))
    with suppress(MalformedSave):
        decode_save(data[:place] + draw.draw(st.binary(max_size=9)) + data[place:])


@given(marks, numbers, st.lists(bodies, max_size=4))
def test_records_are_read_as_they_were_written(mark: bytes, number: int, contents: list[bytes]) -> None:
    filled = Filled(mark, number, contents)
    found, tail = filled.read(filled.data)
    assert found == contents
    assert tail == Tail(filled.end)


@given(filled_segments, st.data())
def test_any_sectors_and_any_beginning_of_the_last_record_leave_it_whole_or_torn(
    filled: Filled, draw: st.DataObject
) -> None:
    """What a crash may leave where one write was not synced, and there were zeros before."""
    whole, _ = filled.read(filled.data)
    synced = filled.data[: filled.start].ljust(len(filled.data), b"\0")
    arrived = draw.draw(st.integers(filled.start, filled.end))
    written = filled.data[:arrived].ljust(len(filled.data), b"\0")
    for start in range(filled.start - filled.start % SECTOR, filled.end, SECTOR):
        if draw.draw(st.booleans()):
            written = written[:start] + synced[start : start + SECTOR] + written[start + SECTOR :]
    found, tail = filled.read(written)
    assert tail.damage == ""
    assert found == (whole if written == filled.data else whole[:-1])
    assert (tail.end > filled.start) == any(written[filled.start :])


@given(filled_segments, st.data())
def test_a_changed_byte_in_any_record_is_damage_there_unless_the_last_byte_becomes_zero(
    filled: Filled, draw: st.DataObject
) -> None:
    place = draw.draw(st.integers(FIRST_RECORD, filled.end - 1))
    mask = draw.draw(st.integers(1, 255))
    changed = bytearray(filled.data)
    changed[place] ^= mask
    whole, _ = filled.read(filled.data)
    found, tail = filled.read(bytes(changed))
    assert found == whole[: len(found)]
    assert len(found) < len(whole)
    share = changed[place - place % SECTOR : place - place % SECTOR + SECTOR]
    if place < filled.start:
        assert tail.damage
    elif changed[filled.end - 1] and any(share):
        # A sector of one byte that is not zero, among zeros, may lose that byte and be none any more.
        assert tail.damage


@given(filled_segments, st.integers(0, 4), st.data())
def test_zeros_in_place_of_any_record_but_the_last_are_damage(filled: Filled, number: int, draw: st.DataObject) -> None:
    records = list(read_records(lambda offset, length: filled.data[offset : offset + length], filled.segment))
    if number < len(records) - 1:
        start = records[number].offset
        size = records[number].size
        begin = draw.draw(st.integers(start, start + size - 1))
        end = draw.draw(st.integers(begin + 1, start + size))
        zeroed = filled.data[:begin] + bytes(end - begin) + filled.data[end:]
        found, tail = filled.read(zeroed)
        if zeroed != filled.data:
            assert len(found) == number
            assert tail.damage
