"""A save as the body of a record, and back; no I/O.

    body   term (8 bytes) · first_index (8) · length of the vote (4, signed) · of the base (4, signed) ·
           vote · base · entries, where first_index is above 0

A length of -1 is None. Numbers are little-endian. Entries are in the form in which they travel: see `wire_entries`.
"""

from struct import Struct
from struct import error as StructError

from tfraft.adapters.network.wire_entries import MalformedMessage, pack_entries, unpack_entries
from tfraft.adapters.state.bases import decode_base, encode_base
from tfraft.core.effects import Save
from tfraft.core.entry import NO_ENTRIES
from tfraft.errors import TfRaftError

_HEADER = Struct("<QQii")


class MalformedSave(TfRaftError):
    """These bytes are not a save of this version; the text says what is wrong."""


def encode_save(save: Save) -> bytes:
    """The bytes of `save`. Linear in its bytes."""
    voted_for = None if save.voted_for is None else save.voted_for.encode()
    base = None if save.base is None else encode_base(save.base)
    return b"".join(
        (
            _HEADER.pack(save.current_term, save.first_index, _length(voted_for), _length(base)),
            voted_for or b"",
            base or b"",
            pack_entries(save.entries) if save.first_index else b"",
        )
    )


def decode_save(body: bytes) -> Save:
    """The inverse of `encode_save`. Raises `MalformedSave`, and nothing else, for any other bytes."""
    try:
        term, first_index, vote_length, base_length = _HEADER.unpack_from(body)
        end = _HEADER.size
        voted_for = base = None
        if vote_length >= 0:
            end += vote_length
            voted_for = body[_HEADER.size : end].decode()
        if base_length >= 0:
            end += base_length
            base = decode_base(body[end - base_length : end])
        entries = unpack_entries(body, end) if first_index else NO_ENTRIES
    except (StructError, MalformedMessage, ValueError) as error:
        raise MalformedSave(f"it is no save: {error}") from error
    if not first_index and end != len(body):
        raise MalformedSave(f"it is no save: {len(body) - end} bytes after its end")
    return Save(term, voted_for, first_index, entries, base)


def _length(data: bytes | None) -> int:
    return -1 if data is None else len(data)
