"""The state machine: the key-value store that every server of the cluster keeps alike.

Pure and total. Whatever the bytes, `apply` and `query` give a reply and never raise: an error is a reply, and
changes nothing. It knows no clock, no chance and no Raft, so equal commands in equal order give equal state.
"""

import hashlib
from collections.abc import Generator, Iterable
from operator import itemgetter
from typing import Final

import msgspec

from tfraft.errors import CommandError
from tfraft.store import codec, replies
from tfraft.store.commands import resolve
from tfraft.store.database import Database
from tfraft.store.snapshot import Row, add_row, in_order, rows_of
from tfraft.store.stream import SnapshotGivenUp, StreamReader, write_stream

_SNAPSHOT_KIND: Final = b"tf-raft store"
_SNAPSHOT_VERSION: Final = 2

_ROWS = msgspec.msgpack.Decoder(list[Row] | int)
_ENCODER = msgspec.msgpack.Encoder()


class Store:
    """The key-value store, as the port StateMachine asks for it."""

    __slots__ = ("_database",)

    def __init__(self) -> None:
        self._database = Database()

    def apply(self, command: bytes) -> bytes:
        """Execute a committed command, encoded by `codec`; its reply."""
        return self._run(command, True)

    def query(self, query: bytes) -> bytes:
        """Answer a command that only reads; one that would write gets an error. Nothing is changed."""
        return self._run(query, False)

    def _run(self, command: bytes, may_write: bool) -> bytes:
        try:
            args = codec.decode(command)
        except CommandError as error:
            return replies.error(b"ERR " + str(error).encode())
        found = resolve(args)
        if isinstance(found, bytes):
            return found
        if found.writes and not may_write:
            return replies.error(b"ERR %b writes, and a query may only read" % found.name.encode())
        return found.run(self._database, args)

    @staticmethod
    def is_read(args: list[bytes]) -> bool:
        """Whether `query` can answer the command, so that the log need not hold it.

        That is so for each that reads, and for each that gets an error whatever the state."""
        found = resolve(args)
        return isinstance(found, bytes) or not found.writes

    def snapshot(self) -> Generator[bytes, None, None]:
        """The state at the moment at which the first piece is asked for, in pieces of about 64 KiB.

        Commands may be applied between the pieces. `close` gives the snapshot up. So does the first piece of another
        one: this one then raises SnapshotGivenUp."""
        database = self._database
        frozen = database.freeze()
        try:
            for piece in write_stream(_SNAPSHOT_KIND, _SNAPSHOT_VERSION, len(database), rows_of(frozen)):
                yield piece
                if not database.is_frozen(frozen):
                    raise SnapshotGivenUp("another snapshot was begun")
        finally:
            database.thaw(frozen)

    def restore(self, pieces: Iterable[bytes]) -> None:
        """Replace the whole state by that of a snapshot, whose bytes come in pieces cut anywhere.

        Raises CorruptState if it is damaged, ForeignData if it is of another version or of something else; then
        nothing is changed. Besides both states it needs memory for a piece or two."""
        database = Database()
        reader = StreamReader(pieces)
        reader.header(_SNAPSHOT_KIND, _SNAPSHOT_VERSION)
        for row in reader.rows(_ROWS):
            add_row(database, row)
        reader.end()
        self._database = database

    def digest(self) -> str:
        """A SHA-256 in hexadecimal of keys, types and values: the same on every server for the same state.

        The order in which keys and members came to be is left out. Linear in the whole state."""
        digest = hashlib.sha256()
        for key, value in sorted(self._database.items(), key=itemgetter(0)):
            digest.update(_ENCODER.encode((key, in_order(value))))
        return digest.hexdigest()
