"""Intersections, unions and differences of SETs: replies and errors are those of Redis 7.0."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfraft.store import Store, replies
from tfraft.store.set_algebra import difference, intersection, union
from tfraft.store.values import SetValue

Run = Callable[[str], bytes]

SETS = st.lists(st.frozensets(st.sampled_from([b"%d" % number for number in range(9)])), min_size=1, max_size=4)


def bulk_set(members: str) -> bytes:
    return b"~%d\r\n%b" % (len(members), b"".join(replies.bulk(member.encode()) for member in members))


@pytest.fixture(autouse=True)
def three_sets(run: Run) -> None:
    run("SADD abcd a b c d")
    run("SADD dcx d c x")
    run("SADD d d")
    run("SET string v")


@given(SETS)
def test_the_results_are_those_of_the_theory_of_sets(sets: list[frozenset[bytes]]) -> None:
    values = [SetValue(dict.fromkeys(sorted(members))) for members in sets]
    assert sorted(intersection(values)) == sorted(frozenset.intersection(*sets))
    assert sorted(union(values)) == sorted(frozenset.union(*sets))
    assert sorted(difference(values)) == sorted(sets[0].difference(*sets[1:]))


@pytest.mark.parametrize(
    ("command", "members"),
    [
        ("SINTER abcd dcx", "dc"),
        ("SINTER abcd", "abcd"),
        ("SINTER abcd dcx d", "d"),
        ("SINTER abcd nothing", ""),
        ("SUNION abcd dcx", "abcdx"),
        ("SUNION nothing d", "d"),
        ("SUNION nothing", ""),
        ("SDIFF abcd dcx", "ab"),
        ("SDIFF abcd nothing d", "abc"),
        ("SDIFF nothing abcd", ""),
    ],
)
def test_members_come_in_the_order_of_the_first_or_the_smallest_set(run: Run, command: str, members: str) -> None:
    """In the order of a Python set the reply in a transaction would be another one on each server."""
    assert run(command) == bulk_set(members)
    stored = command.replace(" ", "STORE result ", 1)
    assert run(stored) == replies.integer(len(members))
    assert run("SMEMBERS result") == bulk_set(members)


@pytest.mark.parametrize("before", ["SET result v", "HSET result f v", "SADD result q"])
def test_a_result_replaces_whatever_was_there_and_its_deadline(run: Run, before: str) -> None:
    run(before)
    run("EXPIRE result 100")
    assert run("SINTERSTORE result abcd dcx") == b":2\r\n"
    assert run("SMEMBERS result") == bulk_set("dc")
    assert run("TTL result") == b":-1\r\n"


@pytest.mark.parametrize("before", ["SET result v", "SADD result q"])
def test_an_empty_result_removes_what_was_there(run: Run, before: str) -> None:
    run(before)
    assert run("SDIFFSTORE result d abcd") == b":0\r\n"
    assert run("EXISTS result") == b":0\r\n"


def test_a_result_may_go_where_it_comes_from(run: Run) -> None:
    assert run("SDIFFSTORE abcd abcd d") == b":3\r\n"
    assert run("SMEMBERS abcd") == bulk_set("abc")
    assert run("SUNIONSTORE d dcx") == b":3\r\n"
    run("SADD d new")
    assert run("SCARD dcx") == b":3\r\n"


@pytest.mark.parametrize(
    "name", ["SINTER", "SUNION", "SDIFF", "SINTERSTORE result", "SUNIONSTORE result", "SDIFFSTORE d"]
)
@pytest.mark.parametrize("keys", ["string", "string abcd", "abcd string", "nothing string"])
def test_another_type_is_refused_even_after_a_missing_set(store: Store, run: Run, name: str, keys: str) -> None:
    digest = store.digest()
    assert run(f"{name} {keys}") == replies.WRONGTYPE
    assert store.digest() == digest


@pytest.mark.parametrize(
    ("arguments", "reply"),
    [
        ("2 abcd dcx", ":2"),
        ("1 abcd", ":4"),
        ("2 abcd nothing", ":0"),
        ("2 abcd dcx LIMIT 1", ":1"),
        ("2 abcd dcx limit 5", ":2"),
        ("2 abcd dcx LIMIT 0", ":2"),
        ("2 abcd dcx LIMIT 1 LIMIT 9223372036854775807", ":2"),
        ("2 abcd string", replies.WRONGTYPE.decode().strip()),
        ("2 nothing string", replies.WRONGTYPE.decode().strip()),
        ("0 abcd", "-ERR numkeys should be greater than 0"),
        ("-1 abcd", "-ERR numkeys should be greater than 0"),
        ("x string", "-ERR numkeys should be greater than 0"),
        ("2 string", "-ERR Number of keys can't be greater than number of args"),
        ("9223372036854775807 string", "-ERR Number of keys can't be greater than number of args"),
        ("1 string abcd", "-ERR syntax error"),
        ("1 string LIMIT", "-ERR syntax error"),
        ("1 string LIMIT 1 LIMIT", "-ERR syntax error"),
        ("1 string AT 1", "-ERR syntax error"),
        ("1 string LIMIT -1", "-ERR LIMIT can't be negative"),
        ("1 string LIMIT x", "-ERR LIMIT can't be negative"),
    ],
)
def test_sintercard_counts_up_to_its_limit(run: Run, arguments: str, reply: str) -> None:
    assert run(f"SINTERCARD {arguments}") == f"{reply}\r\n".encode()
