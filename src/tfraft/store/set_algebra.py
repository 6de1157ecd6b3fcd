"""Intersections, unions and differences of sets.

Members come in the order of the first set that has them, or of the smallest: never in that of a Python set, which is
another one on each server, while a reply in a transaction and a set that is stored must be the same on all.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import filterfalse, islice
from typing import Final

from tfraft.store import replies
from tfraft.store.command import ALL_KEYS, Command, KeyPositions, Run
from tfraft.store.database import Database
from tfraft.store.members import set_at, set_reply
from tfraft.store.numbers import parse_integer
from tfraft.store.values import SetValue

_TOO_FEW_KEYS: Final = replies.error(b"ERR numkeys should be greater than 0")
_TOO_MANY_KEYS: Final = replies.error(b"ERR Number of keys can't be greater than number of args")
_NEGATIVE_LIMIT: Final = replies.error(b"ERR LIMIT can't be negative")

_Combine = Callable[[list[SetValue]], Iterator[bytes]]


def intersection(sets: list[SetValue]) -> Iterator[bytes]:
    """The members that are in all of the sets."""
    smallest, *others = sorted(sets, key=len)
    names = iter(smallest)
    for other in others:
        names = filter(other.__contains__, names)
    return names


def union(sets: list[SetValue]) -> Iterator[bytes]:
    """The members that are in any of the sets, each once."""
    members: dict[bytes, None] = {}
    for each in sets:
        members.update(each)
    return iter(members)


def difference(sets: list[SetValue]) -> Iterator[bytes]:
    """The members of the first set that are in none of the others."""
    first, *others = sets
    names = iter(first)
    for other in others:
        names = filterfalse(other.__contains__, names)
    return names


def sintercard(database: Database, args: list[bytes]) -> bytes:
    """SINTERCARD: how many members are in all of the sets; counts no further than LIMIT, if it is not 0."""
    key_count = parse_integer(args[1])
    if key_count is None or key_count < 1:
        return _TOO_FEW_KEYS
    keys_end = 2 + key_count
    if keys_end > len(args):
        return _TOO_MANY_KEYS
    limit = _parse_limit(args[keys_end:])
    if isinstance(limit, bytes):
        return limit
    sets = _sets_at(database, args[2:keys_end])
    if sets is None:
        return replies.WRONGTYPE
    return replies.integer(sum(1 for _ in islice(intersection(sets), limit or None)))


def _parse_limit(options: list[bytes]) -> int | bytes:
    """The LIMIT, the last if there are several, and 0 if there is none; or the error reply."""
    limit = 0
    for place in range(0, len(options), 2):
        if options[place].upper() != b"LIMIT" or place + 1 == len(options):
            return replies.SYNTAX_ERROR
        number = parse_integer(options[place + 1])
        if number is None or number < 0:
            return _NEGATIVE_LIMIT
        limit = number
    return limit


def _sets_at(database: Database, keys: Iterable[bytes]) -> list[SetValue] | None:
    """The sets under the keys; None where one of them holds another type, as Redis asks even after a missing one."""
    sets = []
    for key in keys:
        members = set_at(database, key)
        if members is None:
            return None
        sets.append(members)
    return sets


def _answering(combine: _Combine) -> Run:
    """The command that answers what `combine` makes of the sets under all its keys."""

    def run(database: Database, args: list[bytes]) -> bytes:
        sets = _sets_at(database, args[1:])
        return replies.WRONGTYPE if sets is None else set_reply(list(combine(sets)))

    return run


def _storing(combine: _Combine) -> Run:
    """The command after which its first key holds what `combine` makes of the others; it answers the size.

    Whatever the first key held, and its deadline, are gone; where nothing comes out it holds nothing."""

    def run(database: Database, args: list[bytes]) -> bytes:
        sets = _sets_at(database, args[2:])
        if sets is None:
            return replies.WRONGTYPE
        members = SetValue(dict.fromkeys(combine(sets)))
        if members:
            database.put(args[1], members)
        else:
            database.remove(args[1])
        return replies.integer(len(members))

    return run


COMMANDS = (
    Command(
        name="SUNION",
        usage="SUNION set [set …]",
        summary="The members that are in any of these sets.",
        example="SUNION colours palette",
        group="set",
        writes=False,
        min_args=1,
        max_args=None,
        run=_answering(union),
        keys=ALL_KEYS,
    ),
    Command(
        name="SUNIONSTORE",
        usage="SUNIONSTORE destination set [set …]",
        summary="Store the members that are in any of these sets; answers how many.",
        example="SUNIONSTORE every colours palette",
        group="set",
        writes=True,
        min_args=2,
        max_args=None,
        run=_storing(union),
        keys=ALL_KEYS,
    ),
    Command(
        name="SINTER",
        usage="SINTER set [set …]",
        summary="The members that are in all of these sets.",
        example="SINTER every colours",
        group="set",
        writes=False,
        min_args=1,
        max_args=None,
        run=_answering(intersection),
        keys=ALL_KEYS,
    ),
    Command(
        name="SINTERCARD",
        usage="SINTERCARD numkeys set [set …] [LIMIT limit]",
        summary="How many members are in all of these sets; counts no further than the limit.",
        example="SINTERCARD 2 every colours LIMIT 10",
        group="set",
        writes=False,
        min_args=2,
        max_args=None,
        run=sintercard,
        # How many are keys depends on the first argument; to take LIMIT for one, too, costs nothing.
        keys=KeyPositions(first=2, last=-1, step=1),
    ),
    Command(
        name="SINTERSTORE",
        usage="SINTERSTORE destination set [set …]",
        summary="Store the members that are in all of these sets; answers how many.",
        example="SINTERSTORE shared every palette",
        group="set",
        writes=True,
        min_args=2,
        max_args=None,
        run=_storing(intersection),
        keys=ALL_KEYS,
    ),
    Command(
        name="SDIFF",
        usage="SDIFF set [set …]",
        summary="The members of the first set that are in none of the others.",
        example="SDIFF every palette",
        group="set",
        writes=False,
        min_args=1,
        max_args=None,
        run=_answering(difference),
        keys=ALL_KEYS,
    ),
    Command(
        name="SDIFFSTORE",
        usage="SDIFFSTORE destination set [set …]",
        summary="Store the members of the first set that are in none of the others; answers how many.",
        example="SDIFFSTORE rest every palette",
        group="set",
        writes=True,
        min_args=2,
        max_args=None,
        run=_storing(difference),
        keys=ALL_KEYS,
    ),
)
