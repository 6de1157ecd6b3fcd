"""HSCAN and SSCAN: a hash or a set given in parts, while it changes between the calls.

The promise is that of SCAN: what is there all the time from the first call to the last is given at least once. So a
cursor is not a position among the members, which moves when others go, but one among the values of a checksum of the
name, where nothing moves: a call gives the members in the next range of these. That follows from the state and the
command alone, so a scan can go on at another server, and be a part of a transaction.
"""

from collections.abc import Iterable
from typing import Final
from zlib import crc32

from tfraft.store import replies
from tfraft.store.members import bulks
from tfraft.store.scan_options import INVALID_CURSOR, ScanOptions, parse_cursor, parse_options
from tfraft.store.values import HashValue, SetValue

SMALL: Final = 128
"""So many members are given at once, as Redis does where it keeps them in one piece."""

_MAX_CALLS: Final = 64
"""A call looks at all members, at some 0.1 µs each; so it gives about a 64th of them even where less is asked for."""

_CHECKSUMS: Final = 1 << 32


def scan(args: list[bytes], members: HashValue | SetValue | None) -> bytes:
    """The next part of `members`, and the cursor to go on with, which is 0 after the last; None is another type."""
    cursor = parse_cursor(args[2])
    if cursor is None:
        return INVALID_CURSOR
    if members is None:
        return replies.WRONGTYPE
    options = parse_options(args[3:]) if members else ScanOptions()  # Redis does not read them where there is nothing.
    if isinstance(options, bytes):
        return options
    next_cursor, names = _next_part(members, cursor, options.count)
    names = options.matching(names)
    if isinstance(members, HashValue):
        names = (word for name in names for word in (name, members[name]))
    return replies.array([replies.bulk(b"%d" % next_cursor), bulks(list(names))])


def _next_part(members: HashValue | SetValue, cursor: int, count: int) -> tuple[int, Iterable[bytes]]:
    """The cursor after this part, and about `count` names or more."""
    if len(members) <= max(SMALL, count):
        return 0, members
    calls = min(len(members) // count, _MAX_CALLS)
    end = cursor + -(-_CHECKSUMS // calls)
    names = [name for name, checksum in zip(members, map(crc32, members), strict=True) if cursor <= checksum < end]
    return (end if end < _CHECKSUMS else 0), names
