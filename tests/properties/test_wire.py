"""The wire format: what is decoded equals what was encoded, and no bytes do harm."""

import struct
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfraft.adapters.network import wire
from tfraft.adapters.network.wire import MalformedMessage, decode, encode, pack_entries, unpack_entries
from tfraft.core.entry import NO_ENTRIES, Entries, Entry, EntryKind
from tfraft.core.messages import AppendEntries, AppendEntriesReply, Message, RequestVote, RequestVoteReply

numbers = st.integers(0, 2**64 - 1)
server_ids = st.text(max_size=40)
addresses = st.text(max_size=40)


@st.composite
def runs_of_entries(draw: st.DrawFn) -> Entries:
    terms = sorted(draw(st.lists(numbers, max_size=20)))
    kinds, data = st.sampled_from(EntryKind), st.binary(max_size=50)
    return Entries.from_rows(Entry(term, draw(kinds), draw(data)) for term in terms)


messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(RequestVote, numbers, server_ids, numbers, numbers, addresses),
    st.builds(RequestVoteReply, numbers, server_ids, st.booleans()),
    st.builds(AppendEntries, numbers, server_ids, numbers, numbers, runs_of_entries(), numbers, numbers, addresses),
    st.builds(AppendEntriesReply, numbers, server_ids, st.booleans(), *[numbers] * 5),
)


@st.composite
def damaged_messages(draw: st.DrawFn) -> bytes:
    """A message with some of its bytes changed, cut off or doubled."""
    data = bytearray(encode(draw(messages)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        match draw(st.integers(0, 3)):
            case 0:
                del data[place:]
            case 1:
                data[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
            case 2:
                data[place:place] = draw(st.binary(max_size=9))
            case _:
                data += data[place:]
    return bytes(data)


def assert_refused_or_canonical(data: bytes) -> None:
    try:
        message = decode(data)
    except MalformedMessage:
        return
    assert encode(message) == data


@given(messages)
def test_a_message_is_decoded_as_it_was_encoded(message: Message) -> None:
    assert decode(encode(message)) == message


@given(runs_of_entries(), st.binary(max_size=20))
def test_entries_are_unpacked_as_they_were_packed(entries: Entries, before: bytes) -> None:
    packed = pack_entries(entries)
    assert unpack_entries(packed) == entries
    assert unpack_entries(before + packed, len(before)) == entries
    assert len(packed) == 4 + 13 * len(entries) + sum(map(len, entries.data))


@given(st.one_of(damaged_messages(), st.binary(max_size=200)))
def test_other_bytes_are_refused_or_are_the_one_form_of_another_message(data: bytes) -> None:
    assert_refused_or_canonical(data)


@given(st.sampled_from([0x11, 0x12, 0x13, 0x14]), st.binary(max_size=120))
def test_bytes_behind_a_true_first_byte_do_no_harm_either(first: int, data: bytes) -> None:
    assert_refused_or_canonical(bytes([first]) + data)


@given(st.binary(max_size=200), st.integers(0, 10))
def test_other_bytes_are_refused_or_are_the_one_form_of_other_entries(data: bytes, start: int) -> None:
    try:
        entries = unpack_entries(data, start)
    except MalformedMessage:
        return
    assert pack_entries(entries) == data[start:]


@given(messages)
def test_every_part_of_a_message_is_too_little_and_every_byte_after_it_too_much(message: Message) -> None:
    data = encode(message)
    for end in range(len(data)):
        with pytest.raises(MalformedMessage):
            decode(data[:end])
    with pytest.raises(MalformedMessage):
        decode(data + b"\x00")


def test_decoded_entries_own_their_bytes() -> None:
    entries = unpack_entries(pack_entries(Entries.of(Entry(1, EntryKind.COMMAND, b"command"))))
    assert [type(data) for data in entries.data] == [bytes]


def test_an_empty_run_is_no_entries() -> None:
    """Heartbeats come many times a second; they need no arrays of their own."""
    message = decode(encode(AppendEntries(1, "n1", 0, 0)))
    assert isinstance(message, AppendEntries)
    assert message.entries is NO_ENTRIES


@pytest.mark.parametrize("claimed", [2, 2**20, 2**32 - 1])
def test_a_size_that_is_only_claimed_takes_no_memory(claimed: int) -> None:
    one = pack_entries(Entries.of(Entry(1, EntryKind.COMMAND, bytes(100))))
    many_entries = struct.pack("<I", claimed) + one[4:]
    much_data = one[:13] + struct.pack("<I", max(claimed, 101)) + one[17:]
    tracemalloc.start()
    try:
        for data in (many_entries, much_data):
            with pytest.raises(MalformedMessage):
                unpack_entries(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "0 bytes"),
        (b"GET / HTTP/1.1", "0x47"),
        (b"\x21" + bytes(26), "0x21"),
        (b"\x11\x01", "header of 29 bytes, not 2"),
        (b"\x12" + bytes(8) + b"\x01\x02\x00n", "id has 2 bytes, but only 1 follow"),
        (b"\x13" + bytes(40) + b"\x05\x00\x01\x00n:", "address has 5 bytes, but only 1 follow"),
        (b"\x12" + bytes(8) + b"\x01\x01\x00\xff", "not UTF-8"),
        (b"\x12" + bytes(8) + b"\x02\x00\x00", "a flag is 0 or 1, not 2"),
        (b"\x12" + bytes(8) + b"\x01\x00\x00more", "4 bytes after the end"),
        (b"\x13" + bytes(44), "their number in 4 bytes, not 0"),
        (b"\x13" + bytes(44) + b"\x01\x00\x00\x00" + bytes(8) + b"\x09" + bytes(4), "kind 9"),
        (b"\x13" + bytes(44) + b"\x01\x00\x00\x00" + bytes(9) + b"\x05\x00\x00\x00abc", "has 3 bytes, not 5"),
        (b"\x13" + bytes(44) + b"\x02\x00\x00\x00" + b"\x05" + bytes(15 + 2 + 8), "terms of the entries fall"),
    ],
)
def test_the_error_says_what_was_expected_and_seen(data: bytes, text: str) -> None:
    with pytest.raises(MalformedMessage, match=text):
        decode(data)


def test_the_format_is_the_documented_one() -> None:
    """Nodes of two releases must understand each other: whoever changes these bytes needs a new version."""
    entries = Entries.of(Entry(5, EntryKind.COMMAND, b"ab"), Entry(6, EntryKind.NO_OP))
    packed = (
        b"\x02\0\0\0" + b"\x05\0\0\0\0\0\0\0" + b"\x06\0\0\0\0\0\0\0" + b"\0\x01" + b"\x02\0\0\0" + b"\0\0\0\0" + b"ab"
    )
    assert pack_entries(entries) == packed
    assert encode(AppendEntries(6, "n1", 1, 2, entries, 3, 4, "h:1")) == (
        b"\x13" + b"".join(number.to_bytes(8, "little") for number in (6, 1, 2, 3, 4)) + b"\x03\0\x02\0n1h:1" + packed
    )
    assert encode(RequestVoteReply(1, "n2", True)) == b"\x12" + b"\x01\0\0\0\0\0\0\0" + b"\x01" + b"\x02\0n2"


def test_a_big_endian_machine_writes_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """There the columns are turned round on the way out and on the way in; on this machine that shows."""
    entries = Entries.of(Entry(5, EntryKind.COMMAND))
    packed = pack_entries(entries)
    monkeypatch.setattr(wire, "MACHINE_IS_LITTLE_ENDIAN", not wire.MACHINE_IS_LITTLE_ENDIAN)
    assert pack_entries(entries) == packed[:4] + packed[4:12][::-1] + packed[12:13] + packed[13:17][::-1]
    assert unpack_entries(pack_entries(entries)) == entries
