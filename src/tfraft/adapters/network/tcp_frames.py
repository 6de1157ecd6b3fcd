"""What travels on a TCP connection between servers: a greeting, then frames. No I/O here.

    greeting   8 bytes, of who connects; they say which protocol follows, in which version
    frame      length of the rest (4 bytes, little-endian) · kind (1 byte) · body

Who connects begins with HELLO, and goes on only after WELCOME. Messages and requests go one way, answers the other:

    HELLO      the claim of a node as JSON, or null for a client
    WELCOME    empty: what comes will be heard
    REFUSED    why not, as a text; the connection ends
    MESSAGE    a message in the form of `wire`
    REQUEST    see `tcp_requests`
    ANSWER     see `tcp_requests`
"""

from dataclasses import asdict
from enum import IntEnum
from struct import Struct
from typing import Final

import msgspec

from tfraft.adapters.network.identity import Claim
from tfraft.adapters.network.wire_entries import MalformedMessage

GREETING: Final = b"tf-raft1"

MAX_FRAME_BYTES: Final = 33 * 1024 * 1024
"""No frame is longer: the largest message or request, with room to spare for what goes before it."""
MAX_HELLO_BYTES: Final = 20 * 1024
"""Before the WELCOME nobody gets more room: three of the longest names, of characters that take JSON six bytes each."""

_HEADER: Final = Struct("<IB")
_LENGTH: Final = Struct("<I")


class FrameKind(IntEnum):
    """What a frame holds."""

    HELLO = 1
    WELCOME = 2
    REFUSED = 3
    MESSAGE = 4
    REQUEST = 5
    ANSWER = 6


Frame = tuple[int, bytes]
"""A kind, of which others than ours know more than we do, and a body."""

_KIND_BYTES: Final = 1


def header(kind: FrameKind, size: int) -> bytes:
    """What goes before a body of `size` bytes."""
    return _HEADER.pack(size + _KIND_BYTES, kind)


def frame(kind: FrameKind, body: bytes = b"") -> bytes:
    """A whole frame."""
    return header(kind, len(body)) + body


class FrameReader:
    """Cuts what arrives into frames. Takes no memory for lengths that are only claimed."""

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self.max_frame_bytes = max_frame_bytes
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` ends. Raises `MalformedMessage` for a length that no frame has."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted():
                return []
            data = bytes(self._rest)
            self._rest.clear()
        frames: list[Frame] = []
        at, end = 0, len(data)
        while end - at >= _HEADER.size:
            size, kind = _HEADER.unpack_from(data, at)
            self._check(size)
            after = at + _LENGTH.size + size
            if after > end:
                break
            frames.append((kind, data[at + _HEADER.size : after]))
            at = after
        self._rest += data[at:]
        return frames

    def _wanted(self) -> int:
        """How much there must be before the first frame can be whole."""
        if len(self._rest) < _HEADER.size:
            return _HEADER.size
        (size,) = _LENGTH.unpack_from(self._rest)
        self._check(size)
        return _LENGTH.size + int(size)

    def _check(self, size: int) -> None:
        if not _KIND_BYTES <= size <= self.max_frame_bytes:
            raise MalformedMessage(f"a frame has 1 to {self.max_frame_bytes} bytes, not {size}")


def write_hello(claim: Claim | None) -> bytes:
    """The body of a HELLO. A name that is no Unicode is made one, which then fits nobody."""
    if claim is None:
        return msgspec.json.encode(None)
    names = {name: value.encode(errors="backslashreplace").decode() for name, value in asdict(claim).items()}
    return msgspec.json.encode(names)


def read_hello(body: bytes) -> Claim | None:
    """The claim in a HELLO; None for a client. Raises `MalformedMessage`."""
    try:
        return msgspec.json.decode(body, type=Claim | None)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedMessage(f"a HELLO that cannot be read: {error}") from None
