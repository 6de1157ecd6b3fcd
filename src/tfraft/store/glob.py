"""The patterns of KEYS and SCAN, read as Redis reads them."""

import re

from tfraft.record import record
from tfraft.store import replies
from tfraft.store.values import MAX_KEY_BYTES


@record
class Glob:
    """A pattern cut at its stars. Within a piece each element stands for exactly one byte.

    `head` must stand at the start and `tail`, of `tail_length` bytes, at the end; without a star there is no
    tail and `head` is everything. `middle` stands between them in this order. To take the first place where a
    piece fits is never wrong, since it leaves the most to the pieces after it. So nothing is tried twice: the
    time is at most the length of the key times that of the pattern, however many stars it has.

    The empty key fits the empty pattern and a single star; as in Redis, no other pattern, not even two stars."""

    head: re.Pattern[bytes]
    middle: tuple[re.Pattern[bytes], ...]
    tail: re.Pattern[bytes] | None
    tail_length: int
    fits_nothing: bool

    def matches(self, key: bytes) -> bool:
        """Whether the whole key fits the pattern."""
        if not key:
            return self.fits_nothing
        if self.tail is None:
            return self.head.fullmatch(key) is not None
        found = self.head.match(key)
        for piece in self.middle:
            if found is None:
                return False
            found = piece.search(key, found.end())
        tail_start = len(key) - self.tail_length
        return found is not None and found.end() <= tail_start and self.tail.match(key, tail_start) is not None


def compile_glob(pattern: bytes) -> Glob:
    """Read a pattern as Redis does.

    `*` stands for any bytes, `?` for one, `[a-z]` for one of these, `[^a-z]` for one of the others; a
    backslash takes the byte after it as it is. Every pattern means something: an open bracket closes at the end."""
    head, *others = _pieces(pattern)
    tail = others.pop() if others else None
    return Glob(
        head=_compile(head),
        middle=tuple(_compile(piece) for piece in others if piece),
        tail=None if tail is None else _compile(tail),
        tail_length=0 if tail is None else len(tail),
        fits_nothing=pattern in (b"", b"*"),
    )


def read_glob(pattern: bytes) -> Glob | bytes:
    """The pattern of a command; or the error reply for one that is too long, which would take long to compile."""
    if len(pattern) > MAX_KEY_BYTES:
        return replies.error(
            b"ERR a pattern may have at most %d bytes, this one has %d" % (MAX_KEY_BYTES, len(pattern))
        )
    return compile_glob(pattern)


def _compile(piece: list[bytes]) -> re.Pattern[bytes]:
    return re.compile(b"".join(piece), re.DOTALL)


def _pieces(pattern: bytes) -> list[list[bytes]]:
    """The pieces between the stars; each is a list of regular expressions for one byte."""
    pieces: list[list[bytes]] = [[]]
    at = 0
    while at < len(pattern):
        match pattern[at : at + 1]:
            case b"*":
                pieces.append([])
            case b"?":
                pieces[-1].append(b".")
            case b"[":
                one_byte, at = _bracket(pattern, at + 1)
                pieces[-1].append(one_byte)
            case _:
                at += _is_escape(pattern, at)
                pieces[-1].append(_literal(pattern[at]))
        at += 1
    return pieces


def _bracket(pattern: bytes, at: int) -> tuple[bytes, int]:
    """The regular expression for the bracket whose inside begins at `at`, and the place of its end."""
    negated = pattern[at : at + 1] == b"^"
    at += negated
    inside = b""
    while at < len(pattern) and pattern[at] != ord("]"):
        if _is_escape(pattern, at):
            inside += _literal(pattern[at + 1])
            at += 2
        elif pattern[at + 1 : at + 2] == b"-" and at + 2 < len(pattern):
            inside += b"%b-%b" % tuple(map(_literal, sorted((pattern[at], pattern[at + 2]))))
            at += 3
        else:
            inside += _literal(pattern[at])
            at += 1
    if not inside:
        return (b"." if negated else b"(?!)"), at
    return b"[%b%b]" % (b"^" if negated else b"", inside), at


def _is_escape(pattern: bytes, at: int) -> bool:
    """Whether a backslash stands here that has something to escape."""
    return pattern[at] == ord("\\") and at + 1 < len(pattern)


def _literal(byte: int) -> bytes:
    return b"\\x%02x" % byte
