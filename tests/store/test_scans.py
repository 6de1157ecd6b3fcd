"""HSCAN and SSCAN: a hash or a set in parts, while it changes."""

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfraft.store import Store, codec
from tfraft.store.member_scan import SMALL

Run = Callable[[str], bytes]

KINDS = pytest.mark.parametrize("kind", ["hash", "set"])


def part(reply: bytes) -> tuple[bytes, list[bytes]]:
    """The cursor and the words of a reply; no word of these tests begins with a marker of the protocol."""
    shape, _, cursor, *rest = reply.split(b"\r\n")
    assert (shape, rest[0][:1], rest[-1]) == (b"*2", b"*", b"")
    assert int(rest[0][1:]) == len(rest) // 2 - 1
    return cursor, rest[2::2]


class Collection:
    """A hash or a set in a store of its own; the value of each field is its name with an x."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.store = Store()

    def add(self, names: list[bytes]) -> None:
        words = names if self.kind == "set" else [word for name in names for word in (name, name + b"x")]
        self.run(b"SADD" if self.kind == "set" else b"HSET", *words)

    def remove(self, names: list[bytes]) -> None:
        self.run(b"SREM" if self.kind == "set" else b"HDEL", *names)

    def run(self, name: bytes, *words: bytes) -> bytes:
        return self.store.apply(codec.encode([name, b"k", *words]))

    def scan(self, cursor: bytes, *options: bytes) -> tuple[bytes, list[bytes]]:
        """The next cursor, and the names in the part."""
        next_cursor, words = part(self.run(b"SSCAN" if self.kind == "set" else b"HSCAN", cursor, *options))
        if self.kind == "set":
            return next_cursor, words
        assert words[1::2] == [name + b"x" for name in words[::2]]
        return next_cursor, words[::2]

    def scan_all(self, *options: bytes) -> list[list[bytes]]:
        """The parts of a scan from its begin to its end."""
        parts: list[list[bytes]] = []
        cursor = b"0"
        while not parts or cursor != b"0":
            cursor, names = self.scan(cursor, *options)
            parts.append(names)
        return parts


def numbers(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


@KINDS
def test_a_small_collection_is_given_at_once(kind: str) -> None:
    collection = Collection(kind)
    collection.add(numbers(SMALL))
    assert collection.scan_all(b"COUNT", b"1") == [numbers(SMALL)]
    assert collection.scan(b"77") == (b"0", numbers(SMALL))


@KINDS
def test_a_big_one_that_does_not_change_is_given_once_in_parts_of_about_the_count(kind: str) -> None:
    collection = Collection(kind)
    collection.add(numbers(5_000))
    parts = collection.scan_all(b"COUNT", b"500")
    assert len(parts) == 10
    assert all(350 < len(names) < 650 for names in parts)
    assert Counter(name for names in parts for name in names) == Counter(numbers(5_000))


@KINDS
def test_a_part_is_at_least_about_a_64th_so_that_the_calls_are_few(kind: str) -> None:
    """Each call looks at all members."""
    collection = Collection(kind)
    collection.add(numbers(3_000))
    assert len(collection.scan_all(b"COUNT", b"1")) == 64
    assert len(collection.scan_all(b"COUNT", b"3000")) == 1
    assert len(collection.scan_all(b"COUNT", b"9223372036854775807")) == 1


@KINDS
def test_a_cursor_behind_the_last_member_ends_the_scan(kind: str) -> None:
    collection = Collection(kind)
    collection.add(numbers(SMALL + 1))
    assert collection.scan(b"4294967296") == (b"0", [])
    assert collection.scan(b"18446744073709551615") == (b"0", [])


@given(
    st.integers(min_value=1, max_value=400),
    st.lists(st.tuples(st.booleans(), st.integers(0, 500), st.integers(1, 300), st.integers(1, 100)), max_size=64),
    st.sampled_from(["hash", "set"]),
)
def test_what_is_there_all_the_time_is_given_at_least_once(
    kept: int, changes: list[tuple[bool, int, int, int]], kind: str
) -> None:
    """However the collection grows and shrinks, and whatever COUNT is, between two calls."""
    collection = Collection(kind)
    collection.add([b"kept%d" % number for number in range(kept)])
    collection.add([b"other%d" % number for number in range(0, 800, 2)])
    cursor, seen, count = b"0", set[bytes](), 10
    while True:
        cursor, names = collection.scan(cursor, b"COUNT", b"%d" % count)
        seen.update(names)
        if cursor == b"0":
            break
        if changes:
            adds, start, size, count = changes.pop()
            others = [b"other%d" % number for number in range(start, start + size)]
            (collection.add if adds else collection.remove)(others)
    assert {b"kept%d" % number for number in range(kept)} <= seen


@KINDS
@pytest.mark.parametrize("size", [SMALL, 1_000])
def test_match_gives_only_the_names_that_match(kind: str, size: int) -> None:
    collection = Collection(kind)
    collection.add(numbers(size))
    parts = collection.scan_all(b"match", b"12?", b"COUNT", b"9", b"MATCH", b"11?")
    assert sorted(name for names in parts for name in names) == [b"%d" % number for number in range(110, 120)]


def test_a_missing_collection_is_an_empty_one_whose_options_are_not_read(run: Run) -> None:
    for name in ("HSCAN", "SSCAN"):
        assert part(run(f"{name} nothing 0")) == (b"0", [])
        assert part(run(f"{name} nothing 7 nonsense")) == (b"0", [])


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("string x", "ERR invalid cursor"),
        ("nothing 18446744073709551616", "ERR invalid cursor"),
        ("k ' 0'", "ERR invalid cursor"),
        ("k 0 COUNT", "ERR syntax error"),
        ("k 0 MATCH", "ERR syntax error"),
        ("k 0 COUNT 0", "ERR syntax error"),
        ("k 0 TYPE string", "ERR syntax error"),
        ("k 0 NOVALUES", "ERR syntax error"),
        ("k 0 COUNT x", "ERR value is not an integer or out of range"),
    ],
)
def test_wrong_words_are_refused_in_those_of_redis(run: Run, words: str, error: str) -> None:
    run("SET string v")
    run("HSET k f v")
    assert run(f"HSCAN {words}") == f"-{error}\r\n".encode()
    run("DEL k")
    run("SADD k a")
    assert run(f"SSCAN {words}") == f"-{error}\r\n".encode()
