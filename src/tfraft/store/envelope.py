"""What the entries of the log hold that come from clients: a command or a registration, with the time it was proposed.

    command             0 · time · command
    command in session  1 · time · client id · sequence number · lowest unanswered · command
    registration        2 · time · session timeout · limit on sessions

The first is one byte, all other numbers are 8 bytes, little-endian. Each value has one form, and each form one value.
"""

from struct import Struct
from typing import Final

from tfraft.errors import TfRaftError
from tfraft.record import record

_PLAIN: Final = 0
_IN_SESSION: Final = 1
_REGISTRATION: Final = 2

_PLAIN_HEADER = Struct("<BQ")
_SESSION_HEADER = Struct("<BQQQQ")
_REGISTRATION_FORM = Struct("<BQQQ")

_PLAIN_BYTES: Final = _PLAIN_HEADER.size
_pack_plain = _PLAIN_HEADER.pack
_unpack_plain = _PLAIN_HEADER.unpack_from


class EnvelopeError(TfRaftError):
    """The bytes are not what a node puts into the log for a client; the text says what was expected and seen."""


@record
class Command:
    """A command of a client, stamped with the milliseconds since 1970 of the server that proposed it.

    Without a `client_id` (0) it is in no session, and the two numbers after it are not kept. All numbers are from 0 to
    2**64 - 1."""

    time_ms: int
    command: bytes
    client_id: int = 0
    sequence_num: int = 0
    lowest_unanswered: int = 0

    def encode(self) -> bytes:
        """The bytes, for an entry of the log."""
        if not self.client_id:
            return encode_plain(self.time_ms, self.command)
        numbers = (self.client_id, self.sequence_num, self.lowest_unanswered)
        return _SESSION_HEADER.pack(_IN_SESSION, self.time_ms, *numbers) + self.command

    @staticmethod
    def decode(data: bytes) -> "Command":
        """The command that `encode` made `data` of. Raises EnvelopeError if there is none."""
        if (plain := decode_plain(data)) is not None:
            return Command(*plain)
        if len(data) < _SESSION_HEADER.size or data[0] != _IN_SESSION:
            raise _malformed("a command", data)
        _, time_ms, client_id, sequence_num, lowest_unanswered = _SESSION_HEADER.unpack_from(data)
        if not client_id:
            raise _malformed("a command in a session", data)
        return Command(time_ms, data[_SESSION_HEADER.size :], client_id, sequence_num, lowest_unanswered)


def decode_plain(data: bytes) -> tuple[int, bytes] | None:
    """Time and command, where `data` is a command in no session: what most are, in less time than `decode` takes."""
    if len(data) < _PLAIN_BYTES:
        return None
    kind, time_ms = _unpack_plain(data)
    return (time_ms, data[_PLAIN_BYTES:]) if kind == _PLAIN else None


def encode_plain(time_ms: int, command: bytes) -> bytes:
    """As `Command(time_ms, command).encode()`, in less time."""
    return _pack_plain(_PLAIN, time_ms) + command


@record
class Registration:
    """A client that opens a session, stamped as a command is; numbers are from 0 to 2**64 - 1.

    The session ends `timeout_ms` after its last use. Of more than `max_sessions` the least recently used end."""

    time_ms: int
    timeout_ms: int
    max_sessions: int

    def encode(self) -> bytes:
        """The bytes, for an entry of the log."""
        return _REGISTRATION_FORM.pack(_REGISTRATION, self.time_ms, self.timeout_ms, self.max_sessions)

    @staticmethod
    def decode(data: bytes) -> "Registration":
        """The registration that `encode` made `data` of. Raises EnvelopeError if there is none."""
        if len(data) != _REGISTRATION_FORM.size or data[0] != _REGISTRATION:
            raise _malformed("a registration", data)
        _, time_ms, timeout_ms, max_sessions = _REGISTRATION_FORM.unpack(data)
        return Registration(time_ms, timeout_ms, max_sessions)


def _malformed(what: str, data: bytes) -> EnvelopeError:
    return EnvelopeError(f"expected {what}, saw {len(data)} bytes that begin with {data[: _SESSION_HEADER.size]!r}")
