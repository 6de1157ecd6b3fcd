"""Strings that are numbers, to count with."""

from typing import Final

from tfraft.store import replies
from tfraft.store.command import Command
from tfraft.store.database import Database
from tfraft.store.numbers import (
    MAX_INTEGER,
    MIN_INTEGER,
    NOT_A_FLOAT,
    NOT_AN_INTEGER,
    NOT_FINITE,
    add_floats,
    format_float,
    parse_float,
    parse_integer,
)

_WOULD_OVERFLOW: Final = replies.error(b"ERR increment or decrement would overflow")
_DECREMENT_WOULD_OVERFLOW: Final = replies.error(b"ERR decrement would overflow")


def incr(database: Database, args: list[bytes]) -> bytes:
    """INCR: afterwards the number is greater by 1, counting from 0 if there was none; what it is."""
    return _add(database, args[1], 1)


def decr(database: Database, args: list[bytes]) -> bytes:
    """DECR: afterwards the number is less by 1, counting from 0 if there was none; what it is."""
    return _add(database, args[1], -1)


def incrby(database: Database, args: list[bytes]) -> bytes:
    """INCRBY: afterwards the number is greater by this whole number; what it is."""
    increment = parse_integer(args[2])
    return NOT_AN_INTEGER if increment is None else _add(database, args[1], increment)


def decrby(database: Database, args: list[bytes]) -> bytes:
    """DECRBY: afterwards the number is less by this whole number; what it is."""
    decrement = parse_integer(args[2])
    if decrement is None:
        return NOT_AN_INTEGER
    # The lowest number has no opposite of 64 bits, so Redis refuses it whatever the key holds.
    return _DECREMENT_WOULD_OVERFLOW if decrement == MIN_INTEGER else _add(database, args[1], -decrement)


def _add(database: Database, key: bytes, increment: int) -> bytes:
    before = database.get(key)
    if not isinstance(before, bytes | None):
        return replies.WRONGTYPE
    number = 0 if before is None else parse_integer(before)
    if number is None:
        return NOT_AN_INTEGER
    number += increment
    if not MIN_INTEGER <= number <= MAX_INTEGER:
        return _WOULD_OVERFLOW
    database.put_back(key, b"%d" % number)
    return replies.integer(number)


def incrbyfloat(database: Database, args: list[bytes]) -> bytes:
    """INCRBYFLOAT: afterwards the number is greater by this float, counting from 0 if there was none; what it is."""
    before = database.get(args[1])
    if not isinstance(before, bytes | None):
        return replies.WRONGTYPE
    number = parse_float(b"0" if before is None else before)
    increment = parse_float(args[2])
    if number is None or increment is None:
        return NOT_A_FLOAT
    total = add_floats(number, increment)
    if total is None:
        return NOT_FINITE
    text = format_float(total)
    database.put_back(args[1], text)
    return replies.bulk(text)


COMMANDS = (
    Command(
        name="INCR",
        usage="INCR key",
        summary="Add 1 to a whole number; answers what it is then.",
        example="INCR apples",
        group="string",
        writes=True,
        min_args=1,
        max_args=1,
        run=incr,
    ),
    Command(
        name="DECR",
        usage="DECR key",
        summary="Take 1 from a whole number; answers what it is then.",
        example="DECR apples",
        group="string",
        writes=True,
        min_args=1,
        max_args=1,
        run=decr,
    ),
    Command(
        name="INCRBY",
        usage="INCRBY key increment",
        summary="Add to a whole number; answers what it is then.",
        example="INCRBY apples 10",
        group="string",
        writes=True,
        min_args=2,
        max_args=2,
        run=incrby,
    ),
    Command(
        name="DECRBY",
        usage="DECRBY key decrement",
        summary="Take from a whole number; answers what it is then.",
        example="DECRBY apples 2",
        group="string",
        writes=True,
        min_args=2,
        max_args=2,
        run=decrby,
    ),
    Command(
        name="INCRBYFLOAT",
        usage="INCRBYFLOAT key increment",
        summary="Add to a number with decimals; answers what it is then.",
        example="INCRBYFLOAT apples 0.5",
        group="string",
        writes=True,
        min_args=2,
        max_args=2,
        run=incrbyfloat,
    ),
)
