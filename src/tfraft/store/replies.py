"""The answer to a command: RESP3 bytes, made once where the command runs and passed on as they are.

The functions and constants of the first half make replies, for the commands. `parse` reads them back, for the
edges that show an answer in another form.
"""

import re
from collections.abc import Sequence
from itertools import islice

from tfraft.errors import TfRaftError
from tfraft.record import record

OK = b"+OK\r\n"
NIL = b"_\r\n"
TRUE = b"#t\r\n"
FALSE = b"#f\r\n"
WRONGTYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
SYNTAX_ERROR = b"-ERR syntax error\r\n"

_SHOWN_BYTES = 128  # of the name and of all arguments together, as in Redis
_MAX_DEPTH = 32  # of arrays in arrays; a parser that recurses must not be led to the end of the stack
_INTEGER = re.compile(rb"-?(?:0|[1-9][0-9]{0,18})")


def simple(text: bytes) -> bytes:
    """A word of our own, such as the name of a type; `text` has no line end."""
    return b"+%b\r\n" % text


def integer(number: int) -> bytes:
    """A whole number."""
    return b":%d\r\n" % number


def boolean(truth: bool) -> bytes:
    """Yes or no."""
    return TRUE if truth else FALSE


def bulk(value: bytes) -> bytes:
    """A value, of any bytes."""
    return b"$%d\r\n%b\r\n" % (len(value), value)


def array(members: Sequence[bytes]) -> bytes:
    """Replies in a row; each member is a reply."""
    return b"*%d\r\n%b" % (len(members), b"".join(members))


def error(text: bytes) -> bytes:
    """An error; `text` begins with its code. A line end in it, which would end the reply, becomes a space."""
    return b"-%b\r\n" % text.replace(b"\r", b" ").replace(b"\n", b" ")


def unknown_command(args: list[bytes]) -> bytes:
    """What Redis says to a name that is no command, with as much of the arguments as fits into 128 bytes."""
    shown = b""
    for arg in islice(args, 1, None):
        if len(shown) >= _SHOWN_BYTES:
            break
        shown += b"'%b' " % arg[: _SHOWN_BYTES - len(shown)]
    return error(b"ERR unknown command '%b', with args beginning with: %b" % (args[0][:_SHOWN_BYTES], shown))


def unknown_subcommand(args: list[bytes]) -> bytes:
    """What Redis says to a second word that makes no command with the first."""
    return error(b"ERR unknown subcommand '%b'. Try %b HELP." % (args[1][:_SHOWN_BYTES], args[0].upper()))


def wrong_arity(name: str) -> bytes:
    """What Redis says to a command with too few or too many arguments; the name may have two words."""
    return error(b"ERR wrong number of arguments for '%b' command" % name.lower().replace(" ", "|").encode())


class ReplyError(TfRaftError):
    """The bytes are not a reply; the text says what was expected and what was seen."""


@record
class Simple:
    """A word of the store, such as OK or the name of a type, as against a value of the user."""

    text: str


@record
class ErrorReply:
    """A refusal: its first word, such as ERR or WRONGTYPE, and the rest."""

    code: str
    message: str


Reply = Simple | ErrorReply | bytes | int | bool | None | list["Reply"]


def parse(reply: bytes) -> Reply:
    """The answer that `reply` holds: of a set its members in a row, of a map its keys and values in turn.

    Raises ReplyError, and nothing else, where it is not one whole reply."""
    answer, end = _parse_at(reply, 0, depth=0)
    if end != len(reply):
        raise ReplyError(f"the reply ends at byte {end}, but there are {len(reply)}")
    return answer


def _parse_at(reply: bytes, start: int, depth: int) -> tuple[Reply, int]:
    """The answer that begins at `start`, and where it ends."""
    line_end = reply.find(b"\r\n", start)
    if line_end < 0:
        raise ReplyError(f"expected a line that ends in CR LF at byte {start} of the reply")
    marker, line, rest = reply[start : start + 1], reply[start + 1 : line_end], line_end + 2
    match marker:
        case b"$":
            return _parse_bulk(reply, _number(line), rest)
        case b"*" | b"~":
            return _parse_array(reply, _number(line), rest, depth + 1)
        case b"%":
            return _parse_array(reply, 2 * _number(line), rest, depth + 1)
        case _:
            return _parse_line(marker, line), rest


def _parse_line(marker: bytes, line: bytes) -> Reply:
    match marker, line:
        case b"+", _:
            return Simple(_text(line))
        case b"-", _:
            code, _, message = _text(line).partition(" ")
            return ErrorReply(code, message)
        case b":", _:
            return _number(line)
        case b"#", (b"t" | b"f"):
            return line == b"t"
        case b"_", b"":
            return None
        case _:
            raise ReplyError(f"expected a reply, saw {(marker + line)[:40]!r}")


def _parse_bulk(reply: bytes, length: int, start: int) -> tuple[bytes, int]:
    end = start + length
    if length < 0 or reply[end : end + 2] != b"\r\n":
        raise ReplyError(f"expected {length} bytes and CR LF at byte {start} of the reply")
    return reply[start:end], end + 2


def _parse_array(reply: bytes, length: int, start: int, depth: int) -> tuple[list[Reply], int]:
    if length < 0 or depth > _MAX_DEPTH:
        raise ReplyError(f"expected an array of 0 or more, at most {_MAX_DEPTH} deep; saw {length}, {depth} deep")
    members: list[Reply] = []
    for _ in range(length):
        member, start = _parse_at(reply, start, depth)
        members.append(member)
    return members, start


def _number(line: bytes) -> int:
    if not _INTEGER.fullmatch(line):
        raise ReplyError(f"expected a whole number, saw {line[:40]!r}")
    return int(line)


def _text(line: bytes) -> str:
    """Readable whatever the bytes: an error may quote a name that is not UTF-8."""
    if b"\r" in line or b"\n" in line:
        raise ReplyError(f"expected one line, saw {line[:40]!r}")
    return line.decode(errors="backslashreplace")
