"""Strings set and read as a whole, one at a time."""

from tfraft.store import replies
from tfraft.store.command import Command
from tfraft.store.database import Database
from tfraft.store.string_options import SET_OPTIONS, deadline_in, parse_options


def set_(database: Database, args: list[bytes]) -> bytes:
    """SET: afterwards the key holds this string, whatever type it held before; options may set conditions."""
    if len(args) == 3:
        database.put(args[1], args[2])
        return replies.OK
    return _set_with_options(database, args)


def _set_with_options(database: Database, args: list[bytes]) -> bytes:
    options = parse_options(args[3:], SET_OPTIONS)
    if options is None:
        return replies.SYNTAX_ERROR
    deadline_ms = deadline_in(options, b"set", database.time_ms)
    if isinstance(deadline_ms, bytes):
        return deadline_ms
    before = database.get(args[1])
    if b"GET" in options and not isinstance(before, bytes | None):
        return replies.WRONGTYPE
    is_refused = (b"XX" if before is None else b"NX") in options
    if not is_refused and b"KEEPTTL" in options:
        database.put_back(args[1], args[2])
    elif not is_refused:
        database.put(args[1], args[2], deadline_ms)
    if b"GET" in options and isinstance(before, bytes):
        return replies.bulk(before)
    return replies.NIL if is_refused or b"GET" in options else replies.OK


def get(database: Database, args: list[bytes]) -> bytes:
    """GET: the string, or nil."""
    value = database.get(args[1])
    if value is None:
        return replies.NIL
    return replies.bulk(value) if isinstance(value, bytes) else replies.WRONGTYPE


def setnx(database: Database, args: list[bytes]) -> bytes:
    """SETNX: afterwards the key holds this string, if it held nothing before; whether it did so."""
    if database.get(args[1]) is not None:
        return replies.integer(0)
    database.put(args[1], args[2])
    return replies.integer(1)


def getset(database: Database, args: list[bytes]) -> bytes:
    """GETSET: afterwards the key holds this string; the one before it, or nil."""
    reply = get(database, args)
    if reply is not replies.WRONGTYPE:
        database.put(args[1], args[2])
    return reply


def getdel(database: Database, args: list[bytes]) -> bytes:
    """GETDEL: afterwards the key holds nothing; the string it held, or nil."""
    reply = get(database, args)
    if reply is not replies.WRONGTYPE:
        database.remove(args[1])
    return reply


COMMANDS = (
    Command(
        name="SET",
        usage="SET key value [NX | XX] [GET] "
        "[EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
        summary="Store a string under a key, in place of whatever is there.",
        example='SET greeting "hello world"',
        group="string",
        writes=True,
        min_args=2,
        max_args=None,
        run=set_,
    ),
    Command(
        name="GET",
        usage="GET key",
        summary="Read a string; nil if there is none.",
        example="GET greeting",
        group="string",
        writes=False,
        min_args=1,
        max_args=1,
        run=get,
    ),
    Command(
        name="SETNX",
        usage="SETNX key value",
        summary="Store a string where there is nothing yet; answers 1 if it did, else 0.",
        example="SETNX code 1234",
        group="string",
        writes=True,
        min_args=2,
        max_args=2,
        run=setnx,
    ),
    Command(
        name="GETSET",
        usage="GETSET key value",
        summary="Store a string and answer the one before it; nil if there was none.",
        example="GETSET code 5678",
        group="string",
        writes=True,
        min_args=2,
        max_args=2,
        run=getset,
    ),
    Command(
        name="GETDEL",
        usage="GETDEL key",
        summary="Read a string and remove it.",
        example="GETDEL code",
        group="string",
        writes=True,
        min_args=1,
        max_args=1,
        run=getdel,
    ),
)
