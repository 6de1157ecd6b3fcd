"""Typed methods for hashes; names and order of arguments are those of redis-py."""

from collections.abc import Mapping

from tfraft.client.options import search
from tfraft.client.reading import (
    as_dict,
    as_dict_page,
    as_flag,
    as_float,
    as_int,
    as_value,
    as_values,
    as_values_or_none,
)
from tfraft.client.request import Request, command
from tfraft.client.words import Pairs, Text, Word, pairs_of
from tfraft.errors import CommandError


class HashCommands:
    """Commands whose keys hold a hash."""

    @command
    def hset(
        self, key: Text, field: Text | Pairs | None = None, value: Word | None = None, mapping: Pairs | None = None
    ) -> Request[int]:
        """Set one field, those of `mapping`, or both; how many are new. The mapping may stand in place of the field."""
        if isinstance(field, Mapping):
            if value is not None or mapping is not None:
                raise CommandError("hset takes a mapping, or a field with its value")
            field, mapping = None, field
        if (field is None) is not (value is None):
            raise CommandError("hset takes a field with its value")
        one: list[Word] = [] if field is None or value is None else [field, value]
        return Request(["HSET", key, *one, *pairs_of(mapping or {})], as_int)

    @command
    def hsetnx(self, key: Text, field: Text, value: Word) -> Request[bool]:
        """Set a field that is not there; whether that was so."""
        return Request(["HSETNX", key, field, value], as_flag)

    @command
    def hget(self, key: Text, field: Text) -> Request[bytes | None]:
        """A field; None if there is none."""
        return Request(["HGET", key, field], as_value)

    @command
    def hmget(self, key: Text, *fields: Text) -> Request[list[bytes | None]]:
        """Many fields; None where there is none."""
        return Request(["HMGET", key, *fields], as_values_or_none)

    @command
    def hgetall(self, key: Text) -> Request[dict[bytes, bytes]]:
        """The whole hash; empty if there is none."""
        return Request(["HGETALL", key], as_dict)

    @command
    def hkeys(self, key: Text) -> Request[list[bytes]]:
        """The names of all fields."""
        return Request(["HKEYS", key], as_values)

    @command
    def hvals(self, key: Text) -> Request[list[bytes]]:
        """The values of all fields."""
        return Request(["HVALS", key], as_values)

    @command
    def hlen(self, key: Text) -> Request[int]:
        """How many fields there are."""
        return Request(["HLEN", key], as_int)

    @command
    def hexists(self, key: Text, field: Text) -> Request[bool]:
        """Whether there is this field."""
        return Request(["HEXISTS", key, field], as_flag)

    @command
    def hstrlen(self, key: Text, field: Text) -> Request[int]:
        """The length of a field's value; 0 if there is none."""
        return Request(["HSTRLEN", key, field], as_int)

    @command
    def hdel(self, key: Text, *fields: Text) -> Request[int]:
        """Remove fields; how many there were."""
        return Request(["HDEL", key, *fields], as_int)

    @command
    def hincrby(self, key: Text, field: Text, amount: int = 1) -> Request[int]:
        """Add to the whole number in a field, 0 if there is none; the sum."""
        return Request(["HINCRBY", key, field, amount], as_int)

    @command
    def hincrbyfloat(self, key: Text, field: Text, amount: float = 1.0) -> Request[float]:
        """Add to the number in a field, 0 if there is none; the sum."""
        return Request(["HINCRBYFLOAT", key, field, amount], as_float)

    @command
    def hrandfield(self, key: Text) -> Request[bytes | None]:
        """The name of any field; None if there is none. `execute` takes a count."""
        return Request(["HRANDFIELD", key], as_value)

    @command
    def hscan(
        self, key: Text, cursor: int = 0, match: Text | None = None, count: int | None = None
    ) -> Request[tuple[int, dict[bytes, bytes]]]:
        """Some fields, and the cursor to go on with, which is 0 at the end."""
        return Request(["HSCAN", key, cursor, *search(match, count)], as_dict_page)
