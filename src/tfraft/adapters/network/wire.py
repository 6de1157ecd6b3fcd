"""Messages as bytes, and back: the form in which they travel on every network. No I/O here.

    message   version and kind (1 byte) · fixed header of that kind · sender's id · its address · entries
    entries   how many (4 bytes) · terms (8 each) · kinds (1 each) · lengths (4 each) · data, joined

All numbers are little-endian, the header ends with the lengths of the texts after it, and nothing follows the
last field; a reply has no address, and only AppendEntries has entries.
The entries lie column by column, as in memory: each column is copied as a whole, so that a batch costs little
more than its bytes. One message has exactly one form: whatever `decode` accepts, `encode` gives back byte for
byte.
"""

from array import array
from collections.abc import Callable
from itertools import accumulate, pairwise
from struct import Struct
from typing import Final, assert_never

from tfraft.core.entry import NO_ENTRIES, Entries, EntryKind
from tfraft.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    Message,
    RequestVote,
    RequestVoteReply,
    ServerId,
)
from tfraft.errors import TfRaftError

VERSION: Final = 1
"""The format above; a message of another version is refused, never guessed at."""


class MalformedMessage(TfRaftError):
    """These bytes are not a message of this version; the text says what was expected and seen."""


_REQUEST_VOTE, _REQUEST_VOTE_REPLY, _APPEND_ENTRIES, _APPEND_ENTRIES_REPLY = (
    VERSION << 4 | kind for kind in range(1, 5)
)
_REQUEST_VOTE_HEADER = Struct("<BQQQHH")
_REQUEST_VOTE_REPLY_HEADER = Struct("<BQBH")
_APPEND_ENTRIES_HEADER = Struct("<BQQQQQHH")
_APPEND_ENTRIES_REPLY_HEADER = Struct("<BQBQQQQQH")
_COUNT = Struct("<I")
_ROW_BYTES: Final = 8 + 1 + 4
_KINDS = bytes(EntryKind)
MACHINE_IS_LITTLE_ENDIAN = Struct("=H").pack(1) == Struct("<H").pack(1)

assert (array("Q").itemsize, array("I").itemsize) == (8, 4), "the columns need integers of 8 and of 4 bytes"


def encode(message: Message) -> bytes:
    """The bytes of `message`. Linear in its bytes; 1000 entries cost one copy of them."""
    match message:
        case AppendEntries():
            sender, address = message.leader_id.encode(), message.leader_address.encode()
            header = _APPEND_ENTRIES_HEADER.pack(
                _APPEND_ENTRIES,
                message.term,
                message.prev_log_index,
                message.prev_log_term,
                message.leader_commit,
                message.read_round,
                len(address),
                len(sender),
            )
            return b"".join([header, sender, address, *_columns(message.entries)])
        case AppendEntriesReply():
            sender = message.server_id.encode()
            header = _APPEND_ENTRIES_REPLY_HEADER.pack(
                _APPEND_ENTRIES_REPLY,
                message.term,
                message.success,
                message.match_index,
                message.prev_log_index,
                message.conflict_index,
                message.conflict_term,
                message.read_round,
                len(sender),
            )
        case RequestVote():
            sender, address = message.candidate_id.encode(), message.candidate_address.encode()
            header = _REQUEST_VOTE_HEADER.pack(
                _REQUEST_VOTE,
                message.term,
                message.last_log_index,
                message.last_log_term,
                len(address),
                len(sender),
            )
            return header + sender + address
        case RequestVoteReply():
            sender = message.server_id.encode()
            header = _REQUEST_VOTE_REPLY_HEADER.pack(
                _REQUEST_VOTE_REPLY, message.term, message.vote_granted, len(sender)
            )
        case _:
            assert_never(message)
    return header + sender


def decode(data: bytes) -> Message:
    """The message that `encode` made these bytes of.

    Raises `MalformedMessage`, and nothing else, for any other bytes; takes no memory for sizes that `data`
    only claims to have."""
    if not data:
        raise MalformedMessage("a message of 0 bytes")
    decoder = _DECODERS.get(data[0])
    if decoder is None:
        raise MalformedMessage(f"a message begins with version and kind, not with byte {data[0]:#04x}")
    return decoder(data)


def pack_entries(entries: Entries) -> bytes:
    """The bytes of a run of entries, column by column."""
    return b"".join(_columns(entries))


def unpack_entries(data: bytes, start: int = 0) -> Entries:
    """The run of entries that `pack_entries` made of the bytes of `data` from `start` to its end.

    Each entry owns its bytes. Raises `MalformedMessage`, and nothing else, for any other bytes."""
    available = len(data) - start - _COUNT.size
    if available < 0:
        raise MalformedMessage(f"entries begin with their number in {_COUNT.size} bytes, not {len(data) - start}")
    (count,) = _COUNT.unpack_from(data, start)
    if count == 0 and available == 0:
        return NO_ENTRIES
    if available < count * _ROW_BYTES:
        raise MalformedMessage(f"{count} entries need {count * _ROW_BYTES} bytes and their data, not {available}")
    kinds_at = start + _COUNT.size + 8 * count
    lengths_at = kinds_at + count
    data_at = lengths_at + 4 * count
    terms = _little_endian(array("Q", data[kinds_at - 8 * count : kinds_at]))
    kinds = data[kinds_at:lengths_at]
    ends = list(accumulate(_little_endian(array("I", data[lengths_at:data_at])), initial=data_at))
    if ends[-1] != len(data):
        raise MalformedMessage(f"the data of {count} entries has {len(data) - data_at} bytes, not {ends[-1] - data_at}")
    if unknown := kinds.translate(None, _KINDS):
        raise MalformedMessage(f"an entry of kind {unknown[0]}")
    if sorted(terms) != terms.tolist():
        raise MalformedMessage("the terms of the entries fall")
    return Entries(terms, kinds, [data[begin:end] for begin, end in pairwise(ends)])


def _columns(entries: Entries) -> list[bytes]:
    lengths = array("I", map(len, entries.data))
    return [
        _COUNT.pack(len(entries)),
        _little_endian(entries.terms).tobytes(),
        entries.kinds,
        _little_endian(lengths).tobytes(),
        *entries.data,
    ]


def _little_endian(column: "array[int]") -> "array[int]":
    """A column of this machine as one of the wire, or the other way round; itself where they are alike."""
    if MACHINE_IS_LITTLE_ENDIAN:
        return column
    swapped = column[:]
    swapped.byteswap()
    return swapped


def _decode_request_vote(data: bytes) -> RequestVote:
    (_, term, last_log_index, last_log_term, address_bytes, _), sender, end = _open(_REQUEST_VOTE_HEADER, data)
    address, end = _text("the sender's address", data, end, address_bytes)
    _nothing_after(end, data)
    return RequestVote(term, sender, last_log_index, last_log_term, address)


def _decode_request_vote_reply(data: bytes) -> RequestVoteReply:
    (_, term, vote_granted, _), sender, end = _open(_REQUEST_VOTE_REPLY_HEADER, data)
    _nothing_after(end, data)
    return RequestVoteReply(term, sender, _flag(vote_granted))


def _decode_append_entries(data: bytes) -> AppendEntries:
    header, sender, end = _open(_APPEND_ENTRIES_HEADER, data)
    _, term, prev_log_index, prev_log_term, leader_commit, read_round, address_bytes, _ = header
    address, end = _text("the sender's address", data, end, address_bytes)
    entries = unpack_entries(data, end)
    return AppendEntries(term, sender, prev_log_index, prev_log_term, entries, leader_commit, read_round, address)


def _decode_append_entries_reply(data: bytes) -> AppendEntriesReply:
    (_, term, success, *places, _), sender, end = _open(_APPEND_ENTRIES_REPLY_HEADER, data)
    _nothing_after(end, data)
    return AppendEntriesReply(term, sender, _flag(success), *places)


_DECODERS: dict[int, Callable[[bytes], Message]] = {
    _REQUEST_VOTE: _decode_request_vote,
    _REQUEST_VOTE_REPLY: _decode_request_vote_reply,
    _APPEND_ENTRIES: _decode_append_entries,
    _APPEND_ENTRIES_REPLY: _decode_append_entries_reply,
}


def _open(header: Struct, data: bytes) -> tuple[tuple[int, ...], ServerId, int]:
    """The numbers of the header, the sender's id after it, and where that ends."""
    if len(data) < header.size:
        raise MalformedMessage(f"a message of this kind has a header of {header.size} bytes, not {len(data)}")
    numbers: tuple[int, ...] = header.unpack_from(data)
    sender, end = _text("the sender's id", data, header.size, numbers[-1])
    return numbers, sender, end


def _text(what: str, data: bytes, start: int, length: int) -> tuple[str, int]:
    """The text of `length` bytes from `start` on, and where it ends."""
    end = start + length
    if len(data) < end:
        raise MalformedMessage(f"{what} has {length} bytes, but only {len(data) - start} follow")
    try:
        return data[start:end].decode(), end
    except UnicodeDecodeError as error:
        raise MalformedMessage(f"{what} is not UTF-8: {error}") from None


def _flag(value: int) -> bool:
    if value > 1:
        raise MalformedMessage(f"a flag is 0 or 1, not {value}")
    return value == 1


def _nothing_after(end: int, data: bytes) -> None:
    if len(data) != end:
        raise MalformedMessage(f"{len(data) - end} bytes after the end of the message")
