"""The commands on all keys at once: each takes the database and the command, name first."""

from tfraft.store import replies
from tfraft.store.command import Command
from tfraft.store.database import Database


def dbsize(database: Database, args: list[bytes]) -> bytes:
    """DBSIZE: how many keys there are."""
    return replies.integer(len(database))


def randomkey(database: Database, args: list[bytes]) -> bytes:
    """RANDOMKEY: a key by chance, each as likely as another; nil where there is none."""
    key = database.any_key()
    return replies.NIL if key is None else replies.bulk(key)


def flush(database: Database, args: list[bytes]) -> bytes:
    """FLUSHDB and FLUSHALL, since there is one database: afterwards no key holds anything."""
    match [word.upper() for word in args[1:]]:
        case [] | [b"ASYNC" | b"SYNC"]:
            database.clear()
            return replies.OK
        case _:
            return replies.SYNTAX_ERROR


COMMANDS = (
    Command(
        name="DBSIZE",
        usage="DBSIZE",
        summary="How many keys there are.",
        example="DBSIZE",
        group="key",
        writes=False,
        min_args=0,
        max_args=0,
        run=dbsize,
        keys=None,
    ),
    Command(
        name="RANDOMKEY",
        usage="RANDOMKEY",
        summary="A key by chance; nil if there is none.",
        example="RANDOMKEY",
        group="key",
        writes=False,
        min_args=0,
        max_args=0,
        run=randomkey,
        keys=None,
    ),
    Command(
        name="FLUSHDB",
        usage="FLUSHDB [ASYNC | SYNC]",
        summary="Remove all keys.",
        example="FLUSHDB",
        group="key",
        writes=True,
        min_args=0,
        max_args=None,
        run=flush,
        keys=None,
    ),
    Command(
        name="FLUSHALL",
        usage="FLUSHALL [ASYNC | SYNC]",
        summary="The same as FLUSHDB, as there is one database.",
        example="FLUSHALL",
        group="key",
        writes=True,
        min_args=0,
        max_args=None,
        run=flush,
        keys=None,
    ),
)
