"""The state machine: apply, query, snapshot, restore, digest."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable

import msgspec
import pytest

from tfraft.errors import CorruptState, ForeignData, TfRaftError
from tfraft.store import COMMANDS, Store, codec, replies

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
            reply = filled.query(codec.encode(command.example.encode().split(maxsplit=command.min_args)))
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


def test_a_restored_store_equals_the_one_it_was_taken_from(filled: Store) -> None:
    copy = Store()
    copy.apply(codec.encode([b"SET", b"old", b"gone"]))
    copy.restore(filled.snapshot())
    assert copy.digest() == filled.digest()
    assert copy.snapshot() == filled.snapshot()


def test_a_restored_store_goes_on_like_the_original(filled: Store) -> None:
    """SM: a server that starts from a snapshot gives the same replies and reaches the same state."""
    copy = Store()
    copy.restore(filled.snapshot())
    for line in (b"HSET hash c 3", b"HDEL hash a b", b"SSET set w", b"SDEL set z y", b"SET string x", b"HGET hash c"):
        command = codec.encode(line.split())
        assert copy.apply(command) == filled.apply(command)
    assert copy.snapshot() == filled.snapshot()


def test_a_snapshot_keeps_keys_fields_and_members_in_the_order_in_which_they_came(filled: Store) -> None:
    """Whatever takes members in order one day does the same on a server that started from a snapshot."""
    _, _, content = msgspec.msgpack.decode(filled.snapshot())
    assert list(content) == [b"string", b"hash", b"set"]
    assert list(content[b"hash"]) == [b"b", b"a"]
    assert content[b"set"] == [b"z", b"y", b"x"]


def test_a_snapshot_does_not_change_with_what_is_done_afterwards(filled: Store) -> None:
    snapshot = filled.snapshot()
    filled.apply(codec.encode([b"HSET", b"hash", b"new", b"1"]))
    copy = Store()
    copy.restore(snapshot)
    assert copy.query(codec.encode([b"HGET", b"hash", b"new"])) == replies.NIL


def snapshot_of(content: object, kind: object = b"tf-raft store", version: object = 1) -> bytes:
    return msgspec.msgpack.encode((kind, version, content))


@pytest.mark.parametrize(
    ("snapshot", "error", "text"),
    [
        (b"", CorruptState, "truncated"),
        (b"\xc1", CorruptState, "malformed"),
        (snapshot_of({}) + b"\0", CorruptState, "trailing"),
        (snapshot_of({})[:-1], CorruptState, "truncated"),
        (b"\x93\xa1\xff\x01\x80", CorruptState, "damaged"),
        (snapshot_of({b"k": 1}), CorruptState, "damaged"),
        (snapshot_of({b"k": b"v", b"h": {}}), CorruptState, "nothing in the hash or set b'h'"),
        (snapshot_of({b"k": b"v", b"s": []}), CorruptState, "nothing in the hash or set b's'"),
        (snapshot_of([], version=2), ForeignData, "in version 1, saw b'tf-raft store' in version 2"),
        (snapshot_of({}, kind=b"other"), ForeignData, "saw b'other'"),
    ],
)
def test_a_damaged_or_foreign_snapshot_is_refused_and_nothing_changes(
    filled: Store, snapshot: bytes, error: type[TfRaftError], text: str
) -> None:
    digest = filled.digest()
    with pytest.raises(error, match=text):
        filled.restore(snapshot)
    assert filled.digest() == digest


def test_the_digest_is_the_same_whatever_the_history(store: Store) -> None:
    other = Store()
    for line in (b"SET a 1", b"HSET h x 1 y 2", b"SSET s m n"):
        store.apply(codec.encode(line.split()))
    for line in (b"SSET s n o", b"SDEL s o", b"HSET h y 0", b"SSET s m", b"HSET h x 1", b"SET a 1", b"HSET h y 2"):
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
    ],
)
def test_different_states_have_different_digests(one: str, another: str) -> None:
    digests = set()
    for line in (one, another):
        store = Store()
        store.apply(codec.encode([word.strip("'").encode() for word in line.split()]))
        digests.add(store.digest())
    assert len(digests) == 2


def test_an_empty_store_has_the_digest_of_nothing(store: Store) -> None:
    assert store.digest() == hashlib.sha256().hexdigest()


SCRIPT = """
import random
from tfraft.store import Store, codec
store, chance = Store(), random.Random(7)
for _ in range(2000):
    name = chance.choice([b"SSET", b"SDEL", b"HSET", b"HDEL", b"DEL"])
    key = (b"h" if name.startswith(b"H") else b"s") + b"%d" % chance.randrange(5)
    words = [b"%d" % chance.randrange(40) for _ in range(6)]
    store.apply(codec.encode([name, key] + (words[:0] if name == b"DEL" else words)))
print(store.digest(), store.snapshot().hex(), store.query(codec.encode([b"KEYS", b"*"])))
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
