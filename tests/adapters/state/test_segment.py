"""The bytes of a segment and of a save: the documented ones, each record bound to its place."""

import struct
import tracemalloc
from array import array

import pytest
from crc32c import crc32c

from tfraft.adapters.state.replay import Replay
from tfraft.adapters.state.saves import MalformedSave, decode_save, encode_save
from tfraft.adapters.state.segment import (
    FIRST_RECORD,
    HEADER_BYTES,
    SECTOR,
    WINDOW,
    Framed,
    Segment,
    Tail,
    decode_preamble,
    encode_preamble,
    encode_record,
    judge_tail,
    read_records,
    record_size,
)
from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import NO_ENTRIES, Entries, Entry, EntryKind

MARK = b"8 bytes."
SEGMENT = Segment(MARK, 7, 4096)


def filled(*bodies: bytes, segment: Segment = SEGMENT) -> bytes:
    """A segment with a record for each of these bodies."""
    data, previous = encode_preamble(segment), 0
    for body in bodies:
        encoded, previous = encode_record(segment, len(data), body, previous)
        data += encoded
    assert len(data) <= segment.size
    return data.ljust(segment.size, b"\0")


def records_of(data: bytes, segment: Segment = SEGMENT) -> list[Framed]:
    return list(read_records(lambda offset, length: data[offset : offset + length], segment))


def tail_of(data: bytes, segment: Segment = SEGMENT) -> Tail:
    records = records_of(data, segment)
    end = records[-1].offset + records[-1].size if records else FIRST_RECORD
    return judge_tail(lambda offset, length: data[offset : offset + length], segment, end)


# --- The format ---


def test_a_preamble_is_the_documented_one() -> None:
    """Whoever changes these bytes needs a new format: the logs of an older release must be read, or refused."""
    preamble = encode_preamble(Segment(MARK, 2, 2**26))
    head = b"tf-raft log 1\n\0\0" + MARK + struct.pack("<QQ", 2, 2**26) + bytes(20)
    assert preamble == head + struct.pack("<I", crc32c(head))
    assert decode_preamble(preamble) == Segment(MARK, 2, 2**26)


def test_a_record_is_the_documented_one() -> None:
    encoded, checksum = encode_record(SEGMENT, 96, b"body", 0x12345678)
    rest = b"body" + bytes(20) + b"\xff" * 8
    head = MARK + struct.pack("<QIII", 4, 0, 0x12345678, crc32c(rest))
    place = MARK + struct.pack("<QQ", SEGMENT.number, 96)
    assert encoded == head + struct.pack("<I", crc32c(head, crc32c(place))) + rest
    assert checksum == crc32c(rest)


def test_a_save_is_the_documented_one() -> None:
    entries = Entries.of(Entry(5, EntryKind.COMMAND, b"ab"))
    wire = b"\1\0\0\0" + b"\5" + bytes(7) + b"\0" + b"\2\0\0\0" + b"ab"
    assert encode_save(Save(6, "n2", 9, entries)) == struct.pack("<QQii", 6, 9, 2, -1) + b"n2" + wire
    base = Base(7, 5, Configuration.of(["n1"]), 3)
    text = b'{"index":7,"term":5,"configuration":{"voters":{"n1":""}},"configuration_index":3}'
    assert encode_save(Save(6, None, base=base)) == struct.pack("<QQii", 6, 0, -1, len(text)) + text


@pytest.mark.parametrize("length", [*range(70), 511, 512, 513, 100_000])
def test_a_record_is_a_multiple_of_32_bytes_so_that_no_header_lies_in_two_sectors(length: int) -> None:
    encoded, _ = encode_record(SEGMENT, FIRST_RECORD, b"x" * length, 0)
    assert len(encoded) == record_size(length)
    assert len(encoded) % HEADER_BYTES == 0
    assert SECTOR % HEADER_BYTES == FIRST_RECORD % HEADER_BYTES == 0
    assert encoded[-1]


@pytest.mark.parametrize("cut", [0, 1, 63, 65])
def test_a_preamble_of_another_length_is_none(cut: int) -> None:
    assert decode_preamble(encode_preamble(SEGMENT).ljust(70, b"\0")[:cut]) is None


# --- A record and its place ---


def test_records_are_read_back_with_their_places_and_the_chain_of_their_checksums() -> None:
    first, second = records_of(filled(b"first", b"second" * 100))
    assert (first.offset, first.size, first.previous, first.body) == (FIRST_RECORD, 64, 0, b"first")
    assert (second.offset, second.size, second.body) == (128, record_size(600), b"second" * 100)
    assert second.previous == first.checksum


@pytest.mark.parametrize(
    "other", [Segment(MARK, 8, 4096), Segment(b"another.", 7, 4096), Segment(MARK, 2**32 + 7, 4096)]
)
def test_a_record_of_another_segment_is_no_record(other: Segment) -> None:
    assert len(records_of(filled(b"x"))) == 1
    assert records_of(filled(b"x"), other) == []


def test_a_record_elsewhere_in_its_segment_is_no_record() -> None:
    data = filled(b"first", b"second")
    assert records_of(data[:FIRST_RECORD] + data[128:]) == []


def test_a_record_may_fill_its_segment_to_the_last_byte() -> None:
    body = bytes(SEGMENT.size - FIRST_RECORD - HEADER_BYTES - 8)
    data = filled(body)
    assert [each.body for each in records_of(data)] == [body]
    assert tail_of(data) == Tail(SEGMENT.size)


@pytest.mark.parametrize("length", [0, 1, WINDOW - 200, WINDOW, 3 * WINDOW])
def test_records_longer_than_a_window_are_read_whole(length: int) -> None:
    segment = Segment(MARK, 1, 5 * WINDOW)
    bodies = [b"a" * 1000, b"b" * length, b"c" * 1000]
    assert [each.body for each in records_of(filled(*bodies, segment=segment), segment)] == bodies


def test_a_length_that_is_only_claimed_takes_no_memory() -> None:
    """Its header must be whole first, which says who wrote it."""
    data = bytearray(filled(b"x"))
    data[FIRST_RECORD + 8 : FIRST_RECORD + 16] = b"\xff" * 8
    tracemalloc.start()
    try:
        assert records_of(bytes(data)) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000


@pytest.mark.parametrize("length", [FIRST_RECORD, FIRST_RECORD + 1, FIRST_RECORD + 31, FIRST_RECORD + 63])
def test_a_file_that_ends_in_a_record_has_no_record_there(length: int) -> None:
    assert records_of(filled(b"body")[:length]) == []


# --- What follows the last record ---


def test_zeros_are_the_end() -> None:
    assert tail_of(filled()) == Tail(FIRST_RECORD)
    assert tail_of(filled(b"x")) == Tail(128)


def test_zeros_are_told_from_data_over_many_windows() -> None:
    segment = Segment(MARK, 1, 3 * WINDOW)
    data = filled(b"x", segment=segment)
    assert tail_of(data, segment) == Tail(128)
    far = bytearray(data)
    far[-1] = 1
    assert tail_of(bytes(far), segment) == Tail(3 * WINDOW)


def test_a_later_record_is_found_wherever_a_window_begins() -> None:
    segment = Segment(MARK, 1, 4 * WINDOW)
    for length in range(WINDOW - 200, WINDOW + 100, 32):
        data = filled(b"a" * length, b"later", segment=segment)
        damaged = data[:FIRST_RECORD] + bytes(SECTOR - FIRST_RECORD) + data[SECTOR:]
        assert "a later one follows" in tail_of(damaged, segment).damage


def test_the_mark_of_the_log_in_the_data_of_a_torn_record_is_no_later_record() -> None:
    """A client may have stored what it once read from a log."""
    stolen = filled(b"x")[FIRST_RECORD:128]
    data = filled(MARK * 100 + stolen * 10 + b"y" * 600)
    torn = data[:FIRST_RECORD] + bytes(SECTOR - FIRST_RECORD) + data[SECTOR:]
    assert tail_of(torn).damage == ""
    assert tail_of(torn).end == record_size(800 + 640 + 600) + FIRST_RECORD


@pytest.mark.parametrize(
    ("start", "end", "damage"),
    [
        (300, 4096, ""),
        (FIRST_RECORD + 1, 4096, ""),
        (FIRST_RECORD + 40, 4096, ""),
        (512, 1024, ""),
        (FIRST_RECORD, 512, ""),
        (FIRST_RECORD, FIRST_RECORD + 32, "the header there is missing from a sector that was written"),
        (FIRST_RECORD, FIRST_RECORD + 8, "the header there is damaged, and data follow it"),
        (600, 601, "the record there does not fit its checksum 1cb8dfb1, and no sector of it is missing"),
        (513, 1024, "the record there does not fit its checksum 1cb8dfb1, and no sector of it is missing"),
    ],
)
def test_zeros_in_the_last_record_are_torn_or_damage(start: int, end: int, damage: str) -> None:
    data = filled(bytes(range(1, 256)) * 6)
    assert tail_of(data[:start] + bytes(end - start) + data[end:]).damage == damage


@pytest.mark.parametrize(("zeros", "damage"), [(SECTOR, False), (SECTOR - 1, True), (HEADER_BYTES, True), (1, True)])
def test_a_header_is_missing_only_with_its_whole_sector(zeros: int, damage: bool) -> None:
    """Here the last record begins a sector."""
    first = b"x" * (SECTOR - FIRST_RECORD - HEADER_BYTES - 8)
    data = filled(first, bytes(range(1, 256)) * 6)
    assert [each.offset for each in records_of(data)] == [FIRST_RECORD, SECTOR]
    zeroed = data[:SECTOR] + bytes(zeros) + data[SECTOR + zeros :]
    assert bool(tail_of(zeroed).damage) == damage


# --- A save ---


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "requires a buffer of at least 24 bytes"),
        (struct.pack("<QQii", 1, 0, -1, -1) + b"more", "4 bytes after its end"),
        (struct.pack("<QQii", 1, 0, 5, -1) + b"n1", "-3 bytes after its end"),
        (struct.pack("<QQii", 1, 0, 1, -1) + b"\xff", "invalid start byte"),
        (struct.pack("<QQii", 1, 0, -1, 2) + b"{}", "missing required field"),
        (struct.pack("<QQii", 1, 0, -1, 2) + b"[]", "Expected `object`, got `array`"),
        (struct.pack("<QQii", 1, 0, -1, 1) + b"{", "Input data was truncated"),
        (struct.pack("<QQii", 1, 1, -1, -1), "their number in 4 bytes"),
        (struct.pack("<QQii", 1, 1, -1, -1) + b"\1\0\0\0" + bytes(8) + b"\x09" + bytes(4), "kind 9"),
    ],
)
def test_bytes_that_are_no_save_are_refused(body: bytes, what: str) -> None:
    with pytest.raises(MalformedSave, match="it is no save: ") as refusal:
        decode_save(body)
    assert what in str(refusal.value)


def test_a_replay_leaves_out_what_is_not_above_the_base() -> None:
    """PITFALLS 37: nothing below the snapshot comes back."""
    rows = [Entry(1, EntryKind.COMMAND, b"%d" % index) for index in range(1, 9)]
    base = Base(4, 1, Configuration.of(["base"]), 2)
    replay = Replay(base)
    replay.apply(Save(1, "a", 2, Entries.of(*rows[1:6])))
    assert replay.saved() == Saved(1, "a", base, Entries.of(*rows[4:6]))
    replay.apply(Save(2, None, 3, Entries.of(rows[2])))
    assert replay.saved() == Saved(2, None, base, NO_ENTRIES)


def test_a_replay_holds_what_is_left_and_not_what_was_cut() -> None:
    large = Entries(array("Q", [1] * 10), bytes(10), [b"x" * 100_000 for _ in range(10)])
    tracemalloc.start()
    try:
        replay = Replay()
        body = encode_save(Save(1, None, 1, large))
        for _ in range(20):
            replay.apply(decode_save(body))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(replay.saved().entries) == 10
    assert peak < 4_000_000
