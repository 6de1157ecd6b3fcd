"""The commands on keys of any type that are named: each takes the database and the command, name first."""

from itertools import islice

from tfraft.store import replies
from tfraft.store.command import ALL_KEYS, Command, KeyPositions
from tfraft.store.database import Database
from tfraft.store.numbers import NOT_AN_INTEGER, parse_integer
from tfraft.store.values import type_name

_NO_SUCH_KEY = replies.error(b"ERR no such key")
_SAME_KEY = replies.error(b"ERR source and destination objects are the same")
_NO_SUCH_DATABASE = replies.error(b"ERR DB index is out of range")
_NOT_A_DATABASE = replies.error(b"ERR value is out of range, value must between -2147483648 and 2147483647")
_SOURCE_AND_DESTINATION = KeyPositions(first=1, last=2, step=1)


def del_(database: Database, args: list[bytes]) -> bytes:
    """DEL: afterwards none of the keys holds anything; how many did."""
    return replies.integer(sum(database.remove(key) for key in islice(args, 1, None)))


def exists(database: Database, args: list[bytes]) -> bytes:
    """EXISTS: how many of the keys hold something; a key that is named twice counts twice."""
    return replies.integer(sum(database.get(key) is not None for key in islice(args, 1, None)))


def type_(database: Database, args: list[bytes]) -> bytes:
    """TYPE: string, hash, set or none."""
    return replies.simple(type_name(database.get(args[1])))


def rename(database: Database, args: list[bytes]) -> bytes:
    """RENAME: afterwards the new key holds what the old one held, with its deadline, and the old one nothing."""
    return replies.OK if _rename(database, args[1], args[2]) else _NO_SUCH_KEY


def renamenx(database: Database, args: list[bytes]) -> bytes:
    """RENAMENX: RENAME, if the new key holds nothing; whether that was so."""
    if database.get(args[1]) is None:
        return _NO_SUCH_KEY
    if database.get(args[2]) is not None:
        return replies.integer(0)
    _rename(database, args[1], args[2])
    return replies.integer(1)


def _rename(database: Database, old: bytes, new: bytes) -> bool:
    value = database.for_change(old)  # For it will be changed in place under another key.
    if value is None:
        return False
    deadline_ms = database.deadline_of(old)
    database.remove(old)
    database.put(new, value, deadline_ms)
    return True


def copy(database: Database, args: list[bytes]) -> bytes:
    """COPY: afterwards both keys hold the same, until the same deadline; 0 where there is nothing to copy, or no room.

    What the second key held before goes only with REPLACE."""
    _, source, destination, *options = args
    replaces = _copy_options(options)
    if isinstance(replaces, bytes):
        return replaces
    if source == destination:
        return _SAME_KEY
    value = database.get(source)
    if value is None or (database.get(destination) is not None and not replaces):
        return replies.integer(0)
    database.put(destination, value if isinstance(value, bytes) else value.copy(), database.deadline_of(source))
    return replies.integer(1)


def _copy_options(options: list[bytes]) -> bool | bytes:
    """Whether REPLACE is among them; or an error. The only number that DB may have is 0."""
    replaces, words = False, iter(options)
    for word in words:
        match word.upper():
            case b"REPLACE":
                replaces = True
            case b"DB" if (number := next(words, None)) is not None:
                if (index := parse_integer(number)) != 0:
                    return _wrong_database(index)
            case _:
                return replies.SYNTAX_ERROR
    return replaces


def _wrong_database(index: int | None) -> bytes:
    """The error for a number of a database that is none, or not 0."""
    if index is None:
        return NOT_AN_INTEGER
    return _NO_SUCH_DATABASE if -(1 << 31) <= index < 1 << 31 else _NOT_A_DATABASE


COMMANDS = (
    Command(
        name="DEL",
        usage="DEL key [key …]",
        summary="Remove keys of any type; answers how many there were.",
        example="DEL greeting",
        group="key",
        writes=True,
        min_args=1,
        max_args=None,
        run=del_,
        keys=ALL_KEYS,
    ),
    Command(
        name="UNLINK",
        usage="UNLINK key [key …]",
        summary="The same as DEL.",
        example="UNLINK greeting",
        group="key",
        writes=True,
        min_args=1,
        max_args=None,
        run=del_,
        keys=ALL_KEYS,
    ),
    Command(
        name="TYPE",
        usage="TYPE key",
        summary="The type under a key: string, hash, set or none.",
        example="TYPE user",
        group="key",
        writes=False,
        min_args=1,
        max_args=1,
        run=type_,
    ),
    Command(
        name="EXISTS",
        usage="EXISTS key [key …]",
        summary="How many of these keys exist.",
        example="EXISTS greeting user",
        group="key",
        writes=False,
        min_args=1,
        max_args=None,
        run=exists,
        keys=ALL_KEYS,
    ),
    Command(
        name="TOUCH",
        usage="TOUCH key [key …]",
        summary="The same as EXISTS: when a key was last used is not kept.",
        example="TOUCH greeting user",
        group="key",
        writes=False,
        min_args=1,
        max_args=None,
        run=exists,
        keys=ALL_KEYS,
    ),
    Command(
        name="RENAME",
        usage="RENAME key newkey",
        summary="Give what is under a key another key, in place of whatever is there.",
        example="RENAME greeting salute",
        group="key",
        writes=True,
        min_args=2,
        max_args=2,
        run=rename,
        keys=_SOURCE_AND_DESTINATION,
    ),
    Command(
        name="RENAMENX",
        usage="RENAMENX key newkey",
        summary="RENAME, if the new key does not exist; answers 1 if so, else 0.",
        example="RENAMENX greeting salute",
        group="key",
        writes=True,
        min_args=2,
        max_args=2,
        run=renamenx,
        keys=_SOURCE_AND_DESTINATION,
    ),
    Command(
        name="COPY",
        usage="COPY source destination [DB 0] [REPLACE]",
        summary="Copy what is under a key to another one, which must not exist unless it is replaced; answers 1 or 0.",
        example="COPY greeting salute",
        group="key",
        writes=True,
        min_args=2,
        max_args=None,
        run=copy,
        keys=_SOURCE_AND_DESTINATION,
    ),
)
