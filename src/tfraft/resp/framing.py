"""Requests taken apart byte for byte, as Redis does it, with its words for what is wrong.

This is the way of what is rare: inline requests, numbers that are large or no numbers, and whatever else is odd. What
clients send all day goes through `reading`, which is several times faster.
"""

import re
from typing import Final

from tfraft.errors import TfRaftError
from tfraft.resp.inline import split_inline
from tfraft.resp.limits import MAX_ARGUMENTS, MAX_BULK_BYTES, MAX_LINE_BYTES, RespLimits

_NUMBER = re.compile(rb"0|-?[1-9][0-9]{0,18}")
_ARRAY: Final = ord("*")
_BULK: Final = ord("$")
_TLS_HANDSHAKE: Final = 0x16


class ProtocolError(TfRaftError):
    """The bytes are no request; the text is what Redis says to it, and after it the connection ends."""


class ForeignProtocol(TfRaftError):
    """Whoever sent this takes us for a web server or the like: the connection ends without a word.

    A browser can be made to send a request with commands in its body (CVE-2016-10517); the first lines give it away."""


class StrictReader:
    """Requests from bytes that come in pieces cut anywhere."""

    __slots__ = ("_args", "_at", "_buffer", "_limits", "_request_bytes", "_words_left")

    def __init__(self, limits: RespLimits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._at = 0
        self._args: list[bytes] = []
        self._words_left = 0
        self._request_bytes = 0

    @property
    def is_between_requests(self) -> bool:
        """Whether no request has begun."""
        return not self._words_left and self._at == len(self._buffer)

    def feed(self, data: bytes, requests: list[list[bytes]]) -> None:
        """Append to `requests` each that is whole now, its name first.

        Raises ProtocolError or ForeignProtocol after the last that can be had; nothing more may be fed then."""
        self._buffer += data
        while self._read_one(requests):
            pass
        del self._buffer[: self._at]
        self._at = 0
        if len(self._buffer) + self._request_bytes > self._limits.max_request_bytes:
            raise ProtocolError("Protocol error: too big request")

    def _read_one(self, requests: list[list[bytes]]) -> bool:
        """Read one request, or what there is of it; whether there may be more."""
        if self._words_left:
            return self._read_words(requests)
        if self._at == len(self._buffer):
            return False
        first = self._buffer[self._at]
        if first == _ARRAY:
            return self._read_header()
        if first == _TLS_HANDSHAKE:
            raise ForeignProtocol("a TLS handshake")
        return self._read_inline(requests)

    def _read_header(self) -> bool:
        line = self._line(b"\r", "mbulk count string")
        if line is None:
            return False
        count = _number(line[1:])
        if count is None or count > MAX_ARGUMENTS:
            raise ProtocolError("Protocol error: invalid multibulk length")
        self._words_left = max(count, 0)  # None at all is a request for nothing.
        self._args = []
        self._request_bytes = 0
        return True

    def _read_words(self, requests: list[list[bytes]]) -> bool:
        start = self._at
        line = self._line(b"\r", "bulk count string")
        if line is None:
            return False
        if not line or line[0] != _BULK:
            seen = chr(line[0]) if line and line[0] >= ord(" ") else " "
            raise ProtocolError(f"Protocol error: expected '$', got '{seen}'")
        length = _number(line[1:])
        if length is None or not 0 <= length <= MAX_BULK_BYTES:
            raise ProtocolError("Protocol error: invalid bulk length")
        end = self._at + length
        if len(self._buffer) < end + 2:
            self._at = start
            return False
        self._args.append(bytes(self._buffer[self._at : end]))
        self._at = end + 2
        self._request_bytes += self._at - start
        self._words_left -= 1
        if not self._words_left:
            requests.append(self._args)
            self._request_bytes = 0
        return True

    def _read_inline(self, requests: list[list[bytes]]) -> bool:
        line = self._line(b"\n", "inline request")
        if line is None:
            return False
        words = split_inline(line)
        if words is None:
            raise ProtocolError("Protocol error: unbalanced quotes in request")
        if words and words[-1].startswith(b"HTTP/"):
            raise ForeignProtocol("an HTTP request")
        if words:
            requests.append(words)
        return True

    def _line(self, ending: bytes, what: str) -> bytes | None:
        """The line that begins here, without its ending, and go on behind it; None where it is not whole yet.

        Behind a carriage return stands one byte more, which Redis does not look at."""
        end = self._buffer.find(ending, self._at)
        if (len(self._buffer) if end < 0 else end) - self._at > MAX_LINE_BYTES:
            raise ProtocolError(f"Protocol error: too big {what}")
        after = end + (2 if ending == b"\r" else 1)
        if end < 0 or after > len(self._buffer):
            return None
        line = bytes(self._buffer[self._at : end])
        self._at = after
        return line


def _number(text: bytes) -> int | None:
    """A whole number in the one form that it has, or None."""
    return int(text) if _NUMBER.fullmatch(text) else None
