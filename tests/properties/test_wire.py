"""The wire format: what is decoded equals what was encoded, and no bytes do harm."""

import struct
import tracemalloc
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfraft.adapters.network import wire_entries
from tfraft.adapters.network.wire import MalformedMessage, checked, decode, encode, pack_entries, unpack_entries
from tfraft.adapters.network.wire_entries import unpack_configuration
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.core.entry import NO_ENTRIES, Entries, Entry, EntryKind
from tfraft.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    InstallSnapshotReply,
    Message,
    PreVote,
    PreVoteReply,
    ReadIndex,
    ReadIndexReply,
    Reply,
    Request,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)

numbers = st.integers(0, 2**64 - 1)
times = st.floats(allow_nan=False, allow_infinity=False).map(lambda time_s: time_s + 0.0)
server_ids = st.text(max_size=40)
addresses = st.text(max_size=40)
members = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4)
configurations = st.builds(Configuration.of, members, members, members, st.sets(st.text(max_size=5), max_size=3))
bases = st.builds(Base, numbers, numbers, configurations, numbers)
snapshots = st.builds(Snapshot, bases, numbers, numbers)


@st.composite
def entries(draw: st.DrawFn, term: int) -> Entry:
    kind = draw(st.sampled_from(EntryKind))
    if kind is EntryKind.CONFIGURATION:
        return Entry(term, kind, draw(configurations).encode())
    return Entry(term, kind, draw(st.binary(max_size=50)))


@st.composite
def runs_of_entries(draw: st.DrawFn) -> Entries:
    return Entries.from_rows(draw(entries(term)) for term in sorted(draw(st.lists(numbers, max_size=20))))


@st.composite
def pieces(draw: st.DrawFn) -> InstallSnapshot:
    data = draw(st.binary(max_size=50))
    places = draw(numbers), draw(server_ids), draw(snapshots), draw(numbers)
    return InstallSnapshot(*places, len(data), data, draw(addresses))


MESSAGES: dict[type[Message], st.SearchStrategy[Any]] = {
    RequestVote: st.builds(RequestVote, numbers, server_ids, numbers, numbers, addresses, st.booleans()),
    RequestVoteReply: st.builds(RequestVoteReply, numbers, server_ids, st.booleans(), numbers),
    PreVote: st.builds(PreVote, numbers, server_ids, numbers, numbers, addresses),
    PreVoteReply: st.builds(PreVoteReply, numbers, server_ids, st.booleans(), numbers, numbers),
    TimeoutNow: st.builds(TimeoutNow, numbers, server_ids),
    AppendEntries: st.builds(
        AppendEntries,
        numbers,
        server_ids,
        numbers,
        numbers,
        runs_of_entries(),
        numbers,
        numbers,
        addresses,
        times,
    ),
    AppendEntriesReply: st.builds(
        AppendEntriesReply, numbers, server_ids, st.booleans(), *[numbers] * 5, times, numbers, numbers
    ),
    InstallSnapshot: pieces(),
    InstallSnapshotReply: st.builds(InstallSnapshotReply, numbers, server_ids, numbers, numbers),
    ReadIndex: st.builds(ReadIndex, numbers, server_ids, numbers),
    ReadIndexReply: st.builds(ReadIndexReply, numbers, server_ids, numbers, numbers),
}
messages: st.SearchStrategy[Message] = st.one_of(*MESSAGES.values())
each_kind = pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)


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


def test_every_kind_of_message_is_tried_here() -> None:
    assert set(MESSAGES) == {*get_args(Request), *get_args(Reply)}


@each_kind
@given(data=st.data())
def test_a_message_is_decoded_as_it_was_encoded(kind: type[Message], data: st.DataObject) -> None:
    message = data.draw(MESSAGES[kind])
    assert decode(encode(message)) == message


@each_kind
@given(data=st.data())
def test_every_part_of_a_message_is_too_little_and_every_byte_after_it_too_much(
    kind: type[Message], data: st.DataObject
) -> None:
    encoded = encode(data.draw(MESSAGES[kind]))
    for end in range(len(encoded)):
        with pytest.raises(MalformedMessage):
            decode(encoded[:end])
    with pytest.raises(MalformedMessage):
        decode(encoded + b"\x00")


@each_kind
@given(data=st.data())
def test_a_message_with_a_flipped_byte_is_refused_or_is_the_one_form_of_another(
    kind: type[Message], data: st.DataObject
) -> None:
    encoded = encode(data.draw(MESSAGES[kind]))
    flipped = data.draw(st.integers(1, 255))
    for place in range(len(encoded)):
        damaged = bytearray(encoded)
        damaged[place] ^= flipped
        assert_refused_or_canonical(bytes(damaged))


@given(runs_of_entries(), st.binary(max_size=20))
def test_entries_are_unpacked_as_they_were_packed(entries: Entries, before: bytes) -> None:
    packed = pack_entries(entries)
    assert unpack_entries(packed) == entries
    assert unpack_entries(before + packed, len(before)) == entries
    assert len(packed) == 4 + 13 * len(entries) + sum(map(len, entries.data))


@given(st.one_of(damaged_messages(), st.binary(max_size=200)))
def test_other_bytes_are_refused_or_are_the_one_form_of_another_message(data: bytes) -> None:
    assert_refused_or_canonical(data)


@given(st.integers(0x11, 0x1B), st.binary(max_size=120))
def test_bytes_behind_a_true_first_byte_do_no_harm_either(first: int, data: bytes) -> None:
    assert_refused_or_canonical(bytes([first]) + data)


@given(st.binary(max_size=200), st.integers(0, 10))
def test_other_bytes_are_refused_or_are_the_one_form_of_other_entries(data: bytes, start: int) -> None:
    try:
        entries = unpack_entries(data, start)
    except MalformedMessage:
        return
    assert pack_entries(entries) == data[start:]


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


H = bytes(8)
"""A number of 0."""
PIECE = InstallSnapshot(
    3, "n1", Snapshot(Base(9, 2, Configuration.of({"a": "h:1"}), 4), 100, 7), 60, 2, b"\x00\xff", "h"
)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "0 bytes"),
        (b"GET / HTTP/1.1", "0x47"),
        (b"\x21" + bytes(26), "0x21"),
        (b"\x1c" + bytes(26), "0x1c"),
        (b"\x11\x01", "header of 34 bytes, not 2"),
        (b"\x12" + H + b"\x01" + H + b"\x02\0\0\0n", "server_id has 2 bytes, but only 1 follow"),
        (b"\x13" + 6 * H + b"\x01\0\0\0\x05\0\0\0n:", "leader_address has 5 bytes, but only 1 follow"),
        (b"\x12" + H + b"\x01" + H + b"\x01\0\0\0\xff", "not UTF-8"),
        (b"\x12" + H + b"\x02" + H + b"\0\0\0\0", "a flag is 0 or 1, not 2"),
        (b"\x12" + H + b"\x01" + H + b"\0\0\0\0more", "4 bytes after the end"),
        (b"\x13" + 7 * H, "their number in 4 bytes, not 0"),
        (b"\x13" + 7 * H + b"\x01\0\0\0" + H + b"\x09" + bytes(4), "kind 9"),
        (b"\x13" + 7 * H + b"\x01\0\0\0" + H + b"\0" + b"\x05\0\0\0abc", "has 3 bytes, not 5"),
        (b"\x13" + 7 * H + b"\x02\0\0\0" + b"\x05" + bytes(15 + 2 + 8), "terms of the entries fall"),
        (b"\x13" + 7 * H + b"\x01\0\0\0" + H + b"\x02" + b"\x02\0\0\0{]", "'{]' is no configuration"),
        (encode(PIECE)[:-1], "leader_address has 1 bytes, but only 0 follow"),
        (encode(PIECE).replace(b'{"a":"h:1"}', b'{"a": "h:"}'), "no configuration as we write it"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_error_says_what_was_expected_and_seen(data: bytes, text: str) -> None:
    with pytest.raises(MalformedMessage, match=text):
        decode(data)


# --- what may stand in a message ---------------------------------------------------------------------


@pytest.mark.parametrize("time_s", [float("nan"), float("inf"), -float("inf"), -0.0])
def test_a_time_is_a_finite_number_and_zero_has_one_form(time_s: float) -> None:
    for message in (AppendEntries(1, "n1", 0, 0, sent_at=time_s), AppendEntriesReply(1, "n1", True, sent_at=time_s)):
        with pytest.raises(MalformedMessage, match="a time is"):
            decode(encode(message))


def test_a_piece_of_a_snapshot_has_as_many_bytes_as_it_says() -> None:
    with pytest.raises(MalformedMessage, match="tells 2 bytes and has 3"):
        checked(InstallSnapshot(3, "n1", PIECE.snapshot, 60, 2, b"abc"))


@given(configurations)
def test_a_configuration_is_unpacked_as_it_was_packed(configuration: Configuration) -> None:
    assert unpack_configuration(configuration.encode()) == configuration


@given(
    st.one_of(
        st.binary(max_size=60),
        st.builds(
            bytes.join, st.just(b""), st.lists(st.sampled_from([b'{"voters":', b"{", b"}", b'"a"', b":", b"[", b"1"]))
        ),
        configurations.map(Configuration.encode).flatmap(
            lambda data: st.builds(
                lambda at, byte: data[:at] + byte + data[at + 1 :], st.integers(0, len(data)), st.binary(max_size=2)
            )
        ),
    )
)
def test_other_bytes_are_no_configuration_or_the_one_form_of_another(data: bytes) -> None:
    try:
        configuration = unpack_configuration(data)
    except MalformedMessage:
        return
    assert configuration.encode() == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"voters":{}} ',
        b'{"voters":["a"]}',
        b'{"voters":null}',
        b'{"voters":{"a":1}}',
        b'{"voters":{"a":null}}',
        b'{"voters":{"a":NaN}}',
        b'{"voters":{"b":"","a":""}}',
        b'{"voters":{"a":"","a":""}}',
        b'{"voters":{},"learners":{}}',
        b'{"voters":{},"removed":"ab"}',
        b'{"voters":{},"removed":[1]}',
        b'{"voters":{},"removed":["b","a"]}',
        b'{"voters":{},"unknown":{}}',
        b'{"voters":{"\xc3\xb1":""}}',
        b"[" * 200_000,
        b"1" * 10_000,
        '{"voters":{}}'.encode("utf-16"),
    ],
    ids=lambda data: repr(data[:40]),
)
def test_a_configuration_that_we_would_not_write_is_refused_wherever_it_stands(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        unpack_configuration(data)
    with pytest.raises(MalformedMessage):
        unpack_entries(pack_entries(Entries.of(Entry(1, EntryKind.NO_OP), Entry(1, EntryKind.CONFIGURATION, data))))
    assert unpack_entries(pack_entries(Entries.of(Entry(1, EntryKind.COMMAND, data)))).data == [data]


# --- the format --------------------------------------------------------------------------------------


def number(value: int) -> bytes:
    return value.to_bytes(8, "little")


def length(value: int) -> bytes:
    return value.to_bytes(4, "little")


def test_the_format_is_the_documented_one() -> None:
    """Nodes of two releases must understand each other: whoever changes these bytes needs a new version."""
    run = Entries.of(Entry(5, EntryKind.COMMAND, b"ab"), Entry(6, EntryKind.NO_OP))
    packed = length(2) + number(5) + number(6) + b"\0\x01" + length(2) + length(0) + b"ab"
    time_s = struct.pack("<d", 1.5)
    configuration = b'{"voters":{"a":"h:1"}}'
    assert pack_entries(run) == packed
    formats: dict[Message, bytes] = {
        RequestVote(1, "n1", 2, 3, "h:1", True): (
            b"\x11" + number(1) + number(2) + number(3) + b"\x01" + length(2) + length(3) + b"n1h:1"
        ),
        RequestVoteReply(1, "n2", True, 7): b"\x12" + number(1) + b"\x01" + number(7) + length(2) + b"n2",
        AppendEntries(6, "n1", 1, 2, run, 3, 4, "h:1", 1.5): (
            b"\x13" + b"".join(map(number, (6, 1, 2, 3, 4))) + time_s + length(2) + length(3) + b"n1h:1" + packed
        ),
        AppendEntriesReply(6, "n2", False, 1, 2, 3, 4, 5, 1.5, 7, 8): (
            b"\x14"
            + number(6)
            + b"\0"
            + b"".join(map(number, range(1, 6)))
            + time_s
            + number(7)
            + number(8)
            + length(2)
            + b"n2"
        ),
        PreVote(1, "n1", 2, 3, "h:1"): (b"\x15" + number(1) + number(2) + number(3) + length(2) + length(3) + b"n1h:1"),
        PreVoteReply(1, "n2", False, 2, 7): b"\x16" + number(1) + b"\0" + number(2) + number(7) + length(2) + b"n2",
        TimeoutNow(1, "n1"): b"\x17" + number(1) + length(2) + b"n1",
        PIECE: (
            b"\x18"
            + b"".join(map(number, (3, 9, 2, 4, 100, 7, 60, 2)))
            + b"".join(map(length, (2, len(configuration), 2, 1)))
            + (b"n1" + configuration + b"\x00\xff" + b"h")
        ),
        InstallSnapshotReply(1, "n2", 3, 4): b"\x19" + number(1) + number(3) + number(4) + length(2) + b"n2",
        ReadIndex(1, "n2", 3): b"\x1a" + number(1) + number(3) + length(2) + b"n2",
        ReadIndexReply(1, "n1", 3, 4): b"\x1b" + number(1) + number(3) + number(4) + length(2) + b"n1",
    }
    assert {type(message) for message in formats} == set(MESSAGES)
    for message, data in formats.items():
        assert encode(message) == data


def test_a_big_endian_machine_writes_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """There the columns are turned round on the way out and on the way in; on this machine that shows."""
    run = Entries.of(Entry(5, EntryKind.COMMAND))
    packed = pack_entries(run)
    monkeypatch.setattr(wire_entries, "MACHINE_IS_LITTLE_ENDIAN", not wire_entries.MACHINE_IS_LITTLE_ENDIAN)
    assert pack_entries(run) == packed[:4] + packed[4:12][::-1] + packed[12:13] + packed[13:17][::-1]
    assert unpack_entries(pack_entries(run)) == run
