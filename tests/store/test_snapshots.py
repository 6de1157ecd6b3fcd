"""Snapshots of the store: of one moment, in pieces, while commands go on (ch. 5)."""

from collections.abc import Callable, Iterator

import msgspec
import pytest

from tfraft.errors import CorruptState, ForeignData, TfRaftError
from tfraft.store import Store, codec
from tfraft.store.database import Database
from tfraft.store.snapshot import rows_of
from tfraft.store.stream import PIECE_BYTES, SnapshotGivenUp, StreamReader, write_stream
from tfraft.store.values import HashValue, SetValue

Run = Callable[[str], bytes]


def restored(*pieces: bytes) -> Store:
    """A store that was something else before."""
    store = Store()
    store.apply(codec.encode([b"SET", b"old", b"gone"]))
    store.restore(pieces)
    return store


@pytest.fixture
def filled(store: Store, run: Run) -> Store:
    """A store with keys of each type."""
    run("SET string ''")
    run("HSET hash b 1 a 2")
    run("SSET set z y x")
    run("SET other v")
    run("EXPIRE other 100")
    return store


def test_a_restored_store_equals_the_one_it_was_taken_from(filled: Store) -> None:
    copy = restored(*filled.snapshot())
    assert copy.digest() == filled.digest()
    assert b"".join(copy.snapshot()) == b"".join(filled.snapshot())


def test_an_empty_store_has_a_snapshot(store: Store) -> None:
    assert restored(*store.snapshot()).digest() == store.digest()


def test_a_snapshot_keeps_fields_and_members_in_the_order_in_which_they_came(filled: Store) -> None:
    """Whatever takes members in order one day does the same on a server that started from a snapshot."""
    reader = StreamReader(filled.snapshot())
    reader.header(b"tf-raft store", 3, msgspec.msgpack.Decoder())
    decoder = msgspec.msgpack.Decoder(list[tuple[bytes, msgspec.Raw, int | None]] | int)
    rows: dict[bytes, object] = {key: content for key, content, _ in reader.rows(decoder)}
    reader.end()
    assert list(rows) == list(filled._database.keys())
    assert rows[b"hash"] == msgspec.Raw(msgspec.msgpack.encode({b"b": b"1", b"a": b"2"}))
    assert rows[b"set"] == msgspec.Raw(msgspec.msgpack.encode([b"z", b"y", b"x"]))


CHANGES = [
    "SET string new",
    "SET new v",
    "SET hash 'no hash'",
    "DEL string",
    "DEL hash set other",
    "HSET hash a new",
    "HSET hash c 3",
    "HSET new f v",
    "HDEL hash a",
    "HDEL hash a b",
    "SSET set w",
    "SSET new m",
    "SDEL set z",
    "SDEL set x y z",
    "RENAME hash moved",
    "COPY set copied",
    "EXPIRE hash 10",
    "EXPIRE string 10",
    "PERSIST other",
    "FLUSHALL",
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_snapshot_is_of_the_moment_of_its_first_piece(filled: Store, run: Run, change: str) -> None:
    """§5.1: commands go on while the snapshot is written, and none of them is in it."""
    digest = filled.digest()
    pieces = filled.snapshot()
    first = next(pieces)
    run(change)
    run("HSET hash once more")
    run("DEL hash set")
    run("SSET hash once more")
    assert restored(first, *pieces).digest() == digest


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_applied_during_a_snapshot_stays(filled: Store, run: Run, change: str) -> None:
    other = restored(*filled.snapshot())
    pieces = filled.snapshot()
    next(pieces)
    other.apply(codec.encode([word.strip("'").encode() for word in change.split(maxsplit=change.count(" "))]))
    filled.apply(codec.encode([word.strip("'").encode() for word in change.split(maxsplit=change.count(" "))]))
    assert filled.digest() == other.digest()
    assert list(pieces)
    assert filled.digest() == other.digest()


@pytest.mark.parametrize("name", ["RENAME", "RENAMENX", "COPY"])
def test_what_changes_under_another_key_is_written_as_it_was_under_its_old_one(
    filled: Store, run: Run, name: str
) -> None:
    digest = filled.digest()
    pieces = filled.snapshot()
    first = next(pieces)
    for line in (f"{name} hash moved:hash", "HSET moved:hash a new", f"{name} set moved:set", "SSET moved:set new"):
        run(line)
    assert restored(first, *pieces).digest() == digest


def test_before_its_first_piece_is_asked_for_a_snapshot_has_no_moment(filled: Store, run: Run) -> None:
    pieces = filled.snapshot()
    run("SET string new")
    assert restored(*pieces).digest() == filled.digest()


def test_a_query_answers_from_the_present_while_a_snapshot_is_under_way(filled: Store, run: Run) -> None:
    pieces = filled.snapshot()
    next(pieces)
    run("HSET hash a new")
    assert filled.query(codec.encode([b"HGET", b"hash", b"a"])) == b"$3\r\nnew\r\n"
    assert filled.query(codec.encode([b"DBSIZE"])) == b":4\r\n"
    assert filled.query(codec.encode([b"KEYS", b"*"])).startswith(b"*4\r\n")


def test_a_second_snapshot_gives_the_first_one_up(filled: Store, run: Run) -> None:
    """Only one is kept unchanged: the first must not go on with what has changed meanwhile."""
    first = filled.snapshot()
    next(first)
    run("HSET hash a between")
    digest, second = filled.digest(), filled.snapshot()
    pieces = [next(second)]
    run("HSET hash a after")
    with pytest.raises(SnapshotGivenUp, match="another snapshot was begun"):
        next(first)
    run("HSET hash b after")
    assert restored(*pieces, *second).digest() == digest


def test_a_store_that_is_restored_during_a_snapshot_does_not_change_the_snapshot(filled: Store, run: Run) -> None:
    digest, pieces = filled.digest(), filled.snapshot()
    first = next(pieces)
    filled.restore(Store().snapshot())
    run("HSET hash a new")
    assert restored(first, *pieces).digest() == digest


def test_a_snapshot_can_be_given_up_and_begun_anew(filled: Store, run: Run) -> None:
    pieces = filled.snapshot()
    next(pieces)
    run("HSET hash a new")
    pieces.close()
    run("HSET hash b new")
    assert restored(*filled.snapshot()).digest() == filled.digest()


@pytest.fixture
def large(store: Store) -> Store:
    """A store whose hash and set fill several pieces each."""
    for number in range(3000):
        store.apply(codec.encode([b"SET", b"string:%d" % number, bytes(100)]))
        store.apply(codec.encode([b"HSET", b"hash", b"field:%d" % number, bytes(100)]))
        store.apply(codec.encode([b"SSET", b"set", b"member:%d" % number + bytes(100)]))
    return store


def test_a_large_state_comes_in_pieces_of_bounded_size_however_large_one_value_is(large: Store) -> None:
    pieces = list(large.snapshot())
    assert len(pieces) > 12
    assert max(map(len, pieces)) < 2 * PIECE_BYTES
    assert restored(*pieces).digest() == large.digest()
    assert b"".join(restored(*pieces).snapshot()) == b"".join(pieces)


def test_a_value_that_changes_between_two_of_its_pieces_is_written_as_it_was(large: Store) -> None:
    """It must not matter in which of its pieces it changes first."""
    for begin in range(len(list(large.snapshot()))):
        digest, pieces = large.digest(), []
        for number, piece in enumerate(large.snapshot()):
            pieces.append(piece)
            if number >= begin:
                large.apply(codec.encode([b"HSET", b"hash", b"new:%d:%d" % (begin, number), b"v"]))
                large.apply(codec.encode([b"SSET", b"set", b"new:%d:%d" % (begin, number)]))
        assert restored(*pieces).digest() == digest


def database_of_each_type() -> Database:
    database = Database()
    database.put(b"string", b"v")
    database.put(b"hash", HashValue({b"f": b"v"}))
    database.put(b"set", SetValue({b"m": None}))
    return database


@pytest.mark.parametrize("key", [b"hash", b"set"])
def test_what_changes_in_place_is_copied_once_and_only_while_a_snapshot_needs_it(key: bytes) -> None:
    """Else every write to a large hash would cost a copy of it."""
    database = database_of_each_type()
    stored = database.get(key)
    assert database.for_change(key) is stored
    frozen = database.freeze()
    assert database.get(key) is stored
    copy = database.for_change(key)
    assert copy == stored
    assert type(copy) is type(stored)
    assert copy is not stored
    assert database.for_change(key) is copy
    database.freeze()
    assert database.for_change(key) is not copy
    database.thaw(frozen)
    assert database.is_frozen(frozen) is False
    assert database.for_change(key) is not copy


def test_nothing_is_copied_for_what_is_written() -> None:
    database = database_of_each_type()
    stored = database.get(b"hash")
    assert len(list(rows_of(database.freeze()))) == 3
    assert database.for_change(b"hash") is stored


@pytest.mark.parametrize("given_up", [True, False])
def test_nothing_is_copied_for_a_snapshot_that_is_complete_or_given_up(filled: Store, given_up: bool) -> None:
    database = filled._database
    stored = database.get(b"hash")
    pieces = filled.snapshot()
    next(pieces)
    if given_up:
        pieces.close()
        assert database.for_change(b"hash") is stored
    else:
        frozen = database._frozen
        assert list(pieces)
        assert not database.is_frozen(frozen)


def test_a_key_that_is_not_there_has_nothing_to_change_or_to_remove() -> None:
    database = database_of_each_type()
    database.freeze()
    assert database.for_change(b"nothing") is None
    assert database.remove(b"nothing") is False
    assert len(database) == 3


def stream(*rows: object, kind: bytes = b"tf-raft store", version: int = 3, head: object = (0, {})) -> bytes:
    return b"".join(write_stream(kind, version, head, ((1, row) for row in rows)))


EMPTY_STREAM = stream()
NUMBER = msgspec.msgpack.Decoder(int)
ROW_FRAME = 8 + len(msgspec.msgpack.encode([]))


@pytest.mark.parametrize(
    ("snapshot", "error", "text"),
    [
        (b"", CorruptState, "truncated: expected 8 bytes more, saw 0"),
        (EMPTY_STREAM[:-1], CorruptState, "truncated"),
        (EMPTY_STREAM + b"\0", CorruptState, "bytes behind its end"),
        (stream() + stream(), CorruptState, "bytes behind its end"),
        (EMPTY_STREAM[:10] + b"\xff" + EMPTY_STREAM[11:], CorruptState, "checksum"),
        (stream(*[(b"%d" % n, bytes(PIECE_BYTES), None) for n in range(3)])[:-9], CorruptState, "truncated"),
        (stream((b"k", 1, None)), CorruptState, "damaged: Expected"),
        (stream((b"k", b"v")), CorruptState, "damaged: Expected"),
        (stream((b"k", b"v", -0.5)), CorruptState, "damaged: Expected"),
        (stream(head=0), CorruptState, "damaged: Expected"),
        (stream(head=(0, {b"place": 1})), CorruptState, "damaged: Expected"),
        (stream((b"k", b"v", None), (b"h", {}, None)), CorruptState, "no members, or of two types, in b'h'"),
        (stream((b"k", b"v", None), (b"s", [], None)), CorruptState, "no members, or of two types, in b's'"),
        (
            stream((b"k", {b"f": b"v"}, None), (b"k", [b"m"], None)),
            CorruptState,
            "no members, or of two types, in b'k'",
        ),
        (stream((b"k", b"v", None), (b"k", [b"m"], None)), CorruptState, "no members, or of two types, in b'k'"),
        (stream(version=2), ForeignData, "in version 3, saw b'tf-raft store' in version 2"),
        (stream(version=4), ForeignData, "in version 3, saw b'tf-raft store' in version 4"),
        (stream(kind=b"other"), ForeignData, "saw b'other'"),
    ],
)
def test_a_damaged_or_foreign_snapshot_is_refused_and_nothing_changes(
    filled: Store, snapshot: bytes, error: type[TfRaftError], text: str
) -> None:
    digest = filled.digest()
    with pytest.raises(error, match=text):
        filled.restore([snapshot])
    assert filled.digest() == digest


def test_a_part_that_is_missing_is_noticed() -> None:
    """Each part may be whole though one between them is lost."""
    rows = [(PIECE_BYTES, (b"%d" % number, bytes(PIECE_BYTES), None)) for number in range(3)]
    header, *parts = write_stream(b"tf-raft store", 3, (0, {}), rows)
    with pytest.raises(CorruptState, match="expected 3 rows, saw 2"):
        Store().restore([header, *parts[1:]])


def test_a_header_with_something_else_in_it_than_the_kind_has_is_damage() -> None:
    body = msgspec.msgpack.encode((b"kind", 1, b"no number"))
    [piece, *_] = write_stream(b"kind", 1, b"no number", [])
    assert body in piece
    with pytest.raises(CorruptState, match="Expected `int`"):
        StreamReader([piece]).header(b"kind", 1, NUMBER)


def test_a_stream_is_read_no_further_than_it_is_needed() -> None:
    """So that a snapshot of any size is read with a piece or two in memory."""
    given = 0

    def counted(pieces: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal given
        for piece in pieces:
            given += 1
            yield piece

    reader = StreamReader(counted(write_stream(b"kind", 1, 5, ((PIECE_BYTES, number) for number in range(100)))))
    assert (reader.header(b"kind", 1, NUMBER), given) == (5, 1)
    rows = reader.rows(msgspec.msgpack.Decoder(list[int] | int))
    assert [(next(rows), given) for _ in range(3)] == [(0, 2), (1, 3), (2, 4)]


def test_rows_are_taken_no_earlier_than_their_piece_is_asked_for() -> None:
    """So that a bucket is released when it is written, and copied until then."""
    taken = []

    def rows() -> Iterator[tuple[int, int]]:
        for number in range(100):
            taken.append(number)
            yield PIECE_BYTES // 2, number

    pieces = write_stream(b"kind", 1, 0, rows())
    next(pieces)
    assert taken == []
    next(pieces)
    assert taken == [0, 1]
