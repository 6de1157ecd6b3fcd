"""The commands on a SET: each takes the database and the command, name first, and gives the reply."""

from itertools import islice

from tfraft.store import replies
from tfraft.store.database import Database
from tfraft.store.values import SetValue


def sset(database: Database, args: list[bytes]) -> bytes:
    """SSET: afterwards the set has all these members; how many are new."""
    members = database.for_change(args[1])
    if members is None:
        members = SetValue()
    elif not isinstance(members, SetValue):
        return replies.WRONGTYPE
    size_before = len(members)
    members.update(dict.fromkeys(islice(args, 2, None)))
    added = len(members) - size_before
    if added:
        database.put(args[1], members)
    return replies.integer(added)


def shas(database: Database, args: list[bytes]) -> bytes:
    """SHAS: whether the set has the member."""
    members = database.get(args[1])
    if members is None:
        return replies.FALSE
    return replies.boolean(args[2] in members) if isinstance(members, SetValue) else replies.WRONGTYPE


def sdel(database: Database, args: list[bytes]) -> bytes:
    """SDEL: afterwards the set has none of these members, and is gone if it has no other; how many it had."""
    members = database.for_change(args[1])
    if members is None:
        return replies.integer(0)
    if not isinstance(members, SetValue):
        return replies.WRONGTYPE
    return replies.integer(database.remove_members(args[1], members, islice(args, 2, None)))
