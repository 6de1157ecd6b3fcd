"""Replies for clients of the older protocol: RESP3 turned into RESP2 by type alone, as Redis does.

null            an empty bulk string of length -1 (of an array where one was asked for: the caller's business)
boolean         1 or 0
map             an array of twice the length
set             an array
double          a bulk string
big number      a bulk string
verbatim        a bulk string, without its format
"""

import re
from typing import Final

NIL: Final = b"$-1\r\n"
NIL_ARRAY: Final = b"*-1\r\n"

SAME: Final = frozenset(b"+-:$")
"""What begins so is the same in both protocols."""

# An array of nothing else is the same, too. A value may look so by chance, and then is only looked at for nothing.
_DIFFERS = re.compile(rb"\n[_#%~,(=]").search
_AGGREGATES: Final = b"*~%"
_MAP: Final = ord("%")
_BULK: Final = ord("$")
_VERBATIM: Final = ord("=")
_FORMAT_BYTES: Final = len(b"txt:")


def to_resp2(reply: bytes) -> bytes:
    """The same reply in RESP2. `reply` is one whole reply in RESP3."""
    if reply[0] in SAME or (reply[0] == ord("*") and _DIFFERS(reply) is None):
        return reply
    parts: list[bytes] = []
    at = 0
    while at < len(reply):
        part, at = _part_at(reply, at)
        parts.append(part)
    return b"".join(parts)


def _part_at(reply: bytes, at: int) -> tuple[bytes, int]:
    """What stands at `at` in RESP2, and where it ends: a value, or the header of an aggregate."""
    line_end = reply.index(b"\r\n", at)
    end = line_end + 2
    kind, text = reply[at], reply[at + 1 : line_end]
    match chr(kind):
        case "$":
            end += int(text) + 2
            return reply[at:end], end
        case "*":
            return reply[at:end], end
        case "~":
            return b"*%b\r\n" % text, end
        case "%":
            return b"*%d\r\n" % (2 * int(text)), end
        case "_":
            return NIL, end
        case "#":
            return b":%d\r\n" % (text == b"t"), end
        case "," | "(":
            return _bulk(text), end
        case "=":
            start, end = end + _FORMAT_BYTES, end + int(text) + 2
            return _bulk(reply[start : end - 2]), end
        case _:
            return reply[at:end], end


def _bulk(text: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(text), text)


def end_of_reply(reply: bytes, start: int) -> int:
    """Where the reply that begins at `start` ends, with all that is in it."""
    left = 1
    at = start
    while left:
        kind = reply[at]
        line_end = reply.index(b"\r\n", at)
        length = reply[at + 1 : line_end]
        at = line_end + 2
        left -= 1
        if kind in _AGGREGATES:
            left += int(length) * (2 if kind == _MAP else 1)
        elif kind in (_BULK, _VERBATIM):
            at += int(length) + 2
    return at
