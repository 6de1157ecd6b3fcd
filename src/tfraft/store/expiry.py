"""The commands on deadlines: when a key is to go, and how long it has left.

A deadline is in milliseconds since 1970, and is counted from log time, never from a clock: so it is the same on every
server, and a key goes from all of them with the same entry of the log.
"""

from functools import partial
from typing import Final

from tfraft.store import replies
from tfraft.store.command import Command, Run
from tfraft.store.database import Database
from tfraft.store.numbers import MAX_INTEGER, MIN_INTEGER, NOT_AN_INTEGER, parse_integer

SECOND_MS: Final = 1000
MILLISECOND_MS: Final = 1

_OPTIONS: Final = {b"NX", b"XX", b"GT", b"LT"}
_NX_AND_OTHERS: Final = replies.error(b"ERR NX and XX, GT or LT options at the same time are not compatible")
_GT_AND_LT: Final = replies.error(b"ERR GT and LT options at the same time are not compatible")

_NO_KEY: Final = -2
_NO_DEADLINE: Final = -1


def _expire(database: Database, args: list[bytes], unit_ms: int, from_now: bool) -> bytes:
    """EXPIRE and its kin: afterwards the key has this deadline, if the options allow it; whether that was so.

    Where the deadline has come already, the key goes."""
    _, key, number, *options = args
    allowed = _read_options(options)
    if isinstance(allowed, bytes):
        return allowed
    count = parse_integer(number)
    if count is None:
        return NOT_AN_INTEGER
    deadline_ms = count * unit_ms + (database.time_ms if from_now else 0)
    if count * unit_ms < MIN_INTEGER or max(deadline_ms, count * unit_ms) > MAX_INTEGER:
        return replies.error(b"ERR invalid expire time in '%b' command" % args[0].lower())
    if database.get(key) is None or not _allow(allowed, database.deadline_of(key), deadline_ms):
        return replies.integer(0)
    database.set_deadline(key, deadline_ms)
    return replies.integer(1)


def _read_options(words: list[bytes]) -> set[bytes] | bytes:
    """The options, in capitals; or the error reply where there are no such, or none that go together."""
    options: set[bytes] = set()
    for word in words:
        if word.upper() not in _OPTIONS:
            return replies.error(b"ERR Unsupported option %b" % word)
        options.add(word.upper())
    if b"NX" in options and len(options) > 1:
        return _NX_AND_OTHERS
    return _GT_AND_LT if options >= {b"GT", b"LT"} else options


def _allow(options: set[bytes], present_ms: int | None, deadline_ms: int) -> bool:
    """Whether the deadline may be changed so. A key without one counts as one that stays for ever."""
    if present_ms is None:
        return not options & {b"XX", b"GT"}
    return not (
        b"NX" in options
        or (b"GT" in options and deadline_ms <= present_ms)
        or (b"LT" in options and deadline_ms >= present_ms)
    )


def persist(database: Database, args: list[bytes]) -> bytes:
    """PERSIST: afterwards the key has no deadline; whether it had one."""
    if database.deadline_of(args[1]) is None:
        return replies.integer(0)
    database.set_deadline(args[1], None)
    return replies.integer(1)


def _time_left(database: Database, args: list[bytes], unit_ms: int) -> bytes:
    """TTL and PTTL: how long the key has left; -1 where it has no deadline, -2 where there is no key."""
    return _in_units(database, args[1], database.time_ms, unit_ms)


def _deadline(database: Database, args: list[bytes], unit_ms: int) -> bytes:
    """EXPIRETIME and PEXPIRETIME: the deadline of the key, or a negative number as TTL gives it."""
    return _in_units(database, args[1], 0, unit_ms)


def _in_units(database: Database, key: bytes, from_ms: int, unit_ms: int) -> bytes:
    deadline_ms = database.deadline_of(key)
    if deadline_ms is None:
        return replies.integer(_NO_KEY if database.get(key) is None else _NO_DEADLINE)
    return replies.integer((deadline_ms - from_ms + unit_ms // 2) // unit_ms)  # Rounded, as in Redis.


def _setter(name: str, argument: str, what: str, example: str, run: Run) -> Command:
    return Command(
        name=name,
        usage=f"{name} key {argument} [NX | XX | GT | LT]",
        summary=f"{what}; answers 1, or 0 if not so.",
        example=f"{name} greeting {example}",
        group="key",
        writes=True,
        min_args=2,
        max_args=None,
        run=run,
    )


def _getter(name: str, what: str, run: Run, uses_time: bool) -> Command:
    return Command(
        name=name,
        usage=f"{name} key",
        summary=f"{what}; -1 if it stays for ever, -2 if there is no key.",
        example=f"{name} greeting",
        group="key",
        writes=False,
        min_args=1,
        max_args=1,
        run=run,
        uses_time=uses_time,
    )


COMMANDS = (
    _setter(
        "EXPIRE",
        "seconds",
        "Remove a key after so many seconds",
        "60",
        partial(_expire, unit_ms=SECOND_MS, from_now=True),
    ),
    _setter(
        "PEXPIRE",
        "milliseconds",
        "Remove a key after so many milliseconds",
        "60000",
        partial(_expire, unit_ms=MILLISECOND_MS, from_now=True),
    ),
    _setter(
        "EXPIREAT",
        "unix-time-seconds",
        "Remove a key at this time, in seconds since 1970",
        "4102444800",
        partial(_expire, unit_ms=SECOND_MS, from_now=False),
    ),
    _setter(
        "PEXPIREAT",
        "unix-time-milliseconds",
        "Remove a key at this time, in milliseconds since 1970",
        "4102444800000",
        partial(_expire, unit_ms=MILLISECOND_MS, from_now=False),
    ),
    _getter("TTL", "How many seconds a key has left", partial(_time_left, unit_ms=SECOND_MS), uses_time=True),
    _getter(
        "PTTL", "How many milliseconds a key has left", partial(_time_left, unit_ms=MILLISECOND_MS), uses_time=True
    ),
    _getter(
        "EXPIRETIME",
        "When a key goes, in seconds since 1970",
        partial(_deadline, unit_ms=SECOND_MS),
        uses_time=False,
    ),
    _getter(
        "PEXPIRETIME",
        "When a key goes, in milliseconds since 1970",
        partial(_deadline, unit_ms=MILLISECOND_MS),
        uses_time=False,
    ),
    Command(
        name="PERSIST",
        usage="PERSIST key",
        summary="Let a key stay for ever; answers 1, or 0 if it had no time limit.",
        example="PERSIST greeting",
        group="key",
        writes=True,
        min_args=1,
        max_args=1,
        run=persist,
    ),
)
