"""The state machine: the key-value store that every server of the cluster keeps alike.

Pure and total. Whatever the bytes, `apply` and `query` give a reply and never raise: an error is a reply, and
changes nothing. It knows no clock, no chance and no Raft, so equal commands in equal order give equal state.
"""

import hashlib
from operator import itemgetter
from typing import assert_never

import msgspec

from tfraft.errors import CommandError, CorruptState, ForeignData
from tfraft.store import codec, replies
from tfraft.store.commands import resolve
from tfraft.store.values import Database, HashValue, SetValue, Value

_SNAPSHOT_KIND = b"tf-raft store"
_SNAPSHOT_VERSION = 1

# The version is read before the content, so that a newer format is told apart from damage.
_HEADER = msgspec.msgpack.Decoder(tuple[bytes, int, msgspec.Raw])
_CONTENT = msgspec.msgpack.Decoder(dict[bytes, bytes | dict[bytes, bytes] | list[bytes]])
_ENCODER = msgspec.msgpack.Encoder()


class Store:
    """The key-value store, as the port StateMachine asks for it."""

    __slots__ = ("_database",)

    def __init__(self) -> None:
        self._database = Database()

    def apply(self, command: bytes) -> bytes:
        """Execute a committed command, encoded by `codec`; its reply."""
        return self._run(command, may_write=True)

    def query(self, query: bytes) -> bytes:
        """Answer a command that only reads; one that would write gets an error. Nothing is changed."""
        return self._run(query, may_write=False)

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

    def snapshot(self) -> bytes:
        """The whole state as bytes; `restore` of them gives an equal one, in the same order."""
        content = {key: list(value) if isinstance(value, SetValue) else value for key, value in self._database.items()}
        return _ENCODER.encode((_SNAPSHOT_KIND, _SNAPSHOT_VERSION, content))

    def restore(self, snapshot: bytes) -> None:
        """Replace the whole state by that of `snapshot`.

        Raises CorruptState if it is damaged, ForeignData if it is of another version or of something else; then
        nothing is changed."""
        database = Database()
        for key, content in _decode_snapshot(snapshot).items():
            database.put(key, _value(key, content))
        self._database = database

    def digest(self) -> str:
        """A SHA-256 in hexadecimal of keys, types and values: the same on every server for the same state.

        The order in which keys and members came to be is left out. Linear in the whole state."""
        digest = hashlib.sha256()
        for key, value in sorted(self._database.items(), key=itemgetter(0)):
            digest.update(_ENCODER.encode((key, _members_in_order(value))))
        return digest.hexdigest()


def _decode_snapshot(snapshot: bytes) -> dict[bytes, bytes | dict[bytes, bytes] | list[bytes]]:
    try:
        kind, version, content = _HEADER.decode(snapshot)
        if kind == _SNAPSHOT_KIND and version == _SNAPSHOT_VERSION:
            return _CONTENT.decode(content)
    except msgspec.MsgspecError as error:
        raise CorruptState(f"the snapshot of the store is damaged: {error}") from error
    raise ForeignData(
        f"expected a snapshot of {_SNAPSHOT_KIND!r} in version {_SNAPSHOT_VERSION}, "
        f"saw {kind[:40]!r} in version {version}"
    )


def _value(key: bytes, content: bytes | dict[bytes, bytes] | list[bytes]) -> Value:
    """The value that a snapshot holds under `key`. An empty hash or set cannot exist, so it is damage."""
    if isinstance(content, bytes):
        return content
    if not content:
        raise CorruptState(f"the snapshot of the store is damaged: nothing in the hash or set {key[:40]!r}")
    return HashValue(content) if isinstance(content, dict) else SetValue(dict.fromkeys(content))


def _members_in_order(value: Value) -> bytes | list[tuple[bytes, bytes]] | list[bytes]:
    """Types differ in shape: bytes, pairs, or single members; and there is at least one member."""
    match value:
        case bytes():
            return value
        case HashValue():
            return sorted(value.items())
        case SetValue():
            return sorted(value)
        case _:
            assert_never(value)
