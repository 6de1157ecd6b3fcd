"""The commands on deadlines, and what they need of time."""

from collections.abc import Callable

import pytest

from tfraft.store import Store, codec

Run = Callable[[str], bytes]

NOW_MS = 1_700_000_000_000


@pytest.fixture(autouse=True)
def log_time(store: Store, run: Run) -> None:
    """The log has come to NOW_MS, and there is a key `k` without a deadline."""
    store.advance(NOW_MS)
    run("SET k v")


@pytest.mark.parametrize(
    ("line", "deadline_ms"),
    [
        ("EXPIRE k 10", NOW_MS + 10_000),
        ("PEXPIRE k 10", NOW_MS + 10),
        ("EXPIREAT k 1700000010", NOW_MS + 10_000),
        ("PEXPIREAT k 1700000000010", NOW_MS + 10),
        ("pexpireat k 9223372036854775807", 2**63 - 1),
    ],
)
def test_a_deadline_is_counted_from_log_time_or_from_1970(run: Run, line: str, deadline_ms: int) -> None:
    assert run(line) == b":1\r\n"
    assert run("PEXPIRETIME k") == b":%d\r\n" % deadline_ms
    assert run("EXPIRETIME k") == b":%d\r\n" % ((deadline_ms + 500) // 1000)


@pytest.mark.parametrize(
    ("left_ms", "ttl"), [(1, 0), (499, 0), (500, 1), (999, 1), (1000, 1), (1499, 1), (1500, 2), (10_000, 10)]
)
def test_ttl_is_rounded_and_pttl_is_not(run: Run, left_ms: int, ttl: int) -> None:
    run(f"PEXPIRE k {left_ms}")
    assert run("TTL k") == b":%d\r\n" % ttl
    assert run("PTTL k") == b":%d\r\n" % left_ms


@pytest.mark.parametrize("name", ["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"])
def test_without_a_deadline_the_answer_is_minus_1_and_without_a_key_minus_2(run: Run, name: str) -> None:
    assert run(f"{name} k") == b":-1\r\n"
    assert run(f"{name} nothing") == b":-2\r\n"


@pytest.mark.parametrize("line", ["EXPIRE k 0", "EXPIRE k -1", "PEXPIRE k -9223372036854775808", "EXPIREAT k 1"])
def test_a_deadline_in_the_past_removes_the_key(run: Run, line: str) -> None:
    assert run(line) == b":1\r\n"
    assert run("EXISTS k") == b":0\r\n"
    assert run(line) == b":0\r\n"


@pytest.mark.parametrize(
    ("present_s", "options", "is_set"),
    [
        (None, "NX", True),
        (None, "XX", False),
        (None, "GT", False),
        (None, "LT", True),
        (None, "XX LT", False),
        (100, "NX", False),
        (100, "XX", True),
        (100, "nx NX", False),
        (99, "GT", True),
        (100, "GT", False),
        (101, "GT", False),
        (99, "LT", False),
        (100, "LT", False),
        (101, "LT", True),
        (101, "xx lt", True),
        (99, "XX GT", True),
    ],
)
def test_the_options_of_expire_say_when_it_is_set(run: Run, present_s: int | None, options: str, is_set: bool) -> None:
    """A key without a deadline counts as one that stays for ever."""
    if present_s is not None:
        run(f"EXPIRE k {present_s}")
    assert run(f"EXPIRE k 100 {options}") == b":%d\r\n" % is_set
    assert (run("TTL k") == b":100\r\n") is (is_set or present_s == 100)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("EXPIRE k x", "value is not an integer or out of range"),
        ("EXPIRE k 1.5", "value is not an integer or out of range"),
        ("EXPIRE nothing x", "value is not an integer or out of range"),
        ("EXPIRE k 10 FOO", "Unsupported option FOO"),
        ("EXPIRE nothing x NX FOO", "Unsupported option FOO"),
        ("EXPIRE k 10 NX XX", "NX and XX, GT or LT options at the same time are not compatible"),
        ("EXPIRE k 10 gt nx lt", "NX and XX, GT or LT options at the same time are not compatible"),
        ("EXPIRE k 10 GT LT", "GT and LT options at the same time are not compatible"),
        ("EXPIRE k 9223372036854775807", "invalid expire time in 'expire' command"),
        ("EXPIRE nothing -9223372036854775808", "invalid expire time in 'expire' command"),
        ("PExpire k 9223372036854775807", "invalid expire time in 'pexpire' command"),
        ("EXPIREAT k 9223372036854775807", "invalid expire time in 'expireat' command"),
        ("EXPIREAT k 9223372036854776", "invalid expire time in 'expireat' command"),
    ],
)
def test_a_deadline_that_is_none_is_refused_in_the_words_of_redis(
    store: Store, run: Run, line: str, error: str
) -> None:
    digest = store.digest()
    assert run(line) == f"-ERR {error}\r\n".encode()
    assert store.digest() == digest


def test_persist_takes_the_deadline_away(store: Store, run: Run) -> None:
    assert run("PERSIST k") == run("PERSIST nothing") == b":0\r\n"
    run("EXPIRE k 10")
    assert run("PERSIST k") == b":1\r\n"
    store.advance(NOW_MS + 10_000)
    assert run("EXISTS k") == b":1\r\n"


def query(line: str) -> bytes:
    return codec.encode(line.encode().split())


@pytest.mark.parametrize(
    ("line", "needs_time"),
    [
        ("GET k", True),
        ("EXISTS other k", True),
        ("DBSIZE", True),
        ("KEYS x", True),
        ("SCAN 0", True),
        ("RANDOMKEY", True),
        ("TF.EXEC 0", True),
        ("OBJECT ENCODING k", True),
        ("GET other", False),
        ("GET later", False),
        ("TTL other", False),
        ("TTL later", True),
        ("PTTL later", True),
        ("EXPIRETIME later", False),
        ("GET", False),
        ("NOSUCH k", False),
    ],
)
def test_a_query_needs_time_where_a_key_that_it_looks_at_has_expired(
    store: Store, run: Run, line: str, needs_time: bool
) -> None:
    """Else a key would be seen after its deadline until the next write, and TTL would stand still."""
    assert not store.needs_time(query(line), NOW_MS + 9999)
    run("SET other v")
    run("SET later v")
    run("EXPIRE k 10")
    run("EXPIRE later 1000")
    assert not store.needs_time(query(line), NOW_MS)
    assert store.needs_time(query(line), NOW_MS + 10_000) is needs_time
    assert store.needs_time(query(line), NOW_MS + 9_999) is (
        needs_time and line in ("TTL later", "PTTL later", "TF.EXEC 0")
    )
    store.advance(NOW_MS + 10_000)
    assert not store.needs_time(query(line), NOW_MS + 10_000)


def test_bytes_that_are_no_command_need_no_time(store: Store, run: Run) -> None:
    run("EXPIRE k 10")
    assert not store.needs_time(b"\xc1", NOW_MS + 10_000)


def test_the_store_tells_its_next_deadline(store: Store, run: Run) -> None:
    assert store.next_deadline_ms() is None
    run("EXPIRE k 10")
    assert store.next_deadline_ms() == NOW_MS + 10_000
