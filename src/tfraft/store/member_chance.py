"""Members of a hash or a set that come by chance: the same on every server in a command that is applied."""

from collections.abc import Collection, Iterable
from itertools import islice
from typing import Final

from tfraft.store import replies
from tfraft.store.database import Database
from tfraft.store.numbers import MAX_INTEGER, NOT_AN_INTEGER, parse_integer

MAX_REPEATED: Final = 100_000
MAX_REPEATED_BYTES: Final = 512 * 1024 * 1024
"""With repetition a short command could ask for more than any memory holds, and for hours. Redis has no such limit."""

OUT_OF_RANGE: Final = replies.error(b"ERR value is out of range")
_OUT_OF_THIS_RANGE: Final = replies.error(
    b"ERR value is out of range, value must between %d and %d" % (-MAX_INTEGER, MAX_INTEGER)
)


def parse_count(text: bytes) -> int | bytes:
    """How many to give, less than 0 for as many with repetition; or the error reply."""
    count = parse_integer(text)
    if count is None:
        return NOT_AN_INTEGER
    return count if count >= -MAX_INTEGER else _OUT_OF_THIS_RANGE


def one_of(database: Database, names: Collection[bytes]) -> bytes:
    """One of the names, of which there is at least one. Linear in their number, at some 5 ns each."""
    return next(islice(names, database.chance(len(names)), None))


def several_of(database: Database, names: Collection[bytes], count: int) -> list[bytes]:
    """So many different ones, or all of them if there are no more."""
    if count >= len(names):
        return list(names)
    places: set[int] = set()
    for last in range(len(names) - count, len(names)):
        # Floyd's sampling: one draw for each, and every choice of places is as likely as another.
        place = database.chance(last + 1)
        places.add(last if place in places else place)
    every = list(names)
    return [every[place] for place in sorted(places)]


def repeatedly_of(database: Database, names: Collection[bytes], count: int) -> list[bytes]:
    """One of the names so many times, each time anew."""
    every = list(names)
    return [every[database.chance(len(every))] for _ in range(count if every else 0)]


def is_too_much(count: int, sizes: Iterable[int]) -> bool:
    """Whether that many of members that have these sizes in bytes are more than are given with repetition."""
    longest = max(sizes, default=0) if count < 0 else 0
    return -count > MAX_REPEATED or -count * longest > MAX_REPEATED_BYTES
