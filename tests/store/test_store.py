"""The state machine: apply, query, digest; and what must not depend on the hash seed."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable

import pytest

from tfraft.store import COMMANDS, Store, codec

Run = Callable[[str], bytes]

NOT_COMMANDS = [b"", b"\x90", b"\xc0", b"\xc1", b"\x91\xa1a", b"\x91\xc4\x01a\x00", b"SET a 1", b"\xdd\xff\xff\xff\xff"]


@pytest.fixture
def filled(store: Store, run: Run) -> Store:
    """A store with a key of each type."""
    run("SET string ''")
    run("HSET hash b 1 a 2")
    run("SSET set z y x")
    return store


@pytest.mark.parametrize("command", NOT_COMMANDS)
def test_bytes_that_are_no_command_get_an_error_as_a_reply(filled: Store, command: bytes) -> None:
    """Pitfall 33: an entry whose application raises must not stop the node."""
    digest = filled.digest()
    assert filled.apply(command).startswith(b"-ERR the bytes are not a command: ")
    assert filled.query(command).startswith(b"-ERR the bytes are not a command: ")
    assert filled.digest() == digest


def test_a_read_can_be_applied_or_queried_alike(filled: Store) -> None:
    get = codec.encode([b"get", b"string"])
    assert filled.apply(get) == filled.query(get) == b"$0\r\n\r\n"


def test_a_query_refuses_to_write(filled: Store) -> None:
    digest = filled.digest()
    for command in COMMANDS.values():
        if command.writes:
            reply = filled.query(codec.encode([word.encode() for word in shlex.split(command.example)]))
            assert reply == f"-ERR {command.name} writes, and a query may only read\r\n".encode()
    assert filled.digest() == digest


@pytest.mark.parametrize(
    ("line", "is_read"),
    [
        ("GET a", True),
        ("get a", True),
        ("KEYS *", True),
        ("SET a 1", False),
        ("set a 1", False),
        ("HDEL a f", False),
        ("SET a", True),
        ("NOSUCH a", True),
    ],
)
def test_what_cannot_change_anything_is_a_read(store: Store, line: str, is_read: bool) -> None:
    """An unknown command and a wrong number of arguments are errors whatever the state."""
    words = line.encode().split()
    assert store.is_read(words) is is_read
    refusal = b"writes, and a query may only read"
    assert (refusal not in store.query(codec.encode(words))) is is_read


def test_a_restored_store_goes_on_like_the_original(filled: Store) -> None:
    """SM: a server that starts from a snapshot gives the same replies and reaches the same state."""
    copy = Store()
    copy.restore(filled.snapshot())
    for line in (b"HSET hash c 3", b"HDEL hash a b", b"SSET set w", b"SDEL set z y", b"SET string x", b"HGET hash c"):
        command = codec.encode(line.split())
        assert copy.apply(command) == filled.apply(command)
    assert b"".join(copy.snapshot()) == b"".join(filled.snapshot())


def test_the_digest_is_the_same_whatever_the_order_of_members(store: Store) -> None:
    other = Store()
    for line in (b"HSET h x 1 y 2", b"SSET s m n"):
        store.apply(codec.encode(line.split()))
    for line in (b"HSET h y 2 x 1", b"SSET s n m"):
        other.apply(codec.encode(line.split()))
    assert store.digest() == other.digest()


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("SET k v", "SET k w"),
        ("SET k v", "SET l v"),
        ("SET k ''", "DEL k"),
        ("HSET k f v", "HSET k f w"),
        ("HSET k a bc", "HSET k ab c"),
        ("SSET k ab c", "SSET k a bc"),
        ("SSET k v", "SET k v"),
        ("SET k v; EXPIRE k 10", "SET k v; EXPIRE k 11"),
        ("SET k v; EXPIRE k 10", "SET k v; HDEL k f"),
        ("SET k v", "SET k v; SET k v"),
        ("SET k v; DEL k", "DEL k"),
    ],
)
def test_different_states_have_different_digests(one: str, another: str) -> None:
    digests = set()
    for lines in (one, another):
        store = Store()
        for line in lines.split("; "):
            store.apply(codec.encode([word.strip("'").encode() for word in line.split()]))
        digests.add(store.digest())
    assert len(digests) == 2


def test_log_time_is_part_of_the_digest(store: Store) -> None:
    """What the next commands do depends on it."""
    digest = store.digest()
    store.advance(1)
    assert store.digest() != digest


SCRIPT = """
import random
from tfraft.store import Store, codec
from tfraft.store.envelope import Command, Registration
from tfraft.store.sessions import Sessions
store, chance = Store(), random.Random(7)
sessions = Sessions(store)
for index in range(1, 2000):
    name = chance.choice([b"SSET", b"SDEL", b"HSET", b"HDEL", b"DEL"])
    key = (b"h" if name.startswith(b"H") else b"s") + b"%d" % chance.randrange(5)
    words = [b"%d" % chance.randrange(40) for _ in range(6)]
    command = codec.encode([name, key] + (words[:0] if name == b"DEL" else words))
    if index % 50 == 1:
        sessions.register(index, Registration(index, 100, 3).encode())
    print(sessions.apply(Command(index, command, chance.randrange(index), index, max(index - 9, 0)).encode()))
print(sessions.digest(), b"".join(sessions.snapshot()), store.query(codec.encode([b"KEYS", b"*"])))
"""


def test_state_order_and_digest_do_not_depend_on_the_hash_seed() -> None:
    """Pitfall 34: the order of a Python set, or of anything hashed, must not reach state or reply."""
    outputs = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", SCRIPT]
        outputs.add(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
    [output] = outputs
    assert len(output) > 500
