"""Messages as bytes, and back: the form in which they travel on every network. No I/O here.

    message   version and kind (1 byte) · its numbers · the lengths of its texts (4 bytes each) · its texts · entries
    number    8 bytes; a flag 1 byte, 0 or 1; a time 8 bytes, a float
    text      UTF-8; the bytes of a snapshot as they are; a configuration as its JSON
    entries   see `wire_entries`; only AppendEntries has any, and they take all that is left

Numbers and texts stand in the order of the fields of the record in core/messages.py: see `wire_layout`. All numbers
are little-endian, and nothing follows the last field. One message has exactly one form: whatever `decode` accepts,
`encode` gives back byte for byte.
"""

from collections.abc import Callable
from math import copysign, isfinite
from typing import Final, TypeVar

from tfraft.adapters.network.wire_entries import MalformedMessage, pack_entries, unpack_entries
from tfraft.adapters.network.wire_layout import Layout
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration, ServerId
from tfraft.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    InstallSnapshotReply,
    Message,
    PreVote,
    PreVoteReply,
    ReadIndex,
    ReadIndexReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)

__all__ = ["VERSION", "MalformedMessage", "checked", "decode", "encode", "pack_entries", "unpack_entries"]

M = TypeVar("M", bound=Message)

VERSION: Final = 1
"""The format above; a message of another version is refused, never guessed at."""


def encode(message: Message) -> bytes:
    """The bytes of `message`, whose ids and addresses are valid Unicode. Linear: 1000 entries cost one copy of them."""
    return _LAYOUTS[type(message)].write(message)


def decode(data: bytes) -> Message:
    """The message that `encode` made these bytes of.

    Raises `MalformedMessage`, and nothing else, for any other bytes; takes no memory for sizes that `data`
    only claims to have."""
    if not data:
        raise MalformedMessage("a message of 0 bytes")
    layout = _BY_FIRST_BYTE.get(data[0])
    if layout is None:
        raise MalformedMessage(f"a message begins with version and kind, not with byte {data[0]:#04x}")
    return checked(layout.read(data))


def checked(message: M) -> M:
    """`message` itself. Raises `MalformedMessage` for what no server sends, in whatever form it came."""
    match message:
        case AppendEntries() | AppendEntriesReply():
            time_s = message.sent_at
            # -0.0 equals 0.0: a message that may hold either would have two forms.
            if not isfinite(time_s) or (time_s == 0 and copysign(1, time_s) < 0):
                raise MalformedMessage(f"a time is a finite number of seconds, not {time_s}")
        case InstallSnapshot() if len(message.data) != message.size_bytes:
            told, seen = message.size_bytes, len(message.data)
            raise MalformedMessage(f"a piece of a snapshot tells {told} bytes and has {seen}")
    return message


def _install_snapshot(
    term: int,
    leader_id: ServerId,
    index: int,
    term_there: int,
    configuration: Configuration,
    configuration_index: int,
    snapshot_bytes: int,
    checksum: int,
    *piece: object,
) -> InstallSnapshot:
    base = Base(index, term_there, configuration, configuration_index)
    make: Callable[..., InstallSnapshot] = InstallSnapshot
    return make(term, leader_id, Snapshot(base, snapshot_bytes, checksum), *piece)


_KINDS: Final[dict[int, tuple[type[Message], Callable[..., Message]]]] = {
    1: (RequestVote, RequestVote),
    2: (RequestVoteReply, RequestVoteReply),
    3: (AppendEntries, AppendEntries),
    4: (AppendEntriesReply, AppendEntriesReply),
    5: (PreVote, PreVote),
    6: (PreVoteReply, PreVoteReply),
    7: (TimeoutNow, TimeoutNow),
    8: (InstallSnapshot, _install_snapshot),
    9: (InstallSnapshotReply, InstallSnapshotReply),
    10: (ReadIndex, ReadIndex),
    11: (ReadIndexReply, ReadIndexReply),
}
"""The kind in the first byte (the highest could be 15), the record, and what makes one of its fields in order."""

_BY_FIRST_BYTE = {
    VERSION << 4 | kind: Layout(VERSION << 4 | kind, record, make) for kind, (record, make) in _KINDS.items()
}
_LAYOUTS = {record: _BY_FIRST_BYTE[VERSION << 4 | kind] for kind, (record, _) in _KINDS.items()}
