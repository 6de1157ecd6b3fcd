"""Typed methods for strings; names and order of arguments are those of redis-py."""

from tfraft.client.options import Moment, Seconds, expiry, flags, milliseconds, seconds
from tfraft.client.reading import as_bytes, as_done, as_flag, as_float, as_int, as_value, as_values_or_none
from tfraft.client.request import Request, command
from tfraft.client.words import Pairs, Text, Word, pairs_of


class StringCommands:
    """Commands whose keys hold a string, or a number as its digits."""

    @command
    def set(
        self,
        key: Text,
        value: Word,
        ex: Seconds | None = None,
        px: Seconds | None = None,
        nx: bool = False,
        xx: bool = False,
        keepttl: bool = False,
        exat: Moment | None = None,
        pxat: Moment | None = None,
    ) -> Request[bool]:
        """Store a string under `key`, in place of whatever is there; whether that was done (`nx`, `xx`)."""
        options = [*flags(nx=nx, xx=xx, keepttl=keepttl), *expiry(ex, px, exat, pxat)]
        return Request(["SET", key, value, *options], as_done)

    @command
    def get(self, key: Text) -> Request[bytes | None]:
        """The string under `key`; None if there is none."""
        return Request(["GET", key], as_value)

    @command
    def getset(self, key: Text, value: Word) -> Request[bytes | None]:
        """Store a string; the one before it."""
        return Request(["GETSET", key, value], as_value)

    @command
    def getdel(self, key: Text) -> Request[bytes | None]:
        """Remove a string; what it was."""
        return Request(["GETDEL", key], as_value)

    @command
    def getex(
        self,
        key: Text,
        ex: Seconds | None = None,
        px: Seconds | None = None,
        exat: Moment | None = None,
        pxat: Moment | None = None,
        persist: bool = False,
    ) -> Request[bytes | None]:
        """The string under `key`, which afterwards expires then, or with `persist` not at all."""
        return Request(["GETEX", key, *expiry(ex, px, exat, pxat), *flags(persist=persist)], as_value)

    @command
    def setnx(self, key: Text, value: Word) -> Request[bool]:
        """Store a string where there is nothing; whether that was so."""
        return Request(["SETNX", key, value], as_flag)

    @command
    def setex(self, key: Text, time: Seconds, value: Word) -> Request[bool]:
        """Store a string that expires in `time`."""
        return Request(["SETEX", key, seconds(time), value], as_done)

    @command
    def psetex(self, key: Text, time_ms: Seconds, value: Word) -> Request[bool]:
        """Store a string that expires in so many milliseconds."""
        return Request(["PSETEX", key, milliseconds(time_ms), value], as_done)

    @command
    def mget(self, *keys: Text) -> Request[list[bytes | None]]:
        """The strings under all these keys; None where there is none."""
        return Request(["MGET", *keys], as_values_or_none)

    @command
    def mset(self, mapping: Pairs) -> Request[bool]:
        """Store many strings at one moment."""
        return Request(["MSET", *pairs_of(mapping)], as_done)

    @command
    def msetnx(self, mapping: Pairs) -> Request[bool]:
        """Store many strings if there is nothing under any of the keys; whether that was so."""
        return Request(["MSETNX", *pairs_of(mapping)], as_flag)

    @command
    def append(self, key: Text, value: Word) -> Request[int]:
        """Put `value` behind the string under `key`; its new length."""
        return Request(["APPEND", key, value], as_int)

    @command
    def strlen(self, key: Text) -> Request[int]:
        """The length of a string in bytes; 0 if there is none."""
        return Request(["STRLEN", key], as_int)

    @command
    def getrange(self, key: Text, start: int, end: int) -> Request[bytes]:
        """The bytes from `start` to `end`, which belongs to them; below 0 counts from the end."""
        return Request(["GETRANGE", key, start, end], as_bytes)

    @command
    def setrange(self, key: Text, offset: int, value: Word) -> Request[int]:
        """Overwrite a string from `offset` on; its new length."""
        return Request(["SETRANGE", key, offset, value], as_int)

    @command
    def incr(self, key: Text, amount: int = 1) -> Request[int]:
        """Add to the whole number under `key`, 0 if there is none; the sum."""
        return Request(["INCRBY", key, amount], as_int)

    @command
    def incrby(self, key: Text, amount: int = 1) -> Request[int]:
        """Add to the whole number under `key`, 0 if there is none; the sum."""
        return Request(["INCRBY", key, amount], as_int)

    @command
    def decr(self, key: Text, amount: int = 1) -> Request[int]:
        """Subtract from the whole number under `key`, 0 if there is none; the difference."""
        return Request(["DECRBY", key, amount], as_int)

    @command
    def decrby(self, key: Text, amount: int = 1) -> Request[int]:
        """Subtract from the whole number under `key`, 0 if there is none; the difference."""
        return Request(["DECRBY", key, amount], as_int)

    @command
    def incrbyfloat(self, key: Text, amount: float = 1.0) -> Request[float]:
        """Add to the number under `key`, 0 if there is none; the sum."""
        return Request(["INCRBYFLOAT", key, amount], as_float)
