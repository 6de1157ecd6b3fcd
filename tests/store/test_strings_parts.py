"""Several strings at once, and parts of one."""

from collections.abc import Callable

import pytest

from tfraft.store import COMMANDS, MAX_VALUE_BYTES, Store, codec, replies

Run = Callable[[str], bytes]

TOO_LONG = b"-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n"
NOT_AN_INTEGER = b"-ERR value is not an integer or out of range\r\n"


def test_mget_reads_strings_and_nil_for_all_else(run: Run) -> None:
    run("SET a 1")
    run("SSET s member")
    assert run("MGET a s none a") == b"*4\r\n$1\r\n1\r\n_\r\n_\r\n$1\r\n1\r\n"


def test_mset_sets_all_and_the_last_of_two_for_one_key(run: Run) -> None:
    run("SSET a member")
    run("SET b 0 EX 10")
    assert run("MSET a 1 b 2 a 3") == replies.OK
    assert run("MGET a b") == b"*2\r\n$1\r\n3\r\n$1\r\n2\r\n"
    assert run("TTL b") == b":-1\r\n"


def test_msetnx_sets_all_or_nothing(run: Run) -> None:
    assert run("MSETNX a 1 b 2") == b":1\r\n"
    assert run("MSETNX c 3 b 4") == b":0\r\n"
    assert run("MGET a b c") == b"*3\r\n$1\r\n1\r\n$1\r\n2\r\n_\r\n"


@pytest.mark.parametrize("name", ["MSET", "MSETNX"])
def test_a_key_without_a_value_is_refused(run: Run, name: str) -> None:
    for arguments in ("a", "a 1 b"):
        assert run(f"{name} {arguments}") == f"-ERR wrong number of arguments for '{name.lower()}' command\r\n".encode()
    assert list(COMMANDS[name.encode()].key_positions(5)) == [1, 3]


def test_append_adds_to_the_end_and_keeps_the_deadline(run: Run) -> None:
    assert run("APPEND k ''") == b":0\r\n"
    assert run("EXISTS k") == b":1\r\n"
    run("SET k ab EX 10")
    assert run("APPEND k cd") == b":4\r\n"
    assert run("GET k") == b"$4\r\nabcd\r\n"
    assert run("STRLEN k") == b":4\r\n"
    assert run("TTL k") == b":10\r\n"


@pytest.mark.parametrize(
    ("line", "length", "value"),
    [
        ("SETRANGE k 1 XY", 5, b"aXYde"),
        ("SETRANGE k 4 XY", 6, b"abcdXY"),
        ("SETRANGE k 7 X", 8, b"abcde\0\0X"),
        ("SETRANGE k 0 ''", 5, b"abcde"),
        ("SETRANGE k 999999999999 ''", 5, b"abcde"),
        ("SETRANGE new 2 X", 3, b"\0\0X"),
    ],
)
def test_setrange_writes_over_a_part(run: Run, line: str, length: int, value: bytes) -> None:
    run("SET k abcde EX 10")
    assert run(line) == b":%d\r\n" % length
    assert run(f"GET {line.split()[1]}") == replies.bulk(value)
    assert run("TTL k") == b":10\r\n"


def test_setrange_of_nothing_makes_no_key(run: Run) -> None:
    assert run("SETRANGE none 5 ''") == b":0\r\n"
    assert run("EXISTS none") == b":0\r\n"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("SETRANGE k x v", NOT_AN_INTEGER),
        ("SETRANGE k -1 v", b"-ERR offset is out of range\r\n"),
        ("SETRANGE k -1 ''", b"-ERR offset is out of range\r\n"),
        (f"SETRANGE k {MAX_VALUE_BYTES} v", TOO_LONG),
        (f"SETRANGE k {2**63 - 1} v", TOO_LONG),
        ("GETRANGE k x 1", NOT_AN_INTEGER),
        ("SUBSTR k 1 x", NOT_AN_INTEGER),
    ],
)
def test_an_offset_that_cannot_be_is_refused(run: Run, line: str, error: bytes) -> None:
    run("SET k abc")
    assert run(line) == error
    assert run("GET k") == b"$3\r\nabc\r\n"


def test_a_string_grows_to_the_limit_of_a_value_and_not_beyond(store: Store) -> None:
    assert store.apply(codec.encode([b"SETRANGE", b"k", b"%d" % (MAX_VALUE_BYTES - 2), b"x"])) == (
        b":%d\r\n" % (MAX_VALUE_BYTES - 1)
    )
    assert store.apply(codec.encode([b"APPEND", b"k", b"xy"])) == TOO_LONG
    assert store.apply(codec.encode([b"APPEND", b"k", b"x"])) == b":%d\r\n" % MAX_VALUE_BYTES


@pytest.mark.parametrize("name", ["GETRANGE", "SUBSTR"])
@pytest.mark.parametrize(
    ("offsets", "part"),
    [
        ("0 -1", b"abcde"),
        ("1 3", b"bcd"),
        ("-2 -1", b"de"),
        ("-100 1", b"ab"),
        ("-100 -99", b"a"),
        ("3 1", b""),
        ("-1 -2", b""),
        ("-99 -100", b""),
        ("5 9", b""),
        (f"4 {2**63 - 1}", b"e"),
    ],
)
def test_getrange_reads_from_the_first_to_the_last_offset(run: Run, name: str, offsets: str, part: bytes) -> None:
    run("SET k abcde")
    assert run(f"{name} k {offsets}") == replies.bulk(part)
    assert run(f"{name} none {offsets}") == replies.bulk(b"")


@pytest.mark.parametrize(
    "line", ["APPEND k v", "STRLEN k", "SETRANGE k 0 v", "SETRANGE k 0 ''", "GETRANGE k 0 1", "SUBSTR k 0 1"]
)
def test_parts_of_another_type_are_refused(run: Run, line: str) -> None:
    run("HSET k f v")
    assert run(line) == replies.WRONGTYPE


def test_a_missing_string_has_no_bytes(run: Run) -> None:
    assert run("STRLEN none") == b":0\r\n"
