"""The commands that read a SET as a whole; what comes by chance is in test_member_chance, in parts in test_scans."""

from collections.abc import Callable

import pytest

from tfraft.store import Store, replies

Run = Callable[[str], bytes]


def test_a_set_is_given_as_a_set(run: Run) -> None:
    run("SADD s b '' a b")
    assert run("SMEMBERS s") == b"~3\r\n$1\r\nb\r\n$0\r\n\r\n$1\r\na\r\n"
    assert run("SCARD s") == b":3\r\n"


def test_a_missing_set_is_an_empty_one(run: Run) -> None:
    assert run("SMEMBERS nothing") == b"~0\r\n"
    assert run("SCARD nothing") == b":0\r\n"


@pytest.mark.parametrize("before", ["SET k v", "HSET k v 1"])
@pytest.mark.parametrize(
    "command",
    ["SMEMBERS k", "SCARD k", "SPOP k", "SPOP k 0", "SRANDMEMBER k", "SRANDMEMBER k 1", "SSCAN k 0", "SSCAN k 0 x"],
)
def test_another_type_is_refused_and_nothing_changes(store: Store, run: Run, before: str, command: str) -> None:
    run(before)
    digest = store.digest()
    assert run(command) == replies.WRONGTYPE
    assert store.digest() == digest
