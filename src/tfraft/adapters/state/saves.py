"""A save as the body of a record, and back, and the state that a run of saves leaves; no I/O.

    body   term (8 bytes) · first_index (8) · length of the vote (4, signed) · of the configuration (4, signed) ·
           vote · configuration · entries, where first_index is above 0

A length of -1 is None. Numbers are little-endian. Entries are in the form in which they travel: see `wire`.
"""

from array import array
from struct import Struct
from struct import error as StructError

from tfraft.adapters.network.wire import MalformedMessage, pack_entries, unpack_entries
from tfraft.core.configuration import EMPTY, Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import NO_ENTRIES, Entries
from tfraft.core.messages import ServerId
from tfraft.errors import TfRaftError
from tfraft.record import record

_HEADER = Struct("<QQii")


class MalformedSave(TfRaftError):
    """These bytes are not a save of this version; the text says what is wrong."""


@record
class Base:
    """What stands before the first entry that the log still has: the last index and term, and the configuration.

    `segment` and `offset` tell how far the log went when this became the base: what it says of a configuration
    before that place is older. The default is the base of a log that has all its entries."""

    last_index: int = 0
    last_term: int = 0
    configuration: Configuration = EMPTY
    segment: int = 0
    offset: int = 0


def encode_save(save: Save) -> bytes:
    """The bytes of `save`. Linear in its bytes."""
    voted_for = None if save.voted_for is None else save.voted_for.encode()
    configuration = None if save.configuration is None else save.configuration.encode()
    return b"".join(
        (
            _HEADER.pack(save.current_term, save.first_index, _length(voted_for), _length(configuration)),
            voted_for or b"",
            configuration or b"",
            pack_entries(save.entries) if save.first_index else b"",
        )
    )


def decode_save(body: bytes) -> Save:
    """The inverse of `encode_save`. Raises `MalformedSave`, and nothing else, for any other bytes."""
    try:
        term, first_index, vote_length, configuration_length = _HEADER.unpack_from(body)
        end = _HEADER.size
        voted_for = configuration = None
        if vote_length >= 0:
            end += vote_length
            voted_for = body[_HEADER.size : end].decode()
        if configuration_length >= 0:
            end += configuration_length
            configuration = Configuration.decode(body[end - configuration_length : end])
        entries = unpack_entries(body, end) if first_index else NO_ENTRIES
    # Of a configuration it is known only that somebody once wrote it.
    except (StructError, MalformedMessage, ValueError, LookupError, TypeError, AttributeError) as error:
        raise MalformedSave(f"it is no save: {error}") from error
    if not first_index and end != len(body):
        raise MalformedSave(f"it is no save: {len(body) - end} bytes after its end")
    return Save(term, voted_for, first_index, entries, configuration)


def _length(data: bytes | None) -> int:
    return -1 if data is None else len(data)


class Replay:
    """The state that saves leave, one after the other, above a base. Costs what the entries that are left cost."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._current_term = 0
        self._voted_for: ServerId | None = None
        self._configuration = base.configuration
        self._terms = array("Q")
        self._kinds = bytearray()
        self._data: list[bytes] = []

    def apply(self, save: Save, segment: int, offset: int) -> None:
        """Take over the save at this place of the log, as `Save` says; what is not above the base is left out."""
        self._current_term = save.current_term
        self._voted_for = save.voted_for
        if save.configuration is not None and (segment, offset) >= (self._base.segment, self._base.offset):
            self._configuration = save.configuration
        if save.first_index:
            kept = save.first_index - self._base.last_index - 1
            assert kept <= len(self._data), f"a gap in the log before {save.first_index}"
            entries = save.entries
            if kept < 0:
                entries, kept = entries.skip(-kept), 0
            if kept < len(self._data):
                del self._terms[kept:], self._kinds[kept:], self._data[kept:]
            self._terms.extend(entries.terms)
            self._kinds += entries.kinds
            self._data += entries.data

    def saved(self) -> Saved:
        """The state. It takes over what this object holds, which is not to be used afterwards."""
        entries = Entries(self._terms, bytes(self._kinds), self._data)
        return Saved(self._current_term, self._voted_for, self._configuration, entries)
