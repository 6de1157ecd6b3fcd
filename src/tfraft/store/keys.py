"""The commands on keys of any type, and the patterns of KEYS.

Each command takes the database and the whole command, name first, and gives the reply.
"""

import re
from itertools import islice

from tfraft.record import record
from tfraft.store import replies
from tfraft.store.command import ALL_KEYS, Command
from tfraft.store.database import Database
from tfraft.store.values import MAX_KEY_BYTES, type_name


def del_(database: Database, args: list[bytes]) -> bytes:
    """DEL: afterwards none of the keys holds anything; how many did."""
    return replies.integer(sum(database.remove(key) for key in islice(args, 1, None)))


def exists(database: Database, args: list[bytes]) -> bytes:
    """EXISTS: how many of the keys hold something; a key that is named twice counts twice."""
    return replies.integer(sum(database.get(key) is not None for key in islice(args, 1, None)))


def type_(database: Database, args: list[bytes]) -> bytes:
    """TYPE: string, hash, set or none."""
    return replies.simple(type_name(database.get(args[1])))


def keys(database: Database, args: list[bytes]) -> bytes:
    """KEYS: the keys that match the pattern, sorted by their bytes."""
    pattern = args[1]
    if len(pattern) > MAX_KEY_BYTES:
        return replies.error(
            b"ERR a pattern may have at most %d bytes, this one has %d" % (MAX_KEY_BYTES, len(pattern))
        )
    glob = compile_glob(pattern)
    return replies.array([replies.bulk(key) for key in sorted(filter(glob.matches, database.keys()))])


def dbsize(database: Database, args: list[bytes]) -> bytes:
    """DBSIZE: how many keys there are."""
    return replies.integer(len(database))


@record
class Glob:
    """A pattern cut at its stars. Within a piece each element stands for exactly one byte.

    `head` must stand at the start and `tail`, of `tail_length` bytes, at the end; without a star there is no
    tail and `head` is everything. `middle` stands between them in this order. To take the first place where a
    piece fits is never wrong, since it leaves the most to the pieces after it. So nothing is tried twice: the
    time is at most the length of the key times that of the pattern, however many stars it has."""

    head: re.Pattern[bytes]
    middle: tuple[re.Pattern[bytes], ...]
    tail: re.Pattern[bytes] | None
    tail_length: int

    def matches(self, key: bytes) -> bool:
        """Whether the whole key fits the pattern."""
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
    )


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


COMMANDS = (
    Command(
        name="DEL",
        usage="DEL key [key …]",
        summary="Remove keys of any type; answers how many there were.",
        example="DEL greeting",
        group="key",
        writes=True,
        min_args=1,
        max_args=None,
        run=del_,
        keys=ALL_KEYS,
    ),
    Command(
        name="TYPE",
        usage="TYPE key",
        summary="The type under a key: string, hash, set or none.",
        example="TYPE user",
        group="key",
        writes=False,
        min_args=1,
        max_args=1,
        run=type_,
    ),
    Command(
        name="EXISTS",
        usage="EXISTS key [key …]",
        summary="How many of these keys exist.",
        example="EXISTS greeting user",
        group="key",
        writes=False,
        min_args=1,
        max_args=None,
        run=exists,
        keys=ALL_KEYS,
    ),
    Command(
        name="KEYS",
        usage="KEYS pattern",
        summary="The keys that match a pattern of * ? [a-z] [^a-z], sorted.",
        example="KEYS user*",
        group="key",
        writes=False,
        min_args=1,
        max_args=1,
        run=keys,
        keys=None,
    ),
    Command(
        name="DBSIZE",
        usage="DBSIZE",
        summary="How many keys there are.",
        example="DBSIZE",
        group="key",
        writes=False,
        min_args=0,
        max_args=0,
        run=dbsize,
        keys=None,
    ),
)
