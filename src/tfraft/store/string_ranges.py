"""Parts of a string, and its length."""

from typing import Final

from tfraft.store import replies
from tfraft.store.command import Command
from tfraft.store.database import Database
from tfraft.store.numbers import NOT_AN_INTEGER, parse_integer
from tfraft.store.values import MAX_VALUE_BYTES

_TOO_LONG: Final = replies.error(b"ERR string exceeds maximum allowed size (proto-max-bulk-len)")
_BAD_OFFSET: Final = replies.error(b"ERR offset is out of range")


def string_at(database: Database, key: bytes) -> bytes | None:
    """The string under `key`; an empty one where there is nothing, None where there is another type."""
    value = database.get(key)
    if value is None:
        return b""
    return value if isinstance(value, bytes) else None


def append(database: Database, args: list[bytes]) -> bytes:
    """APPEND: afterwards the string has this one at its end; its length."""
    value = string_at(database, args[1])
    if value is None:
        return replies.WRONGTYPE
    if len(value) + len(args[2]) > MAX_VALUE_BYTES:
        return _TOO_LONG
    database.put_back(args[1], value + args[2])
    return replies.integer(len(value) + len(args[2]))


def strlen(database: Database, args: list[bytes]) -> bytes:
    """STRLEN: how many bytes the string has; 0 where there is none."""
    value = string_at(database, args[1])
    return replies.WRONGTYPE if value is None else replies.integer(len(value))


def setrange(database: Database, args: list[bytes]) -> bytes:
    """SETRANGE: afterwards the string has this one at the offset, with zero bytes in any gap before it; its length."""
    offset, part = parse_integer(args[2]), args[3]
    if offset is None:
        return NOT_AN_INTEGER
    if offset < 0:
        return _BAD_OFFSET
    value = string_at(database, args[1])
    if value is None:
        return replies.WRONGTYPE
    if not part:
        return replies.integer(len(value))
    if offset + len(part) > MAX_VALUE_BYTES:
        return _TOO_LONG
    changed = value[:offset].ljust(offset, b"\0") + part + value[offset + len(part) :]
    database.put_back(args[1], changed)
    return replies.integer(len(changed))


def getrange(database: Database, args: list[bytes]) -> bytes:
    """GETRANGE: the bytes from the first offset to the second, that one too; below 0 they count from the end."""
    start, last = parse_integer(args[2]), parse_integer(args[3])
    if start is None or last is None:
        return NOT_AN_INTEGER
    value = string_at(database, args[1])
    if value is None:
        return replies.WRONGTYPE
    if last < start < 0:
        return replies.bulk(b"")  # Both may be before the first byte, and would then mean that one.
    start, last = (max(offset + len(value), 0) if offset < 0 else offset for offset in (start, last))
    return replies.bulk(value[start : last + 1])


COMMANDS = (
    Command(
        name="APPEND",
        usage="APPEND key value",
        summary="Add to the end of a string; answers its length.",
        example="APPEND greeting !",
        group="string",
        writes=True,
        min_args=2,
        max_args=2,
        run=append,
    ),
    Command(
        name="STRLEN",
        usage="STRLEN key",
        summary="How many bytes a string has.",
        example="STRLEN greeting",
        group="string",
        writes=False,
        min_args=1,
        max_args=1,
        run=strlen,
    ),
    Command(
        name="SETRANGE",
        usage="SETRANGE key offset value",
        summary="Write over a part of a string; answers its length.",
        example="SETRANGE greeting 6 there",
        group="string",
        writes=True,
        min_args=3,
        max_args=3,
        run=setrange,
    ),
    Command(
        name="GETRANGE",
        usage="GETRANGE key start end",
        summary="Read a part of a string; offsets below 0 count from its end.",
        example="GETRANGE greeting 0 4",
        group="string",
        writes=False,
        min_args=3,
        max_args=3,
        run=getrange,
    ),
    Command(
        name="SUBSTR",
        usage="SUBSTR key start end",
        summary="GETRANGE by its old name.",
        example="SUBSTR greeting 0 4",
        group="string",
        writes=False,
        min_args=3,
        max_args=3,
        run=getrange,
    ),
)
