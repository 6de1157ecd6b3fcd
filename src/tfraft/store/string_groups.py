"""Several strings at once."""

from itertools import islice
from typing import Final

from tfraft.store import replies
from tfraft.store.command import ALL_KEYS, Command, KeyPositions
from tfraft.store.database import Database

_EVERY_SECOND: Final = KeyPositions(first=1, last=-1, step=2)


def mget(database: Database, args: list[bytes]) -> bytes:
    """MGET: the string under each key, nil where there is none or another type."""
    values = map(database.get, islice(args, 1, None))
    return replies.array([replies.bulk(value) if isinstance(value, bytes) else replies.NIL for value in values])


def mset(database: Database, args: list[bytes]) -> bytes:
    """MSET: afterwards each key holds its string, the last of several for one key."""
    for key, value in zip(islice(args, 1, None, 2), islice(args, 2, None, 2), strict=True):
        database.put(key, value)
    return replies.OK


def msetnx(database: Database, args: list[bytes]) -> bytes:
    """MSETNX: as MSET, but only if none of the keys held anything; whether that was so."""
    if any(database.get(key) is not None for key in islice(args, 1, None, 2)):
        return replies.integer(0)
    mset(database, args)
    return replies.integer(1)


COMMANDS = (
    Command(
        name="MGET",
        usage="MGET key [key …]",
        summary="Read several strings; nil where there is none.",
        example="MGET greeting token",
        group="string",
        writes=False,
        min_args=1,
        max_args=None,
        run=mget,
        keys=ALL_KEYS,
    ),
    Command(
        name="MSET",
        usage="MSET key value [key value …]",
        summary="Store several strings.",
        example="MSET apples 3 pears 4",
        group="string",
        writes=True,
        min_args=2,
        max_args=None,
        run=mset,
        keys=_EVERY_SECOND,
        args_step=2,
    ),
    Command(
        name="MSETNX",
        usage="MSETNX key value [key value …]",
        summary="Store several strings if none of the keys exists; answers 1 if so, else 0.",
        example="MSETNX plums 5 cherries 6",
        group="string",
        writes=True,
        min_args=2,
        max_args=None,
        run=msetnx,
        keys=_EVERY_SECOND,
        args_step=2,
    ),
)
