"""The form that snapshots and backups have as files; no I/O.

    file    magic (16 bytes) · length of the header (4) · header · CRC-32C of all that (4) · data · footer
    footer  length of the data (8) · CRC-32C of the data (4) · CRC-32C of these 12 bytes (4)

All numbers are little-endian. The footer comes last, so that a file can be written without knowing how long it will
be. Every byte is covered by one of the three checksums. What reads raises ValueError for bytes of another form.
"""

from struct import Struct
from typing import Final

from crc32c import crc32c

_HEAD = Struct("<16sI")
_CHECKSUM = Struct("<I")
_FOOTER = Struct("<QII")

HEAD_BYTES: Final = _HEAD.size
"""So many bytes tell how long the header is."""
FOOTER_BYTES: Final = _FOOTER.size


def encode_header(magic: bytes, text: bytes) -> bytes:
    """What stands before the data: `text`, after the 16 bytes of `magic`."""
    header = _HEAD.pack(magic, len(text)) + text
    return header + _CHECKSUM.pack(crc32c(header))


def encode_footer(size_bytes: int, checksum: int) -> bytes:
    """What stands after the data, of which length and checksum are given."""
    footer = _FOOTER.pack(size_bytes, checksum, 0)[: -_CHECKSUM.size]
    return footer + _CHECKSUM.pack(crc32c(footer))


def header_bytes(magic: bytes, head: bytes, what: str) -> int:
    """How long the header is that begins with `head`, up to the data; `what` is to have this magic."""
    if len(head) != HEAD_BYTES or not head.startswith(magic):
        raise ValueError(f"its first bytes are not those of a {what}")
    _, length = _HEAD.unpack(head)
    return HEAD_BYTES + int(length) + _CHECKSUM.size


def decode_header(header: bytes) -> bytes:
    """The text that `encode_header` was given."""
    if not _is_sealed(header):
        raise ValueError("its header does not fit its checksum")
    return header[HEAD_BYTES : -_CHECKSUM.size]


def decode_footer(footer: bytes, what: str) -> tuple[int, int]:
    """Length and checksum of the data of a `what`."""
    if len(footer) != FOOTER_BYTES or not _is_sealed(footer):
        raise ValueError(f"its last bytes are not those of a {what}")
    size_bytes, checksum, _ = _FOOTER.unpack(footer)
    return size_bytes, checksum


def _is_sealed(data: bytes) -> bool:
    return data[-_CHECKSUM.size :] == _CHECKSUM.pack(crc32c(data[: -_CHECKSUM.size]))
