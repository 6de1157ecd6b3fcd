"""LCS: the longest common subsequence of two strings.

There may be many of that length, and it has to be the one that Redis gives: that of the way back through the textbook's
table of lengths which takes a byte that both strings have here, else leaves out one of `a` where only that keeps the
length, else one of `b`. Here a row of the table is a whole number with one bit for each byte of `b`, and the algorithm
of Hyyrö (2004) makes the next row with four operations on whole numbers.
"""

from collections.abc import Iterator
from typing import Final

from tfraft.record import record
from tfraft.store import replies
from tfraft.store.command import Command, KeyPositions
from tfraft.store.database import Database
from tfraft.store.numbers import NOT_AN_INTEGER, parse_integer
from tfraft.store.string_ranges import string_at
from tfraft.store.values import MAX_VALUE_BYTES

_NOT_STRINGS: Final = replies.error(b"ERR The specified keys must contain string values")
_LENGTH_OR_INDEXES: Final = replies.error(b"ERR If you want both the length and indexes, please just use IDX.")
_TOO_MUCH: Final = replies.error(b"ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")

_ROW_BYTES: Final = 64
"""For a row besides its bits. A table of MAX_VALUE_BYTES takes up to 0.2 s, in which a node does nothing else."""


@record
class Run:
    """Bytes of the subsequence without a gap in either string: their offset in each, and how many they are."""

    start_a: int
    start_b: int
    length: int


@record
class LcsOptions:
    """What is asked for: the length, or the indexes of runs of some length; else the subsequence itself."""

    length: bool
    indexes: bool
    with_run_length: bool
    min_run_length: int


def lcs(database: Database, args: list[bytes]) -> bytes:
    """LCS: the subsequence; with LEN its length, with IDX its runs from the last to the first, and its length."""
    a, b = string_at(database, args[1]), string_at(database, args[2])
    if a is None or b is None:
        return _NOT_STRINGS
    options = _parse_options(args[3:])
    if isinstance(options, bytes):
        return options
    if len(a) * (len(b) // 8 + _ROW_BYTES) > MAX_VALUE_BYTES:
        return _TOO_MUCH
    runs = list(common_runs(a, b))
    if options.length:
        return replies.integer(sum(run.length for run in runs))
    if options.indexes:
        return _indexes(runs, options)
    return replies.bulk(b"".join(a[run.start_a : run.start_a + run.length] for run in reversed(runs)))


def _parse_options(words: list[bytes]) -> LcsOptions | bytes:
    """The options, or the error reply."""
    flags: set[bytes] = set()
    min_run_length = 0
    rest = iter(words)
    for word in rest:
        name = word.upper()
        if name in (b"LEN", b"IDX", b"WITHMATCHLEN"):
            flags.add(name)
        elif name == b"MINMATCHLEN" and (number := next(rest, None)) is not None:
            parsed = parse_integer(number)
            if parsed is None:
                return NOT_AN_INTEGER
            min_run_length = parsed
        else:
            return replies.SYNTAX_ERROR
    if {b"LEN", b"IDX"} <= flags:
        return _LENGTH_OR_INDEXES
    return LcsOptions(
        length=b"LEN" in flags,
        indexes=b"IDX" in flags,
        with_run_length=b"WITHMATCHLEN" in flags,
        min_run_length=min_run_length,
    )


def _indexes(runs: list[Run], options: LcsOptions) -> bytes:
    """The map of the runs that are long enough, and the length of the whole."""
    matches = []
    for run in runs:
        if run.length >= options.min_run_length:
            match = [_range(run.start_a, run.length), _range(run.start_b, run.length)]
            if options.with_run_length:
                match.append(replies.integer(run.length))
            matches.append(replies.array(match))
    length = replies.integer(sum(run.length for run in runs))
    return b"%%2\r\n%b%b%b%b" % (replies.bulk(b"matches"), replies.array(matches), replies.bulk(b"len"), length)


def _range(start: int, length: int) -> bytes:
    return replies.array([replies.integer(start), replies.integer(start + length - 1)])


def common_runs(a: bytes, b: bytes) -> Iterator[Run]:
    """The runs of the longest common subsequence that Redis gives, from the last to the first."""
    stops = _stops(a, b)
    end_a, end_b, length = len(a), len(b), 0
    while end_a and (stop := (stops[end_a - 1] & ((1 << end_b) - 1)).bit_length()):
        if length and stop < end_b:
            yield Run(start_a=end_a, start_b=end_b, length=length)
            length = 0
        end_b = stop
        end_a -= 1
        if a[end_a] == b[end_b - 1]:
            end_b -= 1
            length += 1
        elif length:
            yield Run(start_a=end_a + 1, start_b=end_b, length=length)
            length = 0
    if length:
        yield Run(start_a=end_a, start_b=end_b, length=length)


def _stops(a: bytes, b: bytes) -> list[int]:
    """For each byte of `a` the bytes of `b`, as bits, at which the way back does not go on to the byte before.

    It stops where both bytes are alike, and where this byte of `b` adds to the length: then, as they are not alike, the
    length is the same without the byte of `a`, and is less without this one."""
    every = (1 << len(b)) - 1
    alike_at = {byte: _places_of(byte, b) for byte in dict.fromkeys(a)}
    adds_nothing = every
    stops = []
    for byte in a:
        alike = alike_at[byte]
        in_both = adds_nothing & alike
        adds_nothing = ((adds_nothing + in_both) | (adds_nothing - in_both)) & every
        stops.append((every - adds_nothing) | alike)
    return stops


def _places_of(byte: int, text: bytes) -> int:
    """The places of `byte` in `text`, as bits, the lowest for the first."""
    digits = text.translate(bytes(ord("1" if other == byte else "0") for other in range(256)))
    return int(digits[::-1] or b"0", 2)


COMMANDS = (
    Command(
        name="LCS",
        usage="LCS key1 key2 [LEN] [IDX] [MINMATCHLEN length] [WITHMATCHLEN]",
        summary="The longest sequence of bytes that two strings have in common, with gaps.",
        example="LCS greeting apples",
        group="string",
        writes=False,
        min_args=2,
        max_args=None,
        run=lcs,
        keys=KeyPositions(first=1, last=2, step=1),
    ),
)
