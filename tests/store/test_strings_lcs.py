"""LCS: of all longest common subsequences the one that Redis gives."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfraft.store import MAX_VALUE_BYTES, Store, codec, replies
from tfraft.store.lcs import common_runs

Run = Callable[[str], bytes]


def pairs_by_the_table(a: bytes, b: bytes) -> list[tuple[int, int]]:
    """The textbook: a table of lengths, and the way back from its end, as Redis goes it."""
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            alike = a[i - 1] == b[j - 1]
            table[i][j] = table[i - 1][j - 1] + 1 if alike else max(table[i - 1][j], table[i][j - 1])
    pairs = []
    i, j = len(a), len(b)
    while i and j:
        if a[i - 1] == b[j - 1]:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif table[i - 1][j] > table[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return pairs


FEW = st.lists(st.sampled_from(b"abc"), max_size=24).map(bytes)


@given(FEW | st.binary(max_size=80), FEW | st.binary(max_size=80))
def test_the_subsequence_is_that_of_the_textbooks_table(a: bytes, b: bytes) -> None:
    runs = list(common_runs(a, b))
    pairs = [(run.start_a + at, run.start_b + at) for run in runs for at in reversed(range(run.length))]
    assert pairs == pairs_by_the_table(a, b)
    for later, earlier in pairwise(runs):
        end = (earlier.start_a + earlier.length, earlier.start_b + earlier.length)
        assert end != (later.start_a, later.start_b), "two runs without a gap between them are one"


@pytest.fixture
def two_texts(run: Run) -> None:
    run("MSET a ohmytext b mynewtext")


@pytest.mark.usefixtures("two_texts")
@pytest.mark.parametrize(
    ("options", "reply"),
    [
        ("", b"$6\r\nmytext\r\n"),
        ("LEN", b":6\r\n"),
        ("len WITHMATCHLEN MINMATCHLEN 9", b":6\r\n"),
        ("MINMATCHLEN 9", b"$6\r\nmytext\r\n"),
        (
            "IDX MINMATCHLEN -1",
            b"%2\r\n$7\r\nmatches\r\n*2\r\n*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n"
            b"*2\r\n*2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n$3\r\nlen\r\n:6\r\n",
        ),
        (
            "IDX MINMATCHLEN 4 WITHMATCHLEN",
            b"%2\r\n$7\r\nmatches\r\n*1\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n$3\r\nlen\r\n:6\r\n",
        ),
        ("IDX MINMATCHLEN 2 MINMATCHLEN 9", b"%2\r\n$7\r\nmatches\r\n*0\r\n$3\r\nlen\r\n:6\r\n"),
        ("LEN IDX", b"-ERR If you want both the length and indexes, please just use IDX.\r\n"),
        ("MINMATCHLEN x", b"-ERR value is not an integer or out of range\r\n"),
        ("MINMATCHLEN", b"-ERR syntax error\r\n"),
        ("FOO", b"-ERR syntax error\r\n"),
    ],
)
def test_lcs_answers_what_its_options_ask_for(run: Run, options: str, reply: bytes) -> None:
    assert run(f"LCS a b {options}") == reply


def test_a_missing_string_has_nothing_in_common(run: Run) -> None:
    run("SET a abc")
    assert run("LCS a none") == run("LCS none a") == run("LCS none none") == replies.bulk(b"")
    assert run("LCS none a IDX") == b"%2\r\n$7\r\nmatches\r\n*0\r\n$3\r\nlen\r\n:0\r\n"


def test_another_type_is_refused_before_the_options_are_read(run: Run) -> None:
    run("HSET h f v")
    for line in ("LCS h none FOO", "LCS none h"):
        assert run(line) == b"-ERR The specified keys must contain string values\r\n"


def test_strings_that_would_need_too_large_a_table_are_refused(store: Store) -> None:
    for key, size in ((b"long", MAX_VALUE_BYTES), (b"short", 8), (b"shorter", 7)):
        store.apply(codec.encode([b"SET", key, b"x" * size]))
    refusal = b"-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len\r\n"
    assert store.query(codec.encode([b"LCS", b"short", b"long"])) == refusal
    assert store.query(codec.encode([b"LCS", b"shorter", b"long", b"LEN"])) == b":7\r\n"
