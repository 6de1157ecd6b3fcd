"""A database as rows, and back: a row is a key with its value, or some members of a large one, and its deadline.

A string is bytes, a hash a map, a set an array. Of a large hash or set as many members stand in a row as fill a piece
of the stream, so that however many there are, no piece is long.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar, assert_never

from tfraft.errors import CorruptState
from tfraft.store.database import Bucket, Database, release
from tfraft.store.stream import PIECE_BYTES
from tfraft.store.values import HashValue, SetValue, Value

Content = bytes | dict[bytes, bytes] | list[bytes]
Row = tuple[bytes, Content, int | None]
Head = tuple[int, dict[int, int]]
"""What stands before the rows: log time, and the versions of the buckets."""

T = TypeVar("T")


def rows_of(frozen: list[Bucket]) -> Iterator[tuple[int, Row]]:
    """The rows of `frozen`, which `Database.freeze` gave, each after its size in bytes.

    Each bucket is released once its last row is taken."""
    for place, bucket in enumerate(frozen):
        deadline_of = bucket.deadlines.get
        for key, value in bucket.values.items():
            if isinstance(value, bytes):
                yield len(key) + len(value), (key, value, deadline_of(key))
            else:
                for size_bytes, content in _parts(value):
                    yield len(key) + size_bytes, (key, content, deadline_of(key))
        release(frozen, place)


def head_of(database: Database) -> Head:
    """What stands before the rows of `database`."""
    return database.time_ms, database.versions()


def database_of(head: Head, rows: Iterable[Row]) -> Database:
    """The database that `head_of` and `rows_of` were given. Raises CorruptState where there is none such."""
    database = Database()
    database.time_ms, versions = head
    for row in rows:
        _add_row(database, row)
    database.set_versions(versions)  # Last, as each row has raised one.
    return database


def _add_row(database: Database, row: Row) -> None:
    """Afterwards `database` also holds what is in `row`. Raises CorruptState where `rows_of` gives no such row."""
    key, content, deadline_ms = row
    if isinstance(content, bytes):
        database.put(key, content, deadline_ms)
        return
    value = database.for_change(key)
    if value is None:
        value = HashValue() if isinstance(content, dict) else SetValue()
        database.put(key, value, deadline_ms)
    match content, value:
        case (dict(), HashValue()) if content:
            value.update(content)
        case (list(), SetValue()) if content:
            value.update(dict.fromkeys(content))
        case _:
            # An empty hash or set cannot exist.
            raise CorruptState(f"the snapshot of the state is damaged: no members, or of two types, in {key[:40]!r}")


def in_order(value: Value) -> bytes | list[tuple[bytes, bytes]] | list[bytes]:
    """Whatever the order in which members came, and different for each type: bytes, pairs, or single members."""
    match value:
        case bytes():
            return value
        case HashValue():
            return sorted(value.items())
        case SetValue():
            return sorted(value)
        case _:
            assert_never(value)


def _parts(value: HashValue | SetValue) -> Iterator[tuple[int, Content]]:
    if isinstance(value, HashValue):
        for size_bytes, fields in _cut(value.items(), _field_bytes):
            yield size_bytes, dict(fields)
    else:
        yield from _cut(value, len)


def _field_bytes(field: tuple[bytes, bytes]) -> int:
    name, value = field
    return len(name) + len(value)


def _cut(members: Iterable[T], size: Callable[[T], int]) -> Iterator[tuple[int, list[T]]]:
    """The members, of which there is at least one, in parts of about PIECE_BYTES."""
    part: list[T] = []
    part_bytes = 0
    for member in members:
        if part_bytes >= PIECE_BYTES:
            yield part_bytes, part
            part, part_bytes = [], 0
        part.append(member)
        part_bytes += size(member)
    yield part_bytes, part
