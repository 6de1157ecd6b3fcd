"""Counting in a field of a hash, in whole numbers and in floats."""

from typing import Final

from tfraft.store import replies
from tfraft.store.command import Command
from tfraft.store.database import Database
from tfraft.store.members import hash_for_change
from tfraft.store.numbers import (
    MAX_INTEGER,
    MIN_INTEGER,
    NOT_A_FLOAT,
    NOT_AN_INTEGER,
    NOT_FINITE,
    add_floats,
    format_float,
    is_infinite,
    parse_float,
    parse_integer,
)

_NO_INTEGER_THERE: Final = replies.error(b"ERR hash value is not an integer")
_NO_FLOAT_THERE: Final = replies.error(b"ERR hash value is not a float")
_INFINITE_INCREMENT: Final = replies.error(b"ERR value is NaN or Infinity")
_OVERFLOW: Final = replies.error(b"ERR increment or decrement would overflow")


def hincrby(database: Database, args: list[bytes]) -> bytes:
    """HINCRBY: afterwards the field is greater by this whole number, counting from 0 if it was missing; what it is."""
    increment = parse_integer(args[3])
    if increment is None:
        return NOT_AN_INTEGER
    fields = hash_for_change(database, args[1])
    if fields is None:
        return replies.WRONGTYPE
    number = parse_integer(fields.get(args[2], b"0"))
    if number is None:
        return _NO_INTEGER_THERE
    number += increment
    if not MIN_INTEGER <= number <= MAX_INTEGER:
        return _OVERFLOW
    fields[args[2]] = b"%d" % number
    database.put_back(args[1], fields)
    return replies.integer(number)


def hincrbyfloat(database: Database, args: list[bytes]) -> bytes:
    """HINCRBYFLOAT: afterwards the field is greater by this float, counting from 0 if it was missing; what it is."""
    increment = parse_float(args[3])
    if increment is None:
        return NOT_A_FLOAT
    if is_infinite(increment):
        return _INFINITE_INCREMENT
    fields = hash_for_change(database, args[1])
    if fields is None:
        return replies.WRONGTYPE
    number = parse_float(fields.get(args[2], b"0"))
    if number is None:
        return _NO_FLOAT_THERE
    total = add_floats(number, increment)
    if total is None:
        return NOT_FINITE
    fields[args[2]] = text = format_float(total)
    database.put_back(args[1], fields)
    return replies.bulk(text)


COMMANDS = (
    Command(
        name="HINCRBY",
        usage="HINCRBY hash field increment",
        summary="Add a whole number to a field of a hash; answers the sum.",
        example="HINCRBY user visits 5",
        group="hash",
        writes=True,
        min_args=3,
        max_args=3,
        run=hincrby,
    ),
    Command(
        name="HINCRBYFLOAT",
        usage="HINCRBYFLOAT hash field increment",
        summary="Add a number to a field of a hash; answers the sum.",
        example="HINCRBYFLOAT user height 1.75",
        group="hash",
        writes=True,
        min_args=3,
        max_args=3,
        run=hincrbyfloat,
    ),
)
