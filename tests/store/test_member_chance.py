"""SPOP, SRANDMEMBER and HRANDFIELD: what comes by chance, and comes the same way on every server."""

from collections import Counter
from collections.abc import Callable
from itertools import combinations, pairwise

import pytest

from tfraft.store import Store, codec, replies
from tfraft.store.database import Database
from tfraft.store.member_chance import MAX_REPEATED, one_of, repeatedly_of, several_of

Run = Callable[[str], bytes]

A_TO_D = dict.fromkeys([b"a", b"b", b"c", b"d"])
OUT_OF_RANGE = b"-ERR value is out of range\r\n"


def bulks(reply: bytes) -> list[bytes]:
    """The values in a reply that holds bulk strings alone, in arrays or in a set."""
    lines = reply.split(b"\r\n")
    return [value for marker, value in pairwise(lines) if marker.startswith(b"$")]


def test_each_name_is_as_likely_as_another() -> None:
    """A count that is off by 5 standard deviations does not happen by chance."""
    database = Database()
    ones = Counter(one_of(database, A_TO_D) for _ in range(4_000))
    repeated = Counter(repeatedly_of(database, A_TO_D, 4_000))
    for name in A_TO_D:
        assert abs(ones[name] - 1_000) < 140
        assert abs(repeated[name] - 1_000) < 140


def test_each_choice_of_several_is_as_likely_as_another() -> None:
    database = Database()
    pairs = Counter(tuple(several_of(database, A_TO_D, 2)) for _ in range(6_000))
    assert sorted(pairs) == list(combinations(sorted(A_TO_D), 2))
    assert all(abs(count - 1_000) < 150 for count in pairs.values())


@pytest.mark.parametrize("count", range(6))
def test_several_are_different_ones_and_no_more_than_there_are(count: int) -> None:
    names = several_of(Database(), A_TO_D, count)
    assert len(names) == len(set(names)) == min(count, 4)


def test_spop_takes_out_what_it_answers(run: Run) -> None:
    run("SADD s a b c d e")
    taken = bulks(run("SPOP s")) + bulks(run("SPOP s 2"))
    assert (len(taken), run("SCARD s")) == (3, b":2\r\n")
    taken += bulks(run("SPOP s 9"))
    assert (sorted(taken), run("EXISTS s")) == ([b"a", b"b", b"c", b"d", b"e"], b":0\r\n")


def test_without_a_count_there_is_one_member_or_nil_and_with_one_a_collection(run: Run) -> None:
    for command in ("SPOP nothing", "SRANDMEMBER nothing", "HRANDFIELD nothing"):
        assert run(command) == replies.NIL
    assert [run(f"SPOP {words}") for words in ("nothing 0", "nothing 5")] == [b"~0\r\n"] * 2
    for words in ("SRANDMEMBER nothing", "HRANDFIELD nothing"):
        assert [run(f"{words} {count}") for count in (0, 5, -5)] == [b"*0\r\n"] * 3
        assert run(f"{words} -9223372036854775807") == b"*0\r\n"
    run("SADD s a")
    run("HSET h f v")
    assert (run("SRANDMEMBER s"), run("SRANDMEMBER s 3")) == (b"$1\r\na\r\n", b"*1\r\n$1\r\na\r\n")
    assert (run("HRANDFIELD h"), run("HRANDFIELD h 3")) == (b"$1\r\nf\r\n", b"*1\r\n$1\r\nf\r\n")
    assert run("SPOP s 0") == b"~0\r\n"
    assert run("SPOP s 1") == b"~1\r\n$1\r\na\r\n"
    run("SADD s a")
    assert run("SPOP s") == b"$1\r\na\r\n"


def test_with_a_count_below_0_the_same_comes_again(run: Run) -> None:
    run("SADD s a")
    run("HSET h f v")
    assert run("SRANDMEMBER s -2") == b"*2\r\n$1\r\na\r\n$1\r\na\r\n"
    assert run("HRANDFIELD h -2") == b"*2\r\n$1\r\nf\r\n$1\r\nf\r\n"
    assert run("HRANDFIELD nothing -2 WITHVALUES") == b"*0\r\n"


def test_with_values_each_field_comes_in_a_pair(run: Run) -> None:
    run("HSET h f v")
    pair = b"*2\r\n$1\r\nf\r\n$1\r\nv\r\n"
    assert run("HRANDFIELD h 1 WITHVALUES") == b"*1\r\n" + pair
    assert run("HRANDFIELD h -2 withvalues") == b"*2\r\n" + 2 * pair


def test_what_only_reads_takes_nothing_out(store: Store, run: Run) -> None:
    run("SADD s a b c")
    run("HSET h a 1 b 2 c 3")
    digest = store.digest()
    for command in ("SRANDMEMBER s", "SRANDMEMBER s 2", "SRANDMEMBER s -2", "HRANDFIELD h", "HRANDFIELD h 2"):
        assert set(bulks(store.query(codec.encode(command.encode().split())))) <= {b"a", b"b", b"c"}
    assert store.digest() == digest


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("SPOP string x", "ERR value is out of range, must be positive"),
        ("SPOP string -1", "ERR value is out of range, must be positive"),
        ("SPOP string x 2", "ERR syntax error"),
        ("SRANDMEMBER string x", "ERR value is not an integer or out of range"),
        ("SRANDMEMBER string x 2", "ERR syntax error"),
        ("HRANDFIELD string x nonsense", "ERR value is not an integer or out of range"),
        ("HRANDFIELD string 1 nonsense", "ERR syntax error"),
        ("HRANDFIELD string 1 WITHVALUES more", "ERR syntax error"),
        ("HRANDFIELD string 4611686018427387904 nonsense", "ERR syntax error"),
        ("HRANDFIELD string 4611686018427387904 WITHVALUES", "ERR value is out of range"),
        ("HRANDFIELD string -4611686018427387904 WITHVALUES", "ERR value is out of range"),
        (
            "SRANDMEMBER string -9223372036854775808",
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ),
    ],
)
def test_a_count_is_checked_before_the_type(run: Run, words: str, error: str) -> None:
    """The words of Redis 7.0, in its order of checks."""
    run("SET string v")
    assert run(words) == f"-{error}\r\n".encode()


@pytest.mark.parametrize("before", ["SADD k a", "HSET k a 1"])
def test_with_repetition_no_more_are_given_than_memory_holds(run: Run, before: str) -> None:
    run(before)
    name = "SRANDMEMBER" if before.startswith("SADD") else "HRANDFIELD"
    assert run(f"{name} k {-MAX_REPEATED - 1}") == OUT_OF_RANGE
    assert run(f"{name} k -9223372036854775807") == OUT_OF_RANGE
    assert run(f"{name} k 9223372036854775807") == b"*1\r\n$1\r\na\r\n"


@pytest.mark.parametrize("before", [[b"SADD", b"k"], [b"HSET", b"k", b"f"]])
def test_with_repetition_long_members_count_for_as_much_as_they_are(store: Store, before: list[bytes]) -> None:
    store.apply(codec.encode([*before, b"v" * (1 << 20)]))
    name = b"SRANDMEMBER" if before[0] == b"SADD" else b"HRANDFIELD"
    assert store.query(codec.encode([name, b"k", b"-513"])) == OUT_OF_RANGE


def test_servers_agree_on_what_spop_takes_whatever_was_asked_of_each() -> None:
    """Two servers, one restored from a snapshot of the other, and asked other queries: equal replies, equal states."""
    first, second = Store(), Store()
    first.apply(codec.encode([b"SADD", b"s", *(b"%d" % number for number in range(200))]))
    first.apply(codec.encode([b"SREM", b"s", b"7", b"9"]))
    first.apply(codec.encode([b"SADD", b"s", b"7"]))
    second.restore(list(first.snapshot()))
    answers = []
    for command in ([b"SPOP", b"s"], [b"SPOP", b"s", b"20"], [b"SPOP", b"s", b"170"], [b"SPOP", b"s"]):
        second.query(codec.encode([b"SRANDMEMBER", b"s", b"-3"]))
        answers.append(first.apply(codec.encode(command)))
        assert second.apply(codec.encode(command)) == answers[-1]
        assert second.digest() == first.digest()
    assert len({name for answer in answers for name in bulks(answer)}) == 192
