"""The commands on a set as a whole: its size, its members, some of them by chance, and all of them in parts."""

from typing import Final

from tfraft.store import replies
from tfraft.store.command import Command
from tfraft.store.database import Database
from tfraft.store.member_chance import OUT_OF_RANGE, is_too_much, one_of, parse_count, repeatedly_of, several_of
from tfraft.store.member_scan import scan
from tfraft.store.members import bulks, set_at, set_for_change, set_reply
from tfraft.store.numbers import parse_integer

_NOT_POSITIVE: Final = replies.error(b"ERR value is out of range, must be positive")


def scard(database: Database, args: list[bytes]) -> bytes:
    """SCARD: how many members the set has."""
    members = set_at(database, args[1])
    return replies.WRONGTYPE if members is None else replies.integer(len(members))


def smembers(database: Database, args: list[bytes]) -> bytes:
    """SMEMBERS: all members."""
    members = set_at(database, args[1])
    return replies.WRONGTYPE if members is None else set_reply(members)


def spop(database: Database, args: list[bytes]) -> bytes:
    """SPOP: afterwards a member that came by chance, or several of them, are no longer in the set; these."""
    if len(args) > 3:
        return replies.SYNTAX_ERROR
    count = parse_integer(args[2]) if len(args) == 3 else 1
    if count is None or count < 0:
        return _NOT_POSITIVE
    members = set_for_change(database, args[1])
    if members is None:
        return replies.WRONGTYPE
    if len(args) == 3:
        names = several_of(database, members, count)
    elif members:
        names = [one_of(database, members)]
    else:
        return replies.NIL
    if names:
        database.remove_members(args[1], members, names)
    return set_reply(names) if len(args) == 3 else replies.bulk(names[0])


def srandmember(database: Database, args: list[bytes]) -> bytes:
    """SRANDMEMBER: a member by chance, or several different ones, or, with a count below 0, each time any."""
    if len(args) > 3:
        return replies.SYNTAX_ERROR
    count = parse_count(args[2]) if len(args) == 3 else 1
    if isinstance(count, bytes):
        return count
    members = set_at(database, args[1])
    if members is None:
        return replies.WRONGTYPE
    if len(args) == 2:
        return replies.bulk(one_of(database, members)) if members else replies.NIL
    if members and is_too_much(count, map(len, members)):
        return OUT_OF_RANGE
    return bulks(several_of(database, members, count) if count >= 0 else repeatedly_of(database, members, -count))


def sscan(database: Database, args: list[bytes]) -> bytes:
    """SSCAN: some of the members, and the cursor with which to ask for more."""
    return scan(args, set_at(database, args[1]))


COMMANDS = (
    Command(
        name="SCARD",
        usage="SCARD set",
        summary="How many members a set has.",
        example="SCARD colours",
        group="set",
        writes=False,
        min_args=1,
        max_args=1,
        run=scard,
    ),
    Command(
        name="SMEMBERS",
        usage="SMEMBERS set",
        summary="All members of a set.",
        example="SMEMBERS colours",
        group="set",
        writes=False,
        min_args=1,
        max_args=1,
        run=smembers,
    ),
    Command(
        name="SPOP",
        usage="SPOP set [count]",
        summary="Take members out of a set by chance; answers these.",
        example="SPOP colours",
        group="set",
        writes=True,
        min_args=1,
        max_args=None,
        run=spop,
    ),
    Command(
        name="SRANDMEMBER",
        usage="SRANDMEMBER set [count]",
        summary="Some members of a set by chance; with a count below 0 the same may come again.",
        example="SRANDMEMBER colours 2",
        group="set",
        writes=False,
        min_args=1,
        max_args=None,
        run=srandmember,
    ),
    Command(
        name="SSCAN",
        usage="SSCAN set cursor [MATCH pattern] [COUNT count]",
        summary="The members of a set in parts; answers the cursor to go on with, first and last it is 0.",
        example="SSCAN colours 0 MATCH b* COUNT 100",
        group="set",
        writes=False,
        min_args=2,
        max_args=None,
        run=sscan,
    ),
)
