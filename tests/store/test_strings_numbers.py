"""Counting in a string: whole numbers and floats, with the digits of Redis on x86-64."""

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfraft.store import Store, codec, replies
from tfraft.store.numbers import (
    MAX_INTEGER,
    MIN_INTEGER,
    NOT_A_FLOAT,
    NOT_AN_INTEGER,
    NOT_FINITE,
    add_floats,
    format_float,
    is_infinite,
    parse_float,
    parse_integer,
)

Run = Callable[[str], bytes]

WOULD_OVERFLOW = b"-ERR increment or decrement would overflow\r\n"


def sum_of(left: bytes, right: bytes) -> bytes:
    """What INCRBYFLOAT answers where `left` is stored and `right` is added."""
    store = Store()
    store.apply(codec.encode([b"SET", b"k", left]))
    return store.apply(codec.encode([b"INCRBYFLOAT", b"k", right]))


@pytest.mark.parametrize("number", [0, 1, -1, 10, MAX_INTEGER, MIN_INTEGER])
def test_a_whole_number_of_64_bits_is_read(number: int) -> None:
    assert parse_integer(b"%d" % number) == number


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"-",
        b"-0",
        b"+1",
        b" 1",
        b"1 ",
        b"1\n",
        b"01",
        b"-01",
        b"1_0",
        b"0x1",
        b"1.0",
        b"\xb2",
        b"1" * 20,
        b"%d" % (MAX_INTEGER + 1),
        b"%d" % (MIN_INTEGER - 1),
    ],
)
def test_any_other_text_is_no_whole_number(text: bytes) -> None:
    assert parse_integer(text) is None


def test_numbers_are_counted_up_and_down(run: Run) -> None:
    assert run("INCR k") == b":1\r\n"
    assert run("INCRBY k 10") == b":11\r\n"
    assert run("DECR k") == b":10\r\n"
    assert run("DECRBY k -5") == b":15\r\n"
    assert run("DECRBY k 20") == b":-5\r\n"
    assert run("GET k") == b"$2\r\n-5\r\n"
    assert run("DECR new") == b":-1\r\n"


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (MAX_INTEGER, "INCR k"),
        (MIN_INTEGER, "DECR k"),
        (-2, f"INCRBY k -{MAX_INTEGER}"),
        (1, f"INCRBY k {MAX_INTEGER}"),
    ],
)
def test_a_number_never_leaves_64_bits(run: Run, number: int, line: str) -> None:
    run(f"SET k {number}")
    assert run(line) == WOULD_OVERFLOW
    assert run("GET k") == replies.bulk(b"%d" % number)


def test_the_lowest_number_cannot_be_taken_away(run: Run) -> None:
    assert run(f"DECRBY k {MIN_INTEGER}") == b"-ERR decrement would overflow\r\n"


@pytest.mark.parametrize("line", ["INCRBY k x", "DECRBY k x", "INCR text", "DECRBY text 1", "INCRBY float 1"])
def test_what_is_no_whole_number_is_not_counted(run: Run, line: str) -> None:
    run("MSET text abc float 1.5")
    assert run(line) == NOT_AN_INTEGER
    assert run("MGET text float") == b"*2\r\n$3\r\nabc\r\n$3\r\n1.5\r\n"


@pytest.mark.parametrize("line", ["INCR k", "DECRBY k 1", "INCRBYFLOAT k 1", "INCRBYFLOAT k x"])
def test_another_type_is_not_counted(run: Run, line: str) -> None:
    run("SSET k member")
    assert run(line) == replies.WRONGTYPE


@pytest.mark.parametrize("line", ["INCR k", "DECRBY k 2", "INCRBYFLOAT k 0.5"])
def test_counting_keeps_the_deadline(run: Run, line: str) -> None:
    run("SET k 5 EX 100")
    run(line)
    assert run("TTL k") == b":100\r\n"


@pytest.mark.parametrize(
    ("left", "right", "total"),
    [
        (b"10.50", b"0.1", b"10.6"),
        (b"10.6", b"-5", b"5.6"),
        (b"5.0e3", b"2.0e2", b"5200"),
        (b"0.1", b"0.2", b"0.3"),
        (b"-1.5", b"1.5", b"0"),
        (b"-5e-18", b"0", b"0"),
        (b"-6e-18", b"0", b"-0.00000000000000001"),
        (b"3.", b".25", b"3.25"),
        (b"+1", b"0x1.8P-1", b"1.75"),
        (b"0X.8", b"0x10", b"16.5"),
        (b"9223372036854775807", b"1", b"9223372036854775808"),
        (b"18446744073709551617", b"0", b"18446744073709551616"),
        (b"1e19", b"0.5", b"10000000000000000000"),
        (b"1.23456789012345678901234", b"0", b"1.23456789012345679"),
        (b"0e99999999999999999999", b"1", b"1"),
        (b"0x0p-99999999999999999999", b"1", b"1"),
        (b"1e" + b"0" * 5000 + b"2", b"0", b"100"),
        (b"0." + b"0" * 5000 + b"1e5001", b"0", b"1"),
        (b"1" + b"0" * 5000 + b"e-5000", b"0", b"1"),
    ],
)
def test_floats_are_added_with_the_digits_of_redis(left: bytes, right: bytes, total: bytes) -> None:
    assert sum_of(left, right) == replies.bulk(total)


def test_the_largest_float_has_4933_digits_and_none_is_larger(run: Run) -> None:
    """Python makes no text of so many digits in the usual way."""
    largest = (2**64 - 1) << (16_384 - 64)
    reply = sum_of(b"0x1.fffffffffffffffep16383", b"0")
    assert reply.startswith(b"$4933\r\n118973149535723176502126385303")
    assert Fraction(reply[7:-2].decode()[:4000]) == largest // 10**933
    assert sum_of(b"0x1.fffffffffffffffep16383", b"0x1.fffffffffffffffep16383") == NOT_FINITE


@pytest.mark.parametrize("line", ["INCRBYFLOAT k inf", "INCRBYFLOAT k -Infinity", "INCRBYFLOAT new +INF"])
def test_infinity_is_a_number_that_cannot_be_added(run: Run, line: str) -> None:
    run("SET k 1")
    assert run(line) == NOT_FINITE
    assert run("MGET k new") == b"*2\r\n$1\r\n1\r\n_\r\n"
    assert sum_of(b"inf", b"-inf") == sum_of(b"inf", b"1") == NOT_FINITE


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b".",
        b"e5",
        b"1e",
        b"1e+",
        b" 1",
        b"1 ",
        b"1\n",
        b"1\x00",
        b"--1",
        b"1..2",
        b"1_0",
        b"nan",
        b"infin",
        b"1f",
        b"0x",
        b"0x.p1",
        b"0x1p",
        b"0xg",
        b"0b1",
        b"\xb2",
    ],
)
def test_any_other_text_is_no_float(text: bytes) -> None:
    assert sum_of(text, b"1") == NOT_A_FLOAT
    assert sum_of(b"1", text) == NOT_A_FLOAT


@pytest.mark.parametrize("text", [b"1e4933", b"0x1p16384", b"1e99999999999999999999", b"-1" + b"0" * 5000])
def test_a_float_that_is_too_large_is_refused(text: bytes) -> None:
    assert parse_float(text) is None


@pytest.mark.parametrize("text", [b"1e-4952", b"0x1p-16446", b"1e-99999999999999999999", b"0x1p-99999999999"])
def test_a_float_that_is_too_small_is_refused(text: bytes) -> None:
    assert parse_float(text) is None
    assert parse_float(b"0x1p-16445") == 1


def test_a_float_of_5120_bytes_is_refused() -> None:
    """Redis copies the text into a buffer."""
    assert parse_float(b"0" * 5_119) == 0
    assert parse_float(b"0" * 5_120) is None


@given(st.floats(allow_nan=False))
def test_every_double_is_read_exactly(number: float) -> None:
    read = parse_float(number.hex().encode())
    assert read is not None
    assert is_infinite(read) == (number in (float("inf"), float("-inf")))
    if not is_infinite(read):
        assert Fraction(read, 2**16_445) == Fraction(number)


@given(st.integers(-(2**62), 2**62), st.integers(-(2**62), 2**62))
def test_whole_floats_are_added_as_whole_numbers(left: int, right: int) -> None:
    """They have 64 bits at most, so that nothing is rounded."""
    numbers = [parse_float(b"%d" % number) for number in (left, right)]
    assert numbers[0] is not None
    assert numbers[1] is not None
    total = add_floats(numbers[0], numbers[1])
    assert total is not None
    assert format_float(total) == b"%d" % (left + right)
