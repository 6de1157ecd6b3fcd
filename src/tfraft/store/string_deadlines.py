"""Strings that are there until a deadline."""

from tfraft.store import replies
from tfraft.store.command import Command
from tfraft.store.database import Database
from tfraft.store.string_options import GETEX_OPTIONS, deadline_in, parse_deadline, parse_options


def setex(database: Database, args: list[bytes]) -> bytes:
    """SETEX: afterwards the key holds this string for so many seconds."""
    return _set_for(database, args, b"EX", b"setex")


def psetex(database: Database, args: list[bytes]) -> bytes:
    """PSETEX: afterwards the key holds this string for so many milliseconds."""
    return _set_for(database, args, b"PX", b"psetex")


def _set_for(database: Database, args: list[bytes], unit: bytes, command: bytes) -> bytes:
    deadline_ms = parse_deadline(unit, args[2], command, database.time_ms)
    if isinstance(deadline_ms, bytes):
        return deadline_ms
    database.put(args[1], args[3], deadline_ms)
    return replies.OK


def getex(database: Database, args: list[bytes]) -> bytes:
    """GETEX: the string, or nil; afterwards it has the deadline of the options, none with PERSIST, or the old one."""
    options = parse_options(args[2:], GETEX_OPTIONS)
    if options is None:
        return replies.SYNTAX_ERROR
    value = database.get(args[1])
    if value is None:
        return replies.NIL
    if not isinstance(value, bytes):
        return replies.WRONGTYPE
    deadline_ms = deadline_in(options, b"getex", database.time_ms)
    if isinstance(deadline_ms, bytes):
        return deadline_ms
    if deadline_ms is not None or (b"PERSIST" in options and database.deadline_of(args[1]) is not None):
        database.set_deadline(args[1], deadline_ms)
    return replies.bulk(value)


def _changes_nothing(args: list[bytes]) -> bool:
    """Whether it is a GETEX without options, which is a GET."""
    return len(args) == 2


COMMANDS = (
    Command(
        name="SETEX",
        usage="SETEX key seconds value",
        summary="Store a string that is gone after so many seconds.",
        example="SETEX token 60 abc",
        group="string",
        writes=True,
        min_args=3,
        max_args=3,
        run=setex,
    ),
    Command(
        name="PSETEX",
        usage="PSETEX key milliseconds value",
        summary="Store a string that is gone after so many milliseconds.",
        example="PSETEX token 1500 abc",
        group="string",
        writes=True,
        min_args=3,
        max_args=3,
        run=psetex,
    ),
    Command(
        name="GETEX",
        usage="GETEX key "
        "[EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
        summary="Read a string and say until when it is kept.",
        example="GETEX token PERSIST",
        group="string",
        writes=True,
        min_args=1,
        max_args=None,
        run=getex,
        is_read=_changes_nothing,
    ),
)
