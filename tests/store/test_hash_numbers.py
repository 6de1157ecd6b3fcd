"""HINCRBY and HINCRBYFLOAT: replies and errors are those of Redis 7.0."""

from collections.abc import Callable

import pytest

from tfraft.store import Store, replies

Run = Callable[[str], bytes]


def test_hincrby_counts_from_0_and_answers_the_sum(run: Run) -> None:
    assert run("HINCRBY h n 5") == b":5\r\n"
    assert run("HINCRBY h n -7") == b":-2\r\n"
    assert run("HGET h n") == b"$2\r\n-2\r\n"


def test_hincrby_reaches_the_ends_of_64_bits_and_not_beyond(run: Run) -> None:
    overflow = b"-ERR increment or decrement would overflow\r\n"
    assert run("HINCRBY h high 9223372036854775807") == b":9223372036854775807\r\n"
    assert run("HINCRBY h high 1") == overflow
    assert run("HINCRBY h low -9223372036854775808") == b":-9223372036854775808\r\n"
    assert run("HINCRBY h low -1") == overflow
    assert run("HMGET h high low") == b"*2\r\n$19\r\n9223372036854775807\r\n$20\r\n-9223372036854775808\r\n"


def test_hincrbyfloat_counts_from_0_and_answers_the_sum_as_text(run: Run) -> None:
    assert run("HINCRBYFLOAT h x 10.50") == b"$4\r\n10.5\r\n"
    assert run("HINCRBYFLOAT h x 0.1") == b"$4\r\n10.6\r\n"
    assert run("HINCRBYFLOAT h x -5.6") == b"$1\r\n5\r\n"
    assert run("HINCRBYFLOAT h x 2.0e2") == b"$3\r\n205\r\n"
    assert run("HGET h x") == b"$3\r\n205\r\n"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("HINCRBY h text 1", "ERR hash value is not an integer"),
        ("HINCRBY h empty 1", "ERR hash value is not an integer"),
        ("HINCRBY h n 1.5", "ERR value is not an integer or out of range"),
        ("HINCRBY string f x", "ERR value is not an integer or out of range"),
        ("HINCRBYFLOAT h text 1", "ERR hash value is not a float"),
        ("HINCRBYFLOAT h empty 1", "ERR hash value is not a float"),
        ("HINCRBYFLOAT h n x", "ERR value is not a valid float"),
        ("HINCRBYFLOAT string f x", "ERR value is not a valid float"),
        ("HINCRBYFLOAT h n inf", "ERR value is NaN or Infinity"),
        ("HINCRBYFLOAT string f -inf", "ERR value is NaN or Infinity"),
        ("HINCRBYFLOAT h inf 1", "ERR increment would produce NaN or Infinity"),
        ("HINCRBYFLOAT h big 1e4932", "ERR increment would produce NaN or Infinity"),
    ],
)
def test_what_is_no_number_is_refused_and_nothing_changes(store: Store, run: Run, command: str, error: str) -> None:
    run("HSET h n 1 text abc empty '' inf inf big 1e4932")
    run("SET string 1")
    digest = store.digest()
    assert run(command) == f"-{error}\r\n".encode()
    assert store.digest() == digest


@pytest.mark.parametrize("before", ["SET k 1", "SADD k f"])
@pytest.mark.parametrize("command", ["HINCRBY k f 1", "HINCRBYFLOAT k f 1"])
def test_another_type_is_refused_and_nothing_changes(store: Store, run: Run, before: str, command: str) -> None:
    run(before)
    digest = store.digest()
    assert run(command) == replies.WRONGTYPE
    assert store.digest() == digest
