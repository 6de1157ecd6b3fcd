"""SSET, SHAS and SDEL: the SET."""

from collections.abc import Callable

import pytest

from tfraft.store import Store, replies

Run = Callable[[str], bytes]


def test_sset_answers_how_many_values_are_new(run: Run) -> None:
    assert run("SSET colours red Green red") == b":2\r\n"
    assert run("SSET colours red blue") == b":1\r\n"
    assert run("SSET colours red blue") == b":0\r\n"


def test_shas_tells_whether_a_value_is_in_the_set(run: Run) -> None:
    run("SSET colours Green ''")
    assert run("SHAS colours Green") == replies.TRUE
    assert run("SHAS colours ''") == replies.TRUE
    assert run("SHAS colours green") == replies.FALSE
    assert run("SHAS nothing Green") == replies.FALSE


def test_sdel_answers_how_many_values_there_were(run: Run) -> None:
    run("SSET colours red green blue")
    assert run("SDEL colours red nope red") == b":1\r\n"
    assert run("SHAS colours red") == replies.FALSE
    assert run("SHAS colours green") == replies.TRUE
    assert run("SDEL colours nope") == b":0\r\n"
    assert run("SDEL nothing red") == b":0\r\n"


def test_with_its_last_value_goes_the_set(run: Run) -> None:
    run("SSET s a b")
    assert run("SDEL s b a") == b":2\r\n"
    assert run("TYPE s") == b"+none\r\n"
    assert run("DBSIZE") == b":0\r\n"


@pytest.mark.parametrize("before", ["SET k v", "HSET k v 1"])
@pytest.mark.parametrize("command", ["SSET k a", "SHAS k v", "SDEL k v"])
def test_another_type_is_refused_and_nothing_changes(store: Store, run: Run, before: str, command: str) -> None:
    run(before)
    digest = store.digest()
    assert run(command) == replies.WRONGTYPE
    assert store.digest() == digest
