"""The commands on a STRING: each takes the database and the command, name first, and gives the reply."""

from tfraft.store import replies
from tfraft.store.command import Command
from tfraft.store.database import Database


def set_(database: Database, args: list[bytes]) -> bytes:
    """SET: afterwards the key holds this string, whatever type it held before."""
    database.put(args[1], args[2])
    return replies.OK


def get(database: Database, args: list[bytes]) -> bytes:
    """GET: the string, or nil."""
    value = database.get(args[1])
    if value is None:
        return replies.NIL
    return replies.bulk(value) if isinstance(value, bytes) else replies.WRONGTYPE


COMMANDS = (
    Command(
        name="SET",
        usage="SET key value",
        summary="Store a string under a key, in place of whatever is there.",
        example='SET greeting "hello world"',
        group="string",
        writes=True,
        min_args=2,
        max_args=2,
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
)
