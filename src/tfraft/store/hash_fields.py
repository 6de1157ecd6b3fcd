"""The commands on single fields of a hash: each takes the database and the command, name first, and gives the reply."""

from tfraft.store import replies
from tfraft.store.command import Command
from tfraft.store.database import Database
from tfraft.store.members import hash_at, hash_for_change, remove_names
from tfraft.store.values import HashValue


def hset(database: Database, args: list[bytes]) -> bytes:
    """HSET: afterwards each field has its value, the last of several for one field; how many are new."""
    fields = database.for_change(args[1])
    if fields is None:
        fields = HashValue()
    elif not isinstance(fields, HashValue):
        return replies.WRONGTYPE
    size_before = len(fields)
    for place in range(2, len(args), 2):
        fields[args[place]] = args[place + 1]
    database.put_back(args[1], fields)
    return replies.integer(len(fields) - size_before)


def hmset(database: Database, args: list[bytes]) -> bytes:
    """HMSET: as HSET, but answers OK."""
    return replies.WRONGTYPE if hset(database, args) is replies.WRONGTYPE else replies.OK


def hsetnx(database: Database, args: list[bytes]) -> bytes:
    """HSETNX: afterwards the field has this value if it had none; whether it had none."""
    fields = hash_for_change(database, args[1])
    if fields is None:
        return replies.WRONGTYPE
    if args[2] in fields:
        return replies.integer(0)
    fields[args[2]] = args[3]
    database.put_back(args[1], fields)
    return replies.integer(1)


def hget(database: Database, args: list[bytes]) -> bytes:
    """HGET: the value of the field, or nil."""
    fields = database.get(args[1])
    if fields is None:
        return replies.NIL
    if not isinstance(fields, HashValue):
        return replies.WRONGTYPE
    value = fields.get(args[2])
    return replies.NIL if value is None else replies.bulk(value)


def hmget(database: Database, args: list[bytes]) -> bytes:
    """HMGET: the value of each field, or nil in its place."""
    fields = hash_at(database, args[1])
    if fields is None:
        return replies.WRONGTYPE
    return replies.array(
        [replies.NIL if (value := fields.get(name)) is None else replies.bulk(value) for name in args[2:]]
    )


def hexists(database: Database, args: list[bytes]) -> bytes:
    """HEXISTS: 1 if the hash has the field, else 0."""
    fields = hash_at(database, args[1])
    return replies.WRONGTYPE if fields is None else replies.integer(args[2] in fields)


def hstrlen(database: Database, args: list[bytes]) -> bytes:
    """HSTRLEN: how many bytes the value of the field has, 0 if there is none."""
    fields = hash_at(database, args[1])
    return replies.WRONGTYPE if fields is None else replies.integer(len(fields.get(args[2], b"")))


def hdel(database: Database, args: list[bytes]) -> bytes:
    """HDEL: afterwards the hash has none of the fields, and is gone if it has no other; how many it had."""
    return remove_names(database, args, hash_for_change(database, args[1]))


COMMANDS = (
    Command(
        name="HSET",
        usage="HSET hash field value [field value …]",
        summary="Set fields of a hash, at the prompt also as field:value; answers how many are new.",
        example="HSET user name Ada site https://a.b/c",
        group="hash",
        writes=True,
        min_args=3,
        max_args=None,
        run=hset,
        args_step=2,
    ),
    Command(
        name="HMSET",
        usage="HMSET hash field value [field value …]",
        summary="Set fields of a hash, as HSET does; answers OK.",
        example="HMSET user name Grace born 1906",
        group="hash",
        writes=True,
        min_args=3,
        max_args=None,
        run=hmset,
        args_step=2,
    ),
    Command(
        name="HSETNX",
        usage="HSETNX hash field value",
        summary="Set a field of a hash unless it has a value; answers 1 if it had none, else 0.",
        example="HSETNX user visits 1",
        group="hash",
        writes=True,
        min_args=3,
        max_args=3,
        run=hsetnx,
    ),
    Command(
        name="HGET",
        usage="HGET hash field",
        summary="Read a field of a hash; nil if there is none.",
        example="HGET user site",
        group="hash",
        writes=False,
        min_args=2,
        max_args=2,
        run=hget,
    ),
    Command(
        name="HMGET",
        usage="HMGET hash field [field …]",
        summary="Read fields of a hash; nil for each that is missing.",
        example="HMGET user name born",
        group="hash",
        writes=False,
        min_args=2,
        max_args=None,
        run=hmget,
    ),
    Command(
        name="HEXISTS",
        usage="HEXISTS hash field",
        summary="Whether a hash has a field: 1 or 0.",
        example="HEXISTS user born",
        group="hash",
        writes=False,
        min_args=2,
        max_args=2,
        run=hexists,
    ),
    Command(
        name="HSTRLEN",
        usage="HSTRLEN hash field",
        summary="How many bytes a field of a hash has; 0 if there is none.",
        example="HSTRLEN user name",
        group="hash",
        writes=False,
        min_args=2,
        max_args=2,
        run=hstrlen,
    ),
    Command(
        name="HDEL",
        usage="HDEL hash field [field …]",
        summary="Remove fields of a hash; answers how many there were.",
        example="HDEL user name",
        group="hash",
        writes=True,
        min_args=2,
        max_args=None,
        run=hdel,
    ),
)
