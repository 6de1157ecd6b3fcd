"""The commands on single members of a SET: Redis's, and tf-raft's own SSET, SHAS and SDEL."""

from collections.abc import Callable

import pytest

from tfraft.store import Store, replies

Run = Callable[[str], bytes]


@pytest.mark.parametrize("name", ["SSET", "SADD"])
def test_sset_and_sadd_answer_how_many_values_are_new(run: Run, name: str) -> None:
    assert run(f"{name} colours red Green red") == b":2\r\n"
    assert run(f"{name} colours red blue") == b":1\r\n"
    assert run(f"{name} colours red blue") == b":0\r\n"
    assert run("SMEMBERS colours") == b"~3\r\n$3\r\nred\r\n$5\r\nGreen\r\n$4\r\nblue\r\n"


def test_shas_tells_whether_a_value_is_in_the_set(run: Run) -> None:
    run("SSET colours Green ''")
    assert run("SHAS colours Green") == replies.TRUE
    assert run("SHAS colours ''") == replies.TRUE
    assert run("SHAS colours green") == replies.FALSE
    assert run("SHAS nothing Green") == replies.FALSE


def test_sismember_and_smismember_answer_in_numbers(run: Run) -> None:
    run("SADD colours Green ''")
    assert [run(f"SISMEMBER {at}") for at in ("colours Green", "colours ''", "colours green", "nothing Green")] == [
        b":1\r\n",
        b":1\r\n",
        b":0\r\n",
        b":0\r\n",
    ]
    assert run("SMISMEMBER colours Green green Green") == b"*3\r\n:1\r\n:0\r\n:1\r\n"
    assert run("SMISMEMBER nothing a b") == b"*2\r\n:0\r\n:0\r\n"


@pytest.mark.parametrize("name", ["SDEL", "SREM"])
def test_sdel_and_srem_answer_how_many_values_there_were(run: Run, name: str) -> None:
    run("SSET colours red green blue")
    assert run(f"{name} colours red nope red") == b":1\r\n"
    assert run("SHAS colours red") == replies.FALSE
    assert run("SHAS colours green") == replies.TRUE
    assert run(f"{name} colours nope") == b":0\r\n"
    assert run(f"{name} nothing red") == b":0\r\n"


@pytest.mark.parametrize("command", ["SDEL s b a", "SREM s b a"])
def test_with_its_last_value_goes_the_set(run: Run, command: str) -> None:
    run("SSET s a b")
    assert run(command) == b":2\r\n"
    assert run("TYPE s") == b"+none\r\n"
    assert run("DBSIZE") == b":0\r\n"


def test_smove_takes_from_one_set_and_adds_to_the_other(run: Run) -> None:
    run("SADD a x y")
    assert run("SMOVE a b x") == b":1\r\n"
    assert run("SMOVE a b x") == b":0\r\n"
    assert (run("SMEMBERS a"), run("SMEMBERS b")) == (b"~1\r\n$1\r\ny\r\n", b"~1\r\n$1\r\nx\r\n")
    run("SADD b y")
    assert run("SMOVE a b y") == b":1\r\n"
    assert (run("EXISTS a"), run("SCARD b")) == (b":0\r\n", b":2\r\n")


def test_smove_to_the_same_set_changes_nothing(run: Run) -> None:
    run("SADD a x")
    assert (run("SMOVE a a x"), run("SMOVE a a y")) == (b":1\r\n", b":0\r\n")
    assert run("SMEMBERS a") == b"~1\r\n$1\r\nx\r\n"


def test_smove_looks_at_the_type_of_the_destination_once_the_source_exists(run: Run) -> None:
    run("SET string x")
    run("SADD a x")
    assert run("SMOVE nothing string x") == b":0\r\n"
    assert run("SMOVE a string nope") == replies.WRONGTYPE
    assert run("SMOVE string a x") == replies.WRONGTYPE
    assert run("SMEMBERS a") == b"~1\r\n$1\r\nx\r\n"


@pytest.mark.parametrize("before", ["SET k v", "HSET k v 1"])
@pytest.mark.parametrize(
    "command",
    ["SSET k a", "SADD k a", "SHAS k v", "SISMEMBER k v", "SMISMEMBER k v", "SDEL k v", "SREM k v", "SMOVE k other v"],
)
def test_another_type_is_refused_and_nothing_changes(store: Store, run: Run, before: str, command: str) -> None:
    run(before)
    digest = store.digest()
    assert run(command) == replies.WRONGTYPE
    assert store.digest() == digest
