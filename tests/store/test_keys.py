"""DEL, EXISTS, TYPE, KEYS and DBSIZE: keys of any type; and the patterns of KEYS."""

from collections.abc import Callable

import pytest

from tfraft.store import MAX_KEY_BYTES, Store, codec, replies
from tfraft.store.keys import compile_glob

Run = Callable[[str], bytes]


@pytest.fixture
def three_types(run: Run) -> None:
    run("SET string v")
    run("HSET hash f v")
    run("SSET set v")


@pytest.mark.usefixtures("three_types")
def test_del_removes_keys_of_any_type_and_answers_how_many_there_were(run: Run) -> None:
    assert run("DEL string hash set nothing string") == b":3\r\n"
    assert run("DBSIZE") == b":0\r\n"
    assert run("DEL string") == b":0\r\n"


@pytest.mark.usefixtures("three_types")
def test_type_names_the_type_or_none(run: Run) -> None:
    assert [run(f"TYPE {key}") for key in ("string", "hash", "set", "nothing")] == [
        b"+string\r\n",
        b"+hash\r\n",
        b"+set\r\n",
        b"+none\r\n",
    ]


@pytest.mark.usefixtures("three_types")
def test_exists_counts_a_key_as_often_as_it_is_named(run: Run) -> None:
    assert run("EXISTS string hash nothing string") == b":3\r\n"


def test_dbsize_counts_keys_not_members(run: Run) -> None:
    assert run("DBSIZE") == b":0\r\n"
    run("HSET h a 1 b 2")
    run("SET s v")
    assert run("DBSIZE") == b":2\r\n"


def test_keys_are_sorted_by_their_bytes_whatever_their_history(run: Run) -> None:
    for key in ("user:2", "User:3", "user:10", "other"):
        run(f"SET {key} v")
    run("DEL user:2")
    run("SSET user:2 v")
    assert replies.parse(run("KEYS ?ser:*")) == [b"User:3", b"user:10", b"user:2"]
    assert replies.parse(run("KEYS nothing*")) == []


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("", [""], ["a"]),
        ("*", ["", "a", "a\nb"], []),
        ("a*", ["a", "abc"], ["", "ba"]),
        ("*a", ["a", "ba"], ["ab"]),
        ("a*b*c", ["abc", "a1b2c", "abcbc"], ["ab", "acb", "abca"]),
        ("a**c", ["ac", "abc"], ["a"]),
        ("aa*aa", ["aaaa", "aa1aa"], ["aaa"]),
        ("*ab?d*", ["xabcdx"], ["abd"]),
        ("h?llo", ["hello", "h\nllo"], ["hllo", "heello"]),
        ("h[ae]llo", ["hallo", "hello"], ["hillo", "h[ae]llo"]),
        ("h[^e]llo", ["hallo", "h^llo"], ["hello"]),
        ("[a-c]", ["a", "b", "c"], ["d", "-"]),
        ("[c-a]", ["a", "b", "c"], ["d", "-"]),
        ("[a-]", ["a", "^", "]"], ["-", "b"]),
        ("[a-", ["a", "-"], ["[a-", "]"]),
        ("[-a]", ["-", "a"], ["b"]),
        ("[a\\]]", ["a", "]"], ["\\"]),
        ("[\\^a]", ["^", "a"], ["b"]),
        ("[]", [], ["", "]", "a"]),
        ("[^]", ["a", "]"], [""]),
        ("*[]", [], ["", "a"]),
        ("[ab", ["a", "b"], ["[ab", "["]),
        ("[\\", ["\\"], ["["]),
        ("\\*", ["*"], ["a", "\\*"]),
        ("\\a", ["a"], ["\\a"]),
        ("a\\", ["a\\"], ["a"]),
        (".+(x)", [".+(x)"], ["axx"]),
    ],
)
def test_a_pattern_means_what_it_means_to_redis(pattern: str, matching: list[str], others: list[str]) -> None:
    glob = compile_glob(pattern.encode())
    assert [key for key in matching + others if glob.matches(key.encode())] == matching


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    """A matcher that tries every place for every star would not end while the machine stands."""
    assert not compile_glob(b"a*" * 10_000 + b"b").matches(b"a" * 20_000)


def test_a_pattern_longer_than_a_key_may_be_is_refused(store: Store) -> None:
    longest = codec.encode([b"KEYS", b"k" * MAX_KEY_BYTES])
    too_long = codec.encode([b"KEYS", b"k" * (MAX_KEY_BYTES + 1)])
    assert store.query(longest) == b"*0\r\n"
    assert store.query(too_long) == b"-ERR a pattern may have at most 65536 bytes, this one has 65537\r\n"
