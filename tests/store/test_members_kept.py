"""What holds for every command that changes a hash or a set: deadlines, versions, and a snapshot that is under way."""

from collections.abc import Callable

import pytest

from tfraft.store import Store, codec
from tfraft.store.commands import COMMANDS
from tfraft.store.database import Database

Run = Callable[[str], bytes]

BEFORE = ["HSET h f 1 g 2", "SADD s a b c", "SADD t x y"]
ON_HASHES = ["HSET h f 2", "HMSET h n 2", "HSETNX h n 2", "HDEL h f", "HINCRBY h f 1", "HINCRBYFLOAT h f 0.5"]
ON_SETS = ["SADD s d", "SREM s a", "SSET s d", "SDEL s a", "SPOP s", "SPOP s 2", "SMOVE s t a", "SMOVE t s x"]
STORING = ["SINTERSTORE s t", "SUNIONSTORE s t", "SDIFFSTORE s t"]
WITHOUT_EFFECT = ["HSETNX h f 3", "HDEL h no", "SADD s a", "SREM s no", "SPOP s 0", "SMOVE s t no", "SMOVE s s a"]


def words(line: str) -> list[bytes]:
    return line.encode().split()


@pytest.mark.parametrize("command", [*ON_HASHES, *ON_SETS])
def test_a_change_in_place_keeps_the_deadline(run: Run, command: str) -> None:
    for line in (*BEFORE, "EXPIRE h 100", "EXPIRE s 100"):
        run(line)
    assert not run(command).startswith(b"-")
    assert run("TTL h") == run("TTL s") == b":100\r\n"


@pytest.mark.parametrize("command", [*ON_HASHES, *ON_SETS, *STORING])
def test_a_change_makes_a_new_version(command: str) -> None:
    """WATCH: a transaction must see that a key is no longer what it was."""
    database = Database()
    for line in BEFORE:
        COMMANDS[words(line)[0]].run(database, words(line))
    key = words(command)[1]
    before = database.version_of(key)
    COMMANDS[words(command)[0]].run(database, words(command))
    assert database.version_of(key) > before


@pytest.mark.parametrize("command", WITHOUT_EFFECT)
def test_what_changes_nothing_makes_no_new_version(command: str) -> None:
    database = Database()
    for line in BEFORE:
        COMMANDS[words(line)[0]].run(database, words(line))
    before = [database.version_of(key) for key in (b"h", b"s", b"t")]
    COMMANDS[words(command)[0]].run(database, words(command))
    assert [database.version_of(key) for key in (b"h", b"s", b"t")] == before


@pytest.mark.parametrize("command", [*ON_HASHES, *ON_SETS, *STORING, *WITHOUT_EFFECT])
def test_a_snapshot_that_is_under_way_does_not_see_the_change(store: Store, run: Run, command: str) -> None:
    """Chapter 5: a snapshot is of one moment."""
    for line in BEFORE:
        run(line)
    digest = store.digest()
    snapshot = store.snapshot()
    first = next(snapshot)
    run(command)
    restored = Store()
    restored.restore([first, *snapshot])
    assert restored.digest() == digest


def test_all_commands_of_the_two_families_that_write_are_tried_here() -> None:
    writing = {name for name, command in COMMANDS.items() if command.writes and command.group in ("hash", "set")}
    assert writing == {words(line)[0] for line in (*ON_HASHES, *ON_SETS, *STORING)}


def test_a_member_that_a_query_gives_is_not_changed_by_it(store: Store, run: Run) -> None:
    for line in BEFORE:
        run(line)
    digest = store.digest()
    for name, command in COMMANDS.items():
        if command.group in ("hash", "set") and not command.writes:
            store.query(codec.encode([name, *words(command.example.replace("user", "h").replace("colours", "s"))[1:]]))
    assert store.digest() == digest
