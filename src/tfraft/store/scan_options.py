"""What SCAN, HSCAN and SSCAN are told: a cursor, and which names are wanted."""

import re
from collections.abc import Iterable
from typing import Final

from tfraft.record import record
from tfraft.store import replies
from tfraft.store.glob import Glob, read_glob
from tfraft.store.numbers import NOT_AN_INTEGER, parse_integer

_CURSORS: Final = 1 << 64
_USUAL_COUNT: Final = 10

# What C's strtoul takes, but for spaces at the start: Redis refuses these, and sees nothing behind a zero byte.
_CURSOR: Final = re.compile(rb"(?P<sign>[+-]?)(?=[0-9])0*+(?P<digits>(?:[1-9][0-9]{0,19})?)")

INVALID_CURSOR: Final = replies.error(b"ERR invalid cursor")


@record
class ScanOptions:
    """How many names to look at, about, and which to give: those that match, and keys only of this type."""

    count: int = _USUAL_COUNT
    glob: Glob | None = None
    type_name: bytes | None = None

    def matching(self, names: Iterable[bytes]) -> Iterable[bytes]:
        """Those of the names that match, in their order."""
        return names if self.glob is None else filter(self.glob.matches, names)


def parse_cursor(text: bytes) -> int | None:
    """The cursor, of 64 bits without sign; None where Redis takes it for none."""
    found = _CURSOR.fullmatch(text.partition(b"\0")[0] or b"0")
    if found is None:
        return None
    number = int(found["digits"] or b"0")
    if number >= _CURSORS:
        return None
    return -number % _CURSORS if found["sign"] == b"-" else number


def parse_options(words: list[bytes], takes_type: bool = False) -> ScanOptions | bytes:
    """MATCH, COUNT and, if that is taken, TYPE, the last of each; or the error reply."""
    count = _USUAL_COUNT
    pattern: bytes | None = None
    type_name: bytes | None = None
    for place in range(0, len(words), 2):
        match words[place].upper(), words[place + 1 : place + 2]:
            case b"MATCH", [word]:
                pattern = word
            case b"TYPE", [word] if takes_type:
                type_name = word
            case b"COUNT", [word]:
                number = parse_integer(word)
                if number is None:
                    return NOT_AN_INTEGER
                if number < 1:
                    return replies.SYNTAX_ERROR
                count = number
            case _:
                return replies.SYNTAX_ERROR
    glob = None if pattern is None else read_glob(pattern)
    return glob if isinstance(glob, bytes) else ScanOptions(count, glob, type_name)
