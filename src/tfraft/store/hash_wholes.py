"""The commands that read a hash as a whole: its size, its fields, some of them by chance, and all of them in parts."""

from tfraft.store import replies
from tfraft.store.command import Command
from tfraft.store.database import Database
from tfraft.store.member_chance import OUT_OF_RANGE, is_too_much, one_of, parse_count, repeatedly_of, several_of
from tfraft.store.member_scan import scan
from tfraft.store.members import bulks, hash_at, map_reply
from tfraft.store.numbers import MAX_INTEGER
from tfraft.store.values import HashValue


def hlen(database: Database, args: list[bytes]) -> bytes:
    """HLEN: how many fields the hash has."""
    fields = hash_at(database, args[1])
    return replies.WRONGTYPE if fields is None else replies.integer(len(fields))


def hgetall(database: Database, args: list[bytes]) -> bytes:
    """HGETALL: all fields with their values."""
    fields = hash_at(database, args[1])
    return replies.WRONGTYPE if fields is None else map_reply(fields)


def hkeys(database: Database, args: list[bytes]) -> bytes:
    """HKEYS: the names of all fields."""
    fields = hash_at(database, args[1])
    return replies.WRONGTYPE if fields is None else bulks(fields)


def hvals(database: Database, args: list[bytes]) -> bytes:
    """HVALS: the values of all fields."""
    fields = hash_at(database, args[1])
    return replies.WRONGTYPE if fields is None else bulks(fields.values())


def hrandfield(database: Database, args: list[bytes]) -> bytes:
    """HRANDFIELD: a field by chance, or several different ones, or, with a count below 0, each time any."""
    if len(args) == 2:
        return _any_field(hash_at(database, args[1]), database)
    count = parse_count(args[2])
    if isinstance(count, bytes):
        return count
    if len(args) > 3 and (len(args) > 4 or args[3].upper() != b"WITHVALUES"):
        return replies.SYNTAX_ERROR
    if len(args) > 3 and abs(count) > MAX_INTEGER // 2:
        return OUT_OF_RANGE
    fields = hash_at(database, args[1])
    if fields is None:
        return replies.WRONGTYPE
    if fields and is_too_much(count, map(_field_bytes, fields.items())):
        return OUT_OF_RANGE
    names = several_of(database, fields, count) if count >= 0 else repeatedly_of(database, fields, -count)
    return bulks(names) if len(args) == 3 else replies.array([bulks((name, fields[name])) for name in names])


def hscan(database: Database, args: list[bytes]) -> bytes:
    """HSCAN: some of the fields with their values, and the cursor with which to ask for more."""
    return scan(args, hash_at(database, args[1]))


def _any_field(fields: HashValue | None, database: Database) -> bytes:
    if fields is None:
        return replies.WRONGTYPE
    return replies.bulk(one_of(database, fields)) if fields else replies.NIL


def _field_bytes(field: tuple[bytes, bytes]) -> int:
    name, value = field
    return len(name) + len(value)


COMMANDS = (
    Command(
        name="HLEN",
        usage="HLEN hash",
        summary="How many fields a hash has.",
        example="HLEN user",
        group="hash",
        writes=False,
        min_args=1,
        max_args=1,
        run=hlen,
    ),
    Command(
        name="HGETALL",
        usage="HGETALL hash",
        summary="All fields of a hash with their values.",
        example="HGETALL user",
        group="hash",
        writes=False,
        min_args=1,
        max_args=1,
        run=hgetall,
    ),
    Command(
        name="HKEYS",
        usage="HKEYS hash",
        summary="The names of all fields of a hash.",
        example="HKEYS user",
        group="hash",
        writes=False,
        min_args=1,
        max_args=1,
        run=hkeys,
    ),
    Command(
        name="HVALS",
        usage="HVALS hash",
        summary="The values of all fields of a hash.",
        example="HVALS user",
        group="hash",
        writes=False,
        min_args=1,
        max_args=1,
        run=hvals,
    ),
    Command(
        name="HRANDFIELD",
        usage="HRANDFIELD hash [count [WITHVALUES]]",
        summary="Some fields of a hash by chance; with a count below 0 the same may come again.",
        example="HRANDFIELD user 2 WITHVALUES",
        group="hash",
        writes=False,
        min_args=1,
        max_args=None,
        run=hrandfield,
    ),
    Command(
        name="HSCAN",
        usage="HSCAN hash cursor [MATCH pattern] [COUNT count]",
        summary="The fields of a hash in parts; answers the cursor to go on with, first and last it is 0.",
        example="HSCAN user 0 MATCH n* COUNT 100",
        group="hash",
        writes=False,
        min_args=2,
        max_args=None,
        run=hscan,
    ),
)
