"""Requests come out whole however their bytes are cut, and what is no request is refused in Redis's words."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.resp.resp_lab import request
from tfraft.resp.framing import ForeignProtocol, ProtocolError, StrictReader
from tfraft.resp.inline import split_inline
from tfraft.resp.limits import RespLimits
from tfraft.resp.reading import RequestReader

LIMITS = RespLimits()

# Bytes of which requests are made, so that values often look like parts of one.
TRICKY = st.lists(
    st.sampled_from([b"\r\n", b"\n", b"$", b"*", b"+", b":", b"_", b"1", b"99999", b"a", b"\0"]), max_size=6
)
WORDS = st.lists(st.one_of(st.binary(max_size=20), TRICKY.map(b"".join)), min_size=1, max_size=5)


def read(data: bytes, cuts: list[int], limits: RespLimits = LIMITS) -> tuple[list[list[bytes]], str | None]:
    """The requests in `data` if it comes cut at these places, and the failure at its end, if any."""
    reader = RequestReader(limits)
    seen: list[list[bytes]] = []
    places = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    for start, end in pairwise(places):
        if start < end and reader.failure is None:
            seen += [args for args in reader.feed(data[start:end]) if args]
    return seen, None if reader.failure is None else str(reader.failure)


@given(st.lists(WORDS, max_size=6), st.lists(st.integers(0, 500), max_size=6))
def test_requests_come_out_as_they_were_sent_however_they_are_cut(sent: list[list[bytes]], cuts: list[int]) -> None:
    data = b"".join(request(*words) for words in sent)
    assert read(data, cuts) == (sent, None)


@given(st.lists(WORDS, min_size=1, max_size=4), st.lists(st.integers(0, 500), max_size=6), st.data())
def test_a_damaged_request_is_read_alike_by_both_readers_and_however_it_is_cut(
    sent: list[list[bytes]], cuts: list[int], data: st.DataObject
) -> None:
    """The quick reader must not take what the strict one, which is Redis's way byte for byte, refuses."""
    whole = bytearray(b"".join(request(*words) for words in sent))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place : place + 1] = data.draw(st.sampled_from([b"", b"\r", b"\n", b":", b"+", b"*", b"$", b"9", b"-", b"x"]))
    strict = StrictReader(LIMITS)
    expected: list[list[bytes]] = []
    failure = None
    try:
        strict.feed(bytes(whole), expected)
    except (ProtocolError, ForeignProtocol) as error:
        failure = str(error)
    assert read(bytes(whole), cuts) == ([args for args in expected if args], failure)


@given(st.lists(st.binary(max_size=12), max_size=6))
def test_no_bytes_make_the_reader_raise(pieces: list[bytes]) -> None:
    reader = RequestReader(LIMITS)
    for piece in pieces:
        if piece and reader.failure is None:
            for args in reader.feed(piece):
                assert all(type(word) is bytes for word in args)


@pytest.mark.parametrize(
    ("data", "failure"),
    [
        (b"*x\r\n", "invalid multibulk length"),
        (b"*+1\r\n", "invalid multibulk length"),
        (b"*01\r\n", "invalid multibulk length"),
        (b"*1048577\r\n", "invalid multibulk length"),
        (b"*1000000000\r\n", "invalid multibulk length"),
        (b"*99999999999999999999\r\n", "invalid multibulk length"),
        (b"*1\r\n$x\r\n", "invalid bulk length"),
        (b"*1\r\n$-1\r\n", "invalid bulk length"),
        (b"*1\r\n$536870913\r\n", "invalid bulk length"),
        (b"*1\r\n:4\r\n", "expected '$', got ':'"),
        (b"*1\r\n+PING\r\n", "expected '$', got '+'"),
        (b"*1\r\n*1\r\n$4\r\nPING\r\n", "expected '$', got '*'"),
        (b"*1\r\n\r\n", "expected '$', got ' '"),
        (b'ECHO "abc\r\n', "unbalanced quotes in request"),
        (b"A" * 70_000, "too big inline request"),
        (b"*" + b"1" * 70_000, "too big mbulk count string"),
        (b"*1\r\n$" + b"1" * 70_000, "too big bulk count string"),
    ],
)
@pytest.mark.parametrize("before", [[], [b"GET", b"a"]])
def test_what_is_no_request_is_refused_in_the_words_of_redis(data: bytes, failure: str, before: list[bytes]) -> None:
    """What came before it is still executed."""
    whole = (request(*before) if before else b"") + data
    expected = ([before] if before else [], f"Protocol error: {failure}")
    assert read(whole, []) == expected
    assert read(whole, [len(whole) - 3, len(whole) - 1]) == expected


def test_a_header_that_is_cut_in_two_makes_no_room_for_what_it_claims() -> None:
    """hiredis would make a list of a thousand million words of it."""
    whole = request("GET", "a") + b"*1000000000\r\n"
    for cut in range(len(whole) - 12, len(whole)):
        assert read(whole, [cut])[1] == "Protocol error: invalid multibulk length"


def test_a_request_that_is_too_big_is_refused_before_it_is_whole() -> None:
    limits = RespLimits(max_request_bytes=1000)
    data = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5000\r\n" + b"x" * 2000
    assert read(data, [500, 1000], limits) == ([], "Protocol error: too big request")
    words = request("DEL", *(b"%d" % number for number in range(10_000, 10_900)))[:-5]
    assert read(b"\r\n" + words, [], limits) == ([], "Protocol error: too big request")


def test_an_array_of_nothing_is_passed_over() -> None:
    assert read(b"*0\r\n*-1\r\n" + request("PING"), []) == ([[b"PING"]], None)


def test_after_an_odd_request_the_quick_reader_goes_on() -> None:
    reader = RequestReader(LIMITS)
    between = []
    for piece in (b"PING\r\n*1\r\n$4\r\nPI", b"NG\r\n"):
        assert reader.feed(piece) == [[b"PING"]]
        between.append(reader.is_between_requests)
    assert between == [False, True]
    assert reader.feed(request("GET", "a")) == [[b"GET", b"a"]]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"PING", [b"PING"]),
        (b"  SET  a\tb  ", [b"SET", b"a", b"b"]),
        (b'ECHO "a\\x41\\n\\"b"', [b"ECHO", b'aA\n"b']),
        (b"ECHO 'it\\'s' '\\n'", [b"ECHO", b"it's", b"\\n"]),
        (b'ECHO ""', [b"ECHO", b""]),
        (b'ECHO a"b"', [b"ECHO", b"ab"]),
        (b'ECHO "\\q\\xZ1"', [b"ECHO", b"qxZ1"]),
        (b"", []),
        (b'ECHO "a"b', None),
        (b"ECHO 'a\\'", None),
        (b'ECHO "a\\"', None),
    ],
)
def test_inline_words_are_cut_as_in_redis(line: bytes, words: list[bytes] | None) -> None:
    assert split_inline(line) == words


def test_a_quote_without_an_end_takes_no_longer_than_one_with() -> None:
    """With two ways to match a byte, this would take longer than the universe has."""
    assert split_inline(b'"' + b"\\x41" * 16_000) is None
    assert split_inline(b"'" + b"\\'" * 16_000) is None


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n", b"\x16\x03\x01\x02\x00"])
def test_other_protocols_are_told_by_their_first_bytes(data: bytes) -> None:
    """CVE-2016-10517: a browser can be made to send commands in the body of its request."""
    reader = RequestReader(LIMITS)
    assert reader.feed(data) == []
    assert isinstance(reader.failure, ForeignProtocol)
