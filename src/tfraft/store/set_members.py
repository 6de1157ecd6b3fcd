"""The commands on single members of a set: each takes the database and the command, name first, and gives the reply.

SSET, SHAS and SDEL are tf-raft's own; SADD, SISMEMBER and SREM are what Redis calls them.
"""

from tfraft.store import replies
from tfraft.store.command import Command, KeyPositions
from tfraft.store.database import Database
from tfraft.store.members import remove_names, set_at, set_for_change
from tfraft.store.values import SetValue


def sadd(database: Database, args: list[bytes]) -> bytes:
    """SADD, SSET: afterwards the set has all these members; how many are new."""
    members = database.for_change(args[1])
    if members is None:
        members = SetValue()
    elif not isinstance(members, SetValue):
        return replies.WRONGTYPE
    size_before = len(members)
    members.update(dict.fromkeys(args[2:]))
    added = len(members) - size_before
    if added:
        database.put_back(args[1], members)
    return replies.integer(added)


def srem(database: Database, args: list[bytes]) -> bytes:
    """SREM, SDEL: afterwards the set has none of these members, and is gone if it has no other; how many it had."""
    return remove_names(database, args, set_for_change(database, args[1]))


def smove(database: Database, args: list[bytes]) -> bytes:
    """SMOVE: afterwards the member is in the second set, no longer in the first, if it was there; 1 if it was."""
    _, source, destination, member = args
    members = set_for_change(database, source)
    if members is not None and not members:
        return replies.integer(0)  # As in Redis, even where the destination is of another type.
    others = set_for_change(database, destination)
    if members is None or others is None:
        return replies.WRONGTYPE
    if member in members and members is not others:
        database.remove_members(source, members, [member])
        others[member] = None
        database.put_back(destination, others)
        return replies.integer(1)
    return replies.integer(member in members)


def sismember(database: Database, args: list[bytes]) -> bytes:
    """SISMEMBER: 1 if the set has the member, else 0."""
    members = database.get(args[1])
    if members is None:
        return replies.integer(0)
    return replies.integer(args[2] in members) if isinstance(members, SetValue) else replies.WRONGTYPE


def smismember(database: Database, args: list[bytes]) -> bytes:
    """SMISMEMBER: for each of these, 1 if the set has it, else 0."""
    members = set_at(database, args[1])
    if members is None:
        return replies.WRONGTYPE
    return replies.array([replies.integer(name in members) for name in args[2:]])


def shas(database: Database, args: list[bytes]) -> bytes:
    """SHAS: whether the set has the member."""
    members = set_at(database, args[1])
    return replies.WRONGTYPE if members is None else replies.boolean(args[2] in members)


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
        run=sadd,
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
        run=srem,
    ),
    Command(
        name="SADD",
        usage="SADD set member [member …]",
        summary="Add members to a set; answers how many are new.",
        example="SADD colours blue black white",
        group="set",
        writes=True,
        min_args=2,
        max_args=None,
        run=sadd,
    ),
    Command(
        name="SREM",
        usage="SREM set member [member …]",
        summary="Remove members from a set; answers how many there were.",
        example="SREM colours white",
        group="set",
        writes=True,
        min_args=2,
        max_args=None,
        run=srem,
    ),
    Command(
        name="SMOVE",
        usage="SMOVE source destination member",
        summary="Move a member from one set to another; answers 1 if it was there, else 0.",
        example="SMOVE colours palette blue",
        group="set",
        writes=True,
        min_args=3,
        max_args=3,
        run=smove,
        keys=KeyPositions(first=1, last=2, step=1),
    ),
    Command(
        name="SISMEMBER",
        usage="SISMEMBER set member",
        summary="Whether a set has a member: 1 or 0.",
        example="SISMEMBER colours Green",
        group="set",
        writes=False,
        min_args=2,
        max_args=2,
        run=sismember,
    ),
    Command(
        name="SMISMEMBER",
        usage="SMISMEMBER set member [member …]",
        summary="Whether a set has each of these members: 1 or 0 for each.",
        example="SMISMEMBER colours Green red",
        group="set",
        writes=False,
        min_args=2,
        max_args=None,
        run=smismember,
    ),
)
