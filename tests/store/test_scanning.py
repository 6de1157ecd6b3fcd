"""SCAN: all keys in parts, while keys come and go."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfraft.store import Store, codec, replies
from tfraft.store.database import BUCKETS

Run = Callable[[str], bytes]


def scan(store: Store, cursor: bytes, *options: bytes) -> tuple[bytes, list[bytes]]:
    reply = replies.parse(store.query(codec.encode([b"SCAN", cursor, *options])))
    assert isinstance(reply, list)
    cursor_after, keys = reply
    assert isinstance(cursor_after, bytes)
    assert isinstance(keys, list)
    return cursor_after, [key for key in keys if isinstance(key, bytes)]


def scan_all(store: Store, *options: bytes, between: Callable[[], object] = lambda: None) -> list[bytes]:
    cursor, found = scan(store, b"0", *options)
    while cursor != b"0":
        between()
        cursor, more = scan(store, cursor, *options)
        found += more
    return found


def numbered(count: int) -> Store:
    store = Store()
    for number in range(count):
        store.apply(codec.encode([b"SET", b"%d" % number, b"v"]))
    return store


@pytest.mark.parametrize("options", [(), (b"COUNT", b"1"), (b"count", b"999"), (b"COUNT", b"1", b"COUNT", b"7")])
def test_a_scan_gives_every_key_once(options: tuple[bytes, ...]) -> None:
    assert sorted(scan_all(numbered(300), *options)) == sorted(b"%d" % number for number in range(300))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 80)), max_size=60))
def test_a_key_that_is_there_all_the_time_is_given_whatever_comes_and_goes(changes: list[tuple[bool, int]]) -> None:
    store, steps = numbered(60), iter(changes)

    def change() -> None:
        if (step := next(steps, None)) is not None:
            is_set, number = step
            store.apply(codec.encode([b"SET", b"%d" % number, b"w"] if is_set else [b"DEL", b"%d" % number]))

    found = scan_all(store, b"COUNT", b"1", between=change)
    removed = {number for is_set, number in changes if not is_set}
    assert {b"%d" % number for number in range(60) if number not in removed} <= set(found)


def test_a_part_has_as_many_keys_as_are_asked_for_and_those_of_one_bucket_together() -> None:
    store = numbered(300)
    for count in (1, 10, 100):
        cursor, found = scan(store, b"0", b"COUNT", b"%d" % count)
        assert count <= len(found) < count + 10
        assert 0 < int(cursor) < BUCKETS


def test_a_few_keys_come_at_once(run: Run, store: Store) -> None:
    assert scan(store, b"0") == (b"0", [])
    run("SET a 1")
    run("SET b 1")
    assert scan(store, b"0") == (b"0", scan_all(store))


def test_a_scan_gives_what_matches_and_has_the_type(run: Run, store: Store) -> None:
    for line in ("SET user:1 v", "HSET user:2 f v", "SSET user:3 v", "SET other v"):
        run(line)
    assert sorted(scan_all(store, b"match", b"user:*")) == [b"user:1", b"user:2", b"user:3"]
    assert sorted(scan_all(store, b"type", b"STRING")) == [b"other", b"user:1"]
    assert scan_all(store, b"TYPE", b"hash", b"MATCH", b"user:*") == [b"user:2"]
    assert scan_all(store, b"TYPE", b"nosuch") == []


@pytest.mark.parametrize("cursor", [b"16384", b"18446744073709551615", b"-1"])
def test_behind_the_last_bucket_there_is_nothing(cursor: bytes) -> None:
    assert scan(numbered(3), cursor) == (b"0", [])


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("SCAN x", "invalid cursor"),
        ("SCAN 18446744073709551616", "invalid cursor"),
        ("SCAN 0 COUNT", "syntax error"),
        ("SCAN 0 COUNT 0", "syntax error"),
        ("SCAN 0 COUNT x", "value is not an integer or out of range"),
        ("SCAN 0 FOO 1", "syntax error"),
    ],
)
def test_a_scan_that_is_none_is_refused_in_the_words_of_redis(run: Run, line: str, error: str) -> None:
    assert run(line) == f"-ERR {error}\r\n".encode()
