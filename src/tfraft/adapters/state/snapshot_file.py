"""A snapshot as the bytes of a file, and back; no I/O.

The form is that of `sealed_file`; the header is the base as JSON, see `bases`.
"""

from typing import Final, NoReturn

from tfraft.adapters.state import sealed_file
from tfraft.adapters.state.bases import decode_base, encode_base
from tfraft.adapters.state.sealed_file import FOOTER_BYTES, HEAD_BYTES, encode_footer
from tfraft.core.base import Base, Snapshot
from tfraft.errors import CorruptSnapshot

__all__ = [
    "FOOTER_BYTES",
    "HEAD_BYTES",
    "check_data",
    "decode_file",
    "encode_footer",
    "encode_header",
    "header_bytes",
    "refuse",
    "unlike",
]

_MAGIC: Final = b"tf-raft snap 1\n\0"


def encode_header(base: Base) -> bytes:
    """What stands before the data."""
    return sealed_file.encode_header(_MAGIC, encode_base(base))


def header_bytes(head: bytes, name: str) -> int:
    """How long the header is that begins with `head`. Raises `CorruptSnapshot` where it is none of a snapshot."""
    try:
        return sealed_file.header_bytes(_MAGIC, head, "snapshot")
    except ValueError as error:
        refuse(name, str(error))


def decode_file(header: bytes, footer: bytes, file_bytes: int, name: str) -> Snapshot:
    """The snapshot in a file of this size that begins and ends with these bytes; its data are still to be checked.

    Raises `CorruptSnapshot`, which names the file `name` and what is wrong."""
    try:
        base = decode_base(sealed_file.decode_header(header))
        size_bytes, checksum = sealed_file.decode_footer(footer, "snapshot")
    except ValueError as error:
        refuse(name, str(error))
    expected = len(header) + size_bytes + FOOTER_BYTES
    if file_bytes != expected:
        refuse(name, f"it has {file_bytes} bytes instead of {expected}")
    return Snapshot(base, size_bytes, checksum)


def check_data(snapshot: Snapshot, seen: int, name: str) -> None:
    """Raise `CorruptSnapshot` unless the checksum of the data is the one that was `seen`."""
    if seen != snapshot.checksum:
        refuse(name, f"its data have checksum {seen:08x} instead of {snapshot.checksum:08x}")


def unlike(written: Snapshot, expected: Snapshot) -> CorruptSnapshot:
    """The error where what was `written` is not what was `expected`."""
    return CorruptSnapshot(
        f"the snapshot of index {written.base.index} came as {written.size_bytes} bytes of checksum "
        f"{written.checksum:08x} instead of {expected.size_bytes} of {expected.checksum:08x}: it was not installed"
    )


def refuse(name: str, what: str) -> NoReturn:
    """Raise `CorruptSnapshot`: the file `name` is damaged, and `what` says how."""
    raise CorruptSnapshot(f"{name} is damaged: {what}. Nothing was changed; this server needs a snapshot of its peers")
