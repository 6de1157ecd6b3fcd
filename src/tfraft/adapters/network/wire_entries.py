"""Runs of entries and configurations as bytes, and back: the form in which they travel and lie on disk. No I/O here.

    entries   how many (4 bytes) · terms (8 each) · kinds (1 each) · lengths (4 each) · data, joined

All numbers are little-endian. The entries lie column by column, as in memory: each column is copied as a whole, so
that a batch costs little more than its bytes.
"""

from array import array
from itertools import accumulate, compress, pairwise
from struct import Struct
from typing import Final

from tfraft.core.configuration import Configuration
from tfraft.core.entry import NO_ENTRIES, Entries, EntryKind
from tfraft.errors import TfRaftError

_COUNT = Struct("<I")
_ROW_BYTES: Final = 8 + 1 + 4
_KINDS = bytes(EntryKind)
_IS_CONFIGURATION = bytes(kind == EntryKind.CONFIGURATION for kind in range(256))
MACHINE_IS_LITTLE_ENDIAN = Struct("=H").pack(1) == Struct("<H").pack(1)

assert (array("Q").itemsize, array("I").itemsize) == (8, 4), "the columns need integers of 8 and of 4 bytes"


class MalformedMessage(TfRaftError):
    """These bytes are not a message of this version; the text says what was expected and seen."""


def pack_entries(entries: Entries) -> bytes:
    """The bytes of a run of entries, column by column."""
    return b"".join(columns(entries))


def columns(entries: Entries) -> list[bytes]:
    """The pieces that `pack_entries` joins, for who has more to join."""
    lengths = array("I", map(len, entries.data))
    return [
        _COUNT.pack(len(entries)),
        _little_endian(entries.terms).tobytes(),
        entries.kinds,
        _little_endian(lengths).tobytes(),
        *entries.data,
    ]


def unpack_entries(data: bytes, start: int = 0) -> Entries:
    """The run of entries that `pack_entries` made of the bytes of `data` from `start` to its end.

    Each entry owns its bytes. Raises `MalformedMessage`, and nothing else, for any other bytes; and for an entry of
    kind CONFIGURATION that holds none."""
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
    entries = Entries(terms, kinds, [data[begin:end] for begin, end in pairwise(ends)])
    _check(entries)
    return entries


def unpack_configuration(data: bytes) -> Configuration:
    """The configuration that `Configuration.encode` made these bytes of.

    Raises `MalformedMessage`, and nothing else, for any other bytes, be they another form of the same value."""
    try:
        configuration = Configuration.decode(data)
        canonical = configuration.encode() == data
    # JSON that is nested too deeply is a RecursionError; what holds no text for JSON, such as a set, cannot come out.
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedMessage(f"{_shown(data)} is no configuration: {error}") from None
    members = configuration.voters + configuration.learners + configuration.old_voters
    names = [name for member in members for name in member] + list(configuration.removed)
    counts = all(type(number) is int and number > 0 for _, number in configuration.incarnations)
    if not canonical or not counts or not all(isinstance(name, str) for name in names):
        raise MalformedMessage(f"{_shown(data)} is no configuration as we write it")
    return configuration


def _check(entries: Entries) -> None:
    """Refuse what no leader sends. The common case looks at whole columns, not at single entries."""
    if unknown := entries.kinds.translate(None, _KINDS):
        raise MalformedMessage(f"an entry of kind {unknown[0]}")
    if sorted(entries.terms) != entries.terms.tolist():
        raise MalformedMessage("the terms of the entries fall")
    if EntryKind.CONFIGURATION in entries.kinds:
        for data in compress(entries.data, entries.kinds.translate(_IS_CONFIGURATION)):
            unpack_configuration(data)


def _little_endian(column: "array[int]") -> "array[int]":
    """A column of this machine as one of the wire, or the other way round; itself where they are alike."""
    if MACHINE_IS_LITTLE_ENDIAN:
        return column
    swapped = column[:]
    swapped.byteswap()
    return swapped


def _shown(data: bytes) -> str:
    return repr(data if len(data) <= 200 else data[:200] + b"...")
