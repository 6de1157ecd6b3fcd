"""The commands on a HASH: each takes the database and the command, name first, and gives the reply."""

from itertools import islice

from tfraft.errors import CommandError
from tfraft.store import replies
from tfraft.store.command import Command
from tfraft.store.database import Database
from tfraft.store.values import HashValue


def hset(database: Database, args: list[bytes]) -> bytes:
    """HSET: afterwards each field has its value, the last of several for one field; how many are new."""
    fields = database.for_change(args[1])
    if fields is None:
        fields = HashValue()
    elif not isinstance(fields, HashValue):
        return replies.WRONGTYPE
    size_before = len(fields)
    fields.update(zip(islice(args, 2, None, 2), islice(args, 3, None, 2), strict=True))
    database.put(args[1], fields)
    return replies.integer(len(fields) - size_before)


def hget(database: Database, args: list[bytes]) -> bytes:
    """HGET: the value of the field, or nil."""
    fields = database.get(args[1])
    if fields is None:
        return replies.NIL
    if not isinstance(fields, HashValue):
        return replies.WRONGTYPE
    value = fields.get(args[2])
    return replies.NIL if value is None else replies.bulk(value)


def hdel(database: Database, args: list[bytes]) -> bytes:
    """HDEL: afterwards the hash has none of the fields, and is gone if it has no other; how many it had."""
    fields = database.for_change(args[1])
    if fields is None:
        return replies.integer(0)
    if not isinstance(fields, HashValue):
        return replies.WRONGTYPE
    return replies.integer(database.remove_members(args[1], fields, islice(args, 2, None)))


def colon_pairs(args: list[bytes]) -> list[bytes]:
    """The command with `HSET hash field:value …` rewritten to `HSET hash field value …`; any other as it is.

    The colon form is meant where every argument has a colon; the first one divides, so that values may have
    more. Raises CommandError, showing both forms, where an HSET has neither."""
    if args[0].upper() != b"HSET":
        return args
    pairs = args[2:]
    if pairs and all(b":" in pair for pair in pairs):
        return args[:2] + [part for pair in pairs for part in pair.split(b":", 1)]
    if pairs and len(pairs) % 2 == 0:
        return args
    raise CommandError(
        "HSET needs field:value pairs, or fields and values in turn: HSET user name:Ada  or  HSET user name Ada"
    )


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
