"""Typed methods for sets; names and order of arguments are those of redis-py."""

from collections.abc import Collection

from tfraft.client.options import numbers, search
from tfraft.client.reading import as_flag, as_flags, as_int, as_page, as_set, as_value
from tfraft.client.request import Request, command
from tfraft.client.words import Text, Word


class SetCommands:
    """Commands whose keys hold a set. SSET, SHAS and SDEL are tf-raft's own names of SADD, SISMEMBER and SREM."""

    @command
    def sadd(self, key: Text, *members: Word) -> Request[int]:
        """Add members; how many are new."""
        return Request(["SADD", key, *members], as_int)

    @command
    def sset(self, key: Text, *members: Word) -> Request[int]:
        """Add members; how many are new."""
        return Request(["SSET", key, *members], as_int)

    @command
    def srem(self, key: Text, *members: Word) -> Request[int]:
        """Remove members; how many there were."""
        return Request(["SREM", key, *members], as_int)

    @command
    def sdel(self, key: Text, *members: Word) -> Request[int]:
        """Remove members; how many there were."""
        return Request(["SDEL", key, *members], as_int)

    @command
    def sismember(self, key: Text, member: Word) -> Request[bool]:
        """Whether it is a member."""
        return Request(["SISMEMBER", key, member], as_flag)

    @command
    def shas(self, key: Text, member: Word) -> Request[bool]:
        """Whether it is a member."""
        return Request(["SHAS", key, member], as_flag)

    @command
    def smismember(self, key: Text, *members: Word) -> Request[list[bool]]:
        """Whether each is a member."""
        return Request(["SMISMEMBER", key, *members], as_flags)

    @command
    def smembers(self, key: Text) -> Request[set[bytes]]:
        """The whole set; empty if there is none."""
        return Request(["SMEMBERS", key], as_set)

    @command
    def scard(self, key: Text) -> Request[int]:
        """How many members there are."""
        return Request(["SCARD", key], as_int)

    @command
    def smove(self, source: Text, destination: Text, member: Word) -> Request[bool]:
        """Move a member from one set to another; whether it was in the first."""
        return Request(["SMOVE", source, destination, member], as_flag)

    @command
    def spop(self, key: Text) -> Request[bytes | None]:
        """Remove any member; which it was. `execute` takes a count."""
        return Request(["SPOP", key], as_value)

    @command
    def srandmember(self, key: Text) -> Request[bytes | None]:
        """Any member; None if there is none. `execute` takes a count."""
        return Request(["SRANDMEMBER", key], as_value)

    @command
    def sunion(self, *keys: Text) -> Request[set[bytes]]:
        """What is in any of these sets."""
        return Request(["SUNION", *keys], as_set)

    @command
    def sinter(self, *keys: Text) -> Request[set[bytes]]:
        """What is in all of these sets."""
        return Request(["SINTER", *keys], as_set)

    @command
    def sdiff(self, *keys: Text) -> Request[set[bytes]]:
        """What is in the first of these sets alone."""
        return Request(["SDIFF", *keys], as_set)

    @command
    def sunionstore(self, destination: Text, *keys: Text) -> Request[int]:
        """Store the union of these sets; how large it is."""
        return Request(["SUNIONSTORE", destination, *keys], as_int)

    @command
    def sinterstore(self, destination: Text, *keys: Text) -> Request[int]:
        """Store the intersection of these sets; how large it is."""
        return Request(["SINTERSTORE", destination, *keys], as_int)

    @command
    def sdiffstore(self, destination: Text, *keys: Text) -> Request[int]:
        """Store what is in the first of these sets alone; how large it is."""
        return Request(["SDIFFSTORE", destination, *keys], as_int)

    @command
    def sintercard(self, numkeys: int, keys: Collection[Text], limit: int | None = None) -> Request[int]:
        """How large the intersection of these sets is, counted up to `limit`."""
        return Request(["SINTERCARD", numkeys, *keys, *numbers(limit=limit)], as_int)

    @command
    def sscan(
        self, key: Text, cursor: int = 0, match: Text | None = None, count: int | None = None
    ) -> Request[tuple[int, list[bytes]]]:
        """Some members, and the cursor to go on with, which is 0 at the end."""
        return Request(["SSCAN", key, cursor, *search(match, count)], as_page)
