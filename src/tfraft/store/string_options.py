"""The options of SET and GETEX, and the deadlines that are given in them."""

from collections.abc import Collection
from typing import Final

from tfraft.store import replies
from tfraft.store.numbers import MAX_INTEGER, NOT_AN_INTEGER, parse_integer

Options = dict[bytes, bytes]
"""The options that are there, in capitals, each with what stands behind it: a number, or nothing."""

_UNITS_MS: Final = {b"EX": 1000, b"PX": 1, b"EXAT": 1000, b"PXAT": 1}
_FROM_NOW: Final = (b"EX", b"PX")

# Of each of these at most one; the same one may come again, and then its last number counts.
_DEADLINES: Final = frozenset((*_UNITS_MS, b"KEEPTTL", b"PERSIST"))
_CONDITIONS: Final = frozenset((b"NX", b"XX"))

SET_OPTIONS: Final = frozenset((*_UNITS_MS, b"KEEPTTL", b"NX", b"XX", b"GET"))
GETEX_OPTIONS: Final = frozenset((*_UNITS_MS, b"PERSIST"))


def parse_options(words: list[bytes], allowed: Collection[bytes]) -> Options | None:
    """The options that `words` are; None if they are not some of `allowed`, or cannot stand together."""
    options: Options = {}
    rest = iter(words)
    for word in rest:
        name = word.upper()
        number = next(rest, None) if name in _UNITS_MS else b""
        if name not in allowed or number is None:
            return None
        options[name] = number
    if len(_DEADLINES & options.keys()) > 1 or len(_CONDITIONS & options.keys()) > 1:
        return None
    return options


def deadline_in(options: Options, command: bytes, now_ms: int) -> int | bytes | None:
    """The deadline, in milliseconds since 1970, that `options` of this `command` set; or the error reply."""
    for unit in _UNITS_MS:
        if unit in options:
            return parse_deadline(unit, options[unit], command, now_ms)
    return None


def parse_deadline(unit: bytes, text: bytes, command: bytes, now_ms: int) -> int | bytes:
    """The deadline, in milliseconds since 1970, that is given so in this `command`; or the error reply."""
    number = parse_integer(text)
    if number is None:
        return NOT_AN_INTEGER
    deadline_ms = number * _UNITS_MS[unit] + (now_ms if unit in _FROM_NOW else 0)
    if number <= 0 or deadline_ms > MAX_INTEGER:
        return replies.error(b"ERR invalid expire time in '%b' command" % command)
    return deadline_ms
