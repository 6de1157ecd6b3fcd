"""The commands on a SET: each takes the database and the command, name first, and gives the reply."""

from itertools import islice

from tfraft.store import replies
from tfraft.store.command import Command
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


COMMANDS = (
    Command(
        name="SSET",
        usage="SSET set value [value …]",
        summary="Add values to a set; answers how many are new.",
        example="SSET colours red Green",
        group="set",
        writes=True,
        min_args=2,
        max_args=None,
        run=sset,
    ),
    Command(
        name="SHAS",
        usage="SHAS set value",
        summary="Whether a set has a value.",
        example="SHAS colours Green",
        group="set",
        writes=False,
        min_args=2,
        max_args=2,
        run=shas,
    ),
    Command(
        name="SDEL",
        usage="SDEL set value [value …]",
        summary="Remove values from a set; answers how many there were.",
        example="SDEL colours red",
        group="set",
        writes=True,
        min_args=2,
        max_args=None,
        run=sdel,
    ),
)
