"""Transactions: several commands as one entry of the log, unless a watched key has changed."""

from collections.abc import Callable, Sequence

import pytest

from tfraft.store import Store, codec, replies
from tfraft.store.transactions import transaction

Run = Callable[[str], bytes]


def command(line: str) -> bytes:
    return codec.encode(line.encode().split())


def executed(*lines: str, watched: Sequence[tuple[bytes, int]] = ()) -> bytes:
    return codec.encode(transaction(list(watched), list(map(command, lines))))


def version(store: Store, key: bytes) -> int:
    answer = replies.parse(store.query(codec.encode([b"TF.VERSIONS", key])))
    assert isinstance(answer, list)
    assert isinstance(answer[0], int)
    return answer[0]


def test_the_reply_has_those_of_all_commands_in_their_order(store: Store) -> None:
    reply = store.apply(executed("SET a 1", "get a", "HSET h f v", "DEL a h", "GET a"))
    assert reply == b"*5\r\n+OK\r\n$1\r\n1\r\n:1\r\n:2\r\n_\r\n"
    assert store.apply(executed()) == b"*0\r\n"


def test_an_error_stands_among_the_replies_and_the_rest_is_executed(store: Store) -> None:
    reply = store.apply(executed("SET a 1", "HSET a f v", "NOSUCH", "GET", "SET b 2"))
    assert [line[:4] for line in reply.split(b"\r\n")[1:-1]] == [b"+OK", b"-WRO", b"-ERR", b"-ERR", b"+OK"]
    assert store.query(command("GET b")) == b"$1\r\n2\r\n"


def test_nothing_is_executed_where_a_watched_key_has_changed(store: Store, run: Run) -> None:
    run("SET a 1")
    watched = [(b"a", version(store, b"a")), (b"b", version(store, b"b"))]
    assert store.apply(executed("SET c 1", watched=watched)) == b"*1\r\n+OK\r\n"
    run("SET b 1")
    digest = store.digest()
    assert store.apply(executed("SET c 2", watched=watched)) == b"_\r\n"
    assert store.digest() == digest


def test_a_key_that_changes_and_changes_back_has_changed(store: Store, run: Run) -> None:
    run("SET a 1")
    watched = [(b"a", version(store, b"a"))]
    run("SET a 2")
    run("SET a 1")
    assert store.apply(executed("GET a", watched=watched)) == b"_\r\n"


def test_a_key_that_has_expired_has_changed(store: Store, run: Run) -> None:
    run("SET a 1")
    run("PEXPIRE a 10")
    watched = [(b"a", version(store, b"a"))]
    store.advance(9)
    assert store.query(executed("GET a", watched=watched)) == b"*1\r\n$1\r\n1\r\n"
    store.advance(10)
    assert store.query(executed("GET a", watched=watched)) == b"_\r\n"


def test_a_version_is_the_same_after_a_snapshot(store: Store, run: Run) -> None:
    """A client may watch at one server and execute at one that was restored meanwhile."""
    for line in ("SET a 1", "SET a 2", "SET b 1", "DEL b"):
        run(line)
    copy = Store()
    copy.restore(store.snapshot())
    for key in (b"a", b"b", b"nothing"):
        assert version(copy, key) == version(store, key)


def test_the_commands_of_a_transaction_have_different_chances(store: Store) -> None:
    for number in range(100):
        store.apply(command(f"SET {number} v"))
    answers = replies.parse(store.apply(executed(*["RANDOMKEY"] * 10)))
    assert isinstance(answers, list)
    assert len(set(map(str, answers))) > 5


@pytest.mark.parametrize(
    ("lines", "is_read"),
    [
        ((), True),
        (("GET a", "DBSIZE"), True),
        (("GET a", "NOSUCH", "SET"), True),
        (("GET a", "SET a 1"), False),
        (("del a",), False),
    ],
)
def test_a_transaction_of_reads_is_a_read(store: Store, lines: tuple[str, ...], is_read: bool) -> None:
    words = codec.decode(executed(*lines))
    assert store.is_read(words) is is_read
    reply = store.query(executed(*lines))
    if is_read:
        assert reply.startswith(b"*%d\r\n" % len(lines))
    else:
        assert reply == b"-ERR TF.EXEC writes, and a query may only read\r\n"


@pytest.mark.parametrize(
    "words",
    [
        [b"x"],
        [b"-1"],
        [b"1"],
        [b"1", b"key"],
        [b"9" * 4000],
        [b"0", b"no command"],
        [b"0", command("SET a 1"), b""],
        [b"0", command("SET a 1"), executed("SET b 1")],
        [b"0", codec.encode([b"tf.exec", b"0"])],
    ],
)
def test_what_is_no_transaction_gets_an_error_and_changes_nothing(store: Store, words: list[bytes]) -> None:
    """Pitfall 33: application is total, whatever the bytes."""
    digest = store.digest()
    encoded = codec.encode([b"TF.EXEC", *words])
    assert store.is_read(codec.decode(encoded))
    assert store.query(encoded) == store.apply(encoded)
    assert store.apply(encoded).startswith(b"-ERR ")
    assert store.digest() == digest
