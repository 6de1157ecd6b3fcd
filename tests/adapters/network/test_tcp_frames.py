"""What travels over TCP: a greeting, then frames, however the network cuts them."""

import tracemalloc
from time import process_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tfraft.adapters.network.identity import Claim
from tfraft.adapters.network.tcp_frames import (
    MAX_FRAME_BYTES,
    MAX_HELLO_BYTES,
    Frame,
    FrameKind,
    FrameReader,
    frame,
    header,
    read_hello,
    write_hello,
)
from tfraft.adapters.network.wire_entries import MalformedMessage
from tfraft.core.config import MAX_ENTRY_BYTES

MIB = 1024 * 1024

frames_ = st.lists(st.tuples(st.sampled_from(FrameKind), st.binary(max_size=40)), max_size=8)
names = st.text(max_size=40)


def fed(reader: FrameReader, *pieces: bytes) -> list[Frame]:
    return [one for piece in pieces for one in reader.feed(piece)]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[begin:end] for begin, end in zip(ends, [*ends[1:], len(data)], strict=True)]


# --- Frames ---------------------------------------------------------------------------------------


@given(frames_, st.lists(st.integers(0, 2**16), max_size=20))
def test_frames_arrive_as_they_were_made_however_the_bytes_are_cut(
    sent: list[tuple[FrameKind, bytes]], places: list[int]
) -> None:
    data = b"".join(frame(kind, body) for kind, body in sent)
    assert fed(FrameReader(), *cut(data, places)) == sent


@given(frames_)
def test_frames_arrive_as_they_were_made_byte_by_byte(sent: list[tuple[FrameKind, bytes]]) -> None:
    data = b"".join(frame(kind, body) for kind, body in sent)
    assert fed(FrameReader(), *(data[at : at + 1] for at in range(len(data)))) == sent


def test_a_frame_is_given_with_its_last_byte_and_not_before() -> None:
    reader, data = FrameReader(), frame(FrameKind.MESSAGE, b"body") + frame(FrameKind.WELCOME)
    assert fed(reader, data[:8]) == []
    assert fed(reader, data[8:9]) == [(FrameKind.MESSAGE, b"body")]
    assert fed(reader, data[9:-1]) == []
    assert fed(reader, data[-1:]) == [(FrameKind.WELCOME, b"")]


def test_a_header_and_a_body_make_a_frame() -> None:
    assert header(FrameKind.ANSWER, 3) + b"abc" == frame(FrameKind.ANSWER, b"abc") == b"\x04\0\0\0\x06abc"


def test_a_frame_of_a_kind_that_we_do_not_know_is_given_as_it_is() -> None:
    """Whoever gets it says what is wrong."""
    assert fed(FrameReader(), b"\x02\0\0\0\xffa") == [(255, b"a")]


@pytest.mark.parametrize("size", [0, 1025, MAX_FRAME_BYTES, 2**31, 2**32 - 1])
@pytest.mark.parametrize("places", [[], [1], [4], [5]])
def test_a_length_that_no_frame_has_is_refused_as_soon_as_it_is_told(size: int, places: list[int]) -> None:
    whole = size.to_bytes(4, "little") + b"\x04"
    with pytest.raises(MalformedMessage, match=f"a frame has 1 to 1024 bytes, not {size}"):
        fed(FrameReader(1024), *cut(whole, places))
    with pytest.raises(MalformedMessage, match=f"not {size}"):
        fed(FrameReader(1024), frame(FrameKind.WELCOME), *cut(whole, places))


@given(st.lists(st.binary(max_size=40), max_size=5))
@example([b"\xff\xff\xff\xff"])
def test_no_bytes_do_anything_but_make_frames_or_a_malformed_message(pieces: list[bytes]) -> None:
    reader = FrameReader(64)
    try:
        frames = fed(reader, *pieces)
    except MalformedMessage:
        return
    assert all(len(body) < 64 for _, body in frames)
    assert sum(len(body) + 5 for _, body in frames) <= len(b"".join(pieces))


def test_a_length_that_is_only_claimed_takes_no_memory() -> None:
    readers = [FrameReader() for _ in range(50)]
    tracemalloc.start()
    for reader in readers:
        assert fed(reader, header(FrameKind.MESSAGE, MAX_FRAME_BYTES - 1), b"begun") == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MIB


def test_a_long_frame_in_many_pieces_takes_time_for_its_bytes_and_not_for_each_piece_anew() -> None:
    """A leader on a slow network must not be kept busy for minutes by one batch of entries."""
    reader, whole = FrameReader(), frame(FrameKind.MESSAGE, bytes(4 * MIB))
    begin = process_time()
    assert fed(reader, *(whole[at : at + 16] for at in range(0, len(whole), 16))) == [
        (FrameKind.MESSAGE, bytes(4 * MIB))
    ]
    # It takes about 0.2 s; to copy what is there at every piece takes a hundred times as long.
    assert process_time() - begin < 8


def test_the_largest_entry_fits_into_a_frame() -> None:
    assert MAX_ENTRY_BYTES + 64 * 1024 < MAX_FRAME_BYTES


# --- HELLO ----------------------------------------------------------------------------------------


@given(st.builds(Claim, names, names, names, names))
def test_a_claim_is_read_as_it_was_written(claim: Claim) -> None:
    assert read_hello(write_hello(claim)) == claim


def test_a_client_claims_nothing_and_says_so() -> None:
    assert read_hello(write_hello(None)) is None
    assert write_hello(None) == b"null"


@pytest.mark.parametrize("character", ["n", '"', "\0", "\x7f", "ñ", "☃"])
def test_the_longest_names_fit_into_a_hello_whatever_they_are_made_of(character: str) -> None:
    longest = character * (1024 // len(character.encode()))
    reader = FrameReader(MAX_HELLO_BYTES)
    claim = Claim(longest, longest, longest)
    assert [read_hello(body) for _, body in fed(reader, frame(FrameKind.HELLO, write_hello(claim)))] == [claim]


def test_a_name_that_is_no_unicode_is_told_as_one_that_fits_nobody() -> None:
    """Configurations hold what operators typed; a node must not stumble over the name of another."""
    assert read_hello(write_hello(Claim("ours", "n1", "n\udcff"))) == Claim("ours", "n1", r"n\udcff")


def test_a_newer_claim_that_tells_more_is_understood() -> None:
    told = b'{"version":"2","cluster_id":"ours","caller":"n1","called":"n2","colour":["red"]}'
    assert read_hello(told) == Claim("ours", "n1", "n2", "2")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"nul", b"[]", b"{}", b"7", b"null null", b"\xff", b'{"cluster_id":1,"caller":"a","called":"b"}'),
        b'{"cluster_id":"\xff","caller":"a","called":"b"}',
        b'{"more":' + b"[" * (MAX_HELLO_BYTES - 8),
        b'{"more":' + b'{"":' * 900,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_a_hello_that_makes_no_sense_is_malformed_and_nothing_worse(body: bytes) -> None:
    with pytest.raises(MalformedMessage, match="a HELLO that cannot be read"):
        read_hello(body)


@given(st.binary(max_size=60))
def test_no_bytes_in_a_hello_do_harm(body: bytes) -> None:
    try:
        claim = read_hello(body)
    except MalformedMessage:
        return
    assert read_hello(write_hello(claim)) == claim
