"""The commands on a STRING: each takes the database and the command, name first, and gives the reply."""

from tfraft.store import replies
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
