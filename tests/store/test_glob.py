"""The patterns of KEYS and SCAN."""

import pytest

from tfraft.store import MAX_KEY_BYTES, Store, codec
from tfraft.store.glob import compile_glob


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("", [""], ["a"]),
        ("*", ["", "a", "a\nb"], []),
        ("**", ["a", "a\nb"], [""]),
        ("a*", ["a", "abc"], ["", "ba"]),
        ("*a", ["a", "ba"], ["ab"]),
        ("a*b*c", ["abc", "a1b2c", "abcbc"], ["ab", "acb", "abca"]),
        ("a**c", ["ac", "abc"], ["a"]),
        ("a*x*y*c", ["axyc", "a1x2y3c"], ["ayxc", "ayc", "axc"]),
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
    assert store.query(codec.encode([b"SCAN", b"0", b"MATCH", b"k" * (MAX_KEY_BYTES + 1)])) == store.query(too_long)
    assert store.query(too_long) == b"-ERR a pattern may have at most 65536 bytes, this one has 65537\r\n"
