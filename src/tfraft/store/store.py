"""The state machine: the key-value store that every server of the cluster keeps alike.

Pure and total. Whatever the bytes, `apply` and `query` give a reply and never raise: an error is a reply, and
changes nothing. It knows no clock, no dice and no Raft: time and chance come from the log, so equal commands in equal
order give equal state.
"""

import hashlib
from collections.abc import Generator, Iterable, Iterator
from operator import itemgetter
from typing import Final

import msgspec

from tfraft.errors import CommandError
from tfraft.store import codec, replies
from tfraft.store.command import Command
from tfraft.store.commands import resolve
from tfraft.store.database import Database
from tfraft.store.numbers import MAX_INTEGER
from tfraft.store.snapshot import Head, Row, database_of, head_of, in_order, rows_of
from tfraft.store.stream import SnapshotGivenUp, StreamReader, write_stream

_SNAPSHOT_KIND: Final = b"tf-raft store"
_SNAPSHOT_VERSION: Final = 3

_HEAD = msgspec.msgpack.Decoder(Head)
_ROWS = msgspec.msgpack.Decoder(list[Row] | int)
_ENCODER = msgspec.msgpack.Encoder()


class Store:
    """The key-value store, as the port StateMachine asks for it."""

    __slots__ = ("_database",)

    def __init__(self) -> None:
        self._database = Database()

    def apply(self, command: bytes) -> bytes:
        """Execute a committed command, encoded by `codec`; its reply."""
        try:
            args = codec.decode(command)
        except CommandError as error:
            return _refusal(error)
        found = resolve(args)
        if isinstance(found, bytes):
            return found
        self._database.begin()
        return found.run(self._database, args)

    def query(self, query: bytes) -> bytes:
        """Answer a command that only reads; one that would write gets an error. Nothing is changed."""
        try:
            args = codec.decode(query)
        except CommandError as error:
            return _refusal(error)
        found = resolve(args)
        if isinstance(found, bytes):
            return found
        if found.writes and not self.is_read(args):
            return replies.error(b"ERR %b writes, and a query may only read" % found.name.encode())
        return found.run(self._database, args)

    @staticmethod
    def is_read(args: list[bytes]) -> bool:
        """Whether `query` can answer the command, so that the log need not hold it.

        That is so for each that reads, and for each that gets an error whatever the state."""
        found = resolve(args)
        if isinstance(found, bytes) or not found.writes:
            return True
        return found.is_read is not None and found.is_read(args)

    def advance(self, time_ms: int) -> None:
        """Afterwards log time is `time_ms`, which is not before what it was; what has expired by then is gone."""
        self._database.advance(time_ms)

    def next_deadline_ms(self) -> int | None:
        """When the next key expires, in milliseconds since 1970; None where none will."""
        return self._database.next_deadline_ms()

    def needs_time(self, query: bytes, now_ms: int) -> bool:
        """Whether log time must come forward to `now_ms` before `query` is answered.

        That is so where a key that it looks at expires by then, which nobody may see any more, and where it asks how
        long a key has left."""
        if not self._database.may_have_deadlines():
            return False
        try:
            args = codec.decode(query)
        except CommandError:
            return False
        command = resolve(args)
        if isinstance(command, bytes):
            return False
        until_ms = MAX_INTEGER if command.uses_time else now_ms
        return now_ms > self._database.time_ms and any(
            deadline_ms is not None and deadline_ms <= until_ms for deadline_ms in self._deadlines_for(command, args)
        )

    def _deadlines_for(self, command: Command, args: list[bytes]) -> Iterator[int | None]:
        if command.keys is None:  # Then it may look at any key.
            yield self._database.next_deadline_ms()
        for place in command.key_positions(len(args)):
            yield self._database.deadline_of(args[place])

    def snapshot(self) -> Generator[bytes, None, None]:
        """The state at the moment at which the first piece is asked for, in pieces of about 64 KiB.

        Commands may be applied between the pieces. `close` gives the snapshot up. So does the first piece of another
        one: this one then raises SnapshotGivenUp."""
        database = self._database
        frozen = database.freeze()
        try:
            for piece in write_stream(_SNAPSHOT_KIND, _SNAPSHOT_VERSION, head_of(database), rows_of(frozen)):
                yield piece
                if not database.is_frozen(frozen):
                    raise SnapshotGivenUp("another snapshot was begun")
        finally:
            database.thaw(frozen)

    def restore(self, pieces: Iterable[bytes]) -> None:
        """Replace the whole state by that of a snapshot, whose bytes come in pieces cut anywhere.

        Raises CorruptState if it is damaged, ForeignData if it is of another version or of something else; then
        nothing is changed. Besides both states it needs memory for a piece or two."""
        reader = StreamReader(pieces)
        head = reader.header(_SNAPSHOT_KIND, _SNAPSHOT_VERSION, _HEAD)
        database = database_of(head, reader.rows(_ROWS))
        reader.end()
        self._database = database

    def digest(self) -> str:
        """A SHA-256 in hexadecimal of keys, types, values and deadlines, and of what the next commands depend on.

        The same on every server for the same state. The order in which keys and members came to be is left out. Linear
        in the whole state."""
        database = self._database
        digest = hashlib.sha256(_ENCODER.encode(head_of(database)))
        for key, value in sorted(database.items(), key=itemgetter(0)):
            digest.update(_ENCODER.encode((key, in_order(value), database.deadline_of(key))))
        return digest.hexdigest()


def _refusal(error: CommandError) -> bytes:
    return replies.error(b"ERR " + str(error).encode())
