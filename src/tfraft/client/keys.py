"""Typed methods for keys of any type; names and order of arguments are those of redis-py."""

from tfraft.client.options import Moment, Seconds, flags, milliseconds, search, seconds, unix_milliseconds, unix_seconds
from tfraft.client.reading import as_done, as_flag, as_int, as_page, as_text, as_value, as_values
from tfraft.client.request import Request, command
from tfraft.client.words import Text, Word


class KeyCommands:
    """Commands that take a key whatever it holds, or look at all keys."""

    @command
    def delete(self, *keys: Text) -> Request[int]:
        """Remove keys; how many there were."""
        return Request(["DEL", *keys], as_int)

    @command
    def unlink(self, *keys: Text) -> Request[int]:
        """Remove keys; how many there were."""
        return Request(["UNLINK", *keys], as_int)

    @command
    def exists(self, *keys: Text) -> Request[int]:
        """How many of these keys there are."""
        return Request(["EXISTS", *keys], as_int)

    @command
    def touch(self, *keys: Text) -> Request[int]:
        """How many of these keys there are."""
        return Request(["TOUCH", *keys], as_int)

    @command
    def type(self, key: Text) -> Request[str]:
        """The type under a key: string, hash, set or none."""
        return Request(["TYPE", key], as_text)

    @command
    def keys(self, pattern: Text = "*") -> Request[list[bytes]]:
        """All keys that match. Looks at every key."""
        return Request(["KEYS", pattern], as_values)

    @command
    def scan(
        self,
        cursor: int = 0,
        match: Text | None = None,
        count: int | None = None,
        _type: Text | None = None,
    ) -> Request[tuple[int, list[bytes]]]:
        """Some keys, and the cursor to go on with, which is 0 at the end."""
        of_type: list[Word] = [] if _type is None else ["TYPE", _type]
        return Request(["SCAN", cursor, *search(match, count), *of_type], as_page)

    @command
    def randomkey(self) -> Request[bytes | None]:
        """Any key; None if there is none."""
        return Request(["RANDOMKEY"], as_value)

    @command
    def dbsize(self) -> Request[int]:
        """How many keys there are."""
        return Request(["DBSIZE"], as_int)

    @command
    def flushdb(self) -> Request[bool]:
        """Remove all keys."""
        return Request(["FLUSHDB"], as_done)

    @command
    def rename(self, src: Text, dst: Text) -> Request[bool]:
        """Give what is under a key another one, in place of whatever is there."""
        return Request(["RENAME", src, dst], as_done)

    @command
    def renamenx(self, src: Text, dst: Text) -> Request[bool]:
        """The same where there is nothing; whether that was so."""
        return Request(["RENAMENX", src, dst], as_flag)

    @command
    def copy(self, source: Text, destination: Text, replace: bool = False) -> Request[bool]:
        """Store a copy where there is nothing, or with `replace` anyway; whether that was done."""
        return Request(["COPY", source, destination, *flags(replace=replace)], as_flag)

    @command
    def expire(
        self, key: Text, time: Seconds, nx: bool = False, xx: bool = False, gt: bool = False, lt: bool = False
    ) -> Request[bool]:
        """Let a key expire in `time`; whether it is there and the conditions hold."""
        return Request(["EXPIRE", key, seconds(time), *flags(nx=nx, xx=xx, gt=gt, lt=lt)], as_flag)

    @command
    def pexpire(
        self, key: Text, time: Seconds, nx: bool = False, xx: bool = False, gt: bool = False, lt: bool = False
    ) -> Request[bool]:
        """The same in milliseconds."""
        return Request(["PEXPIRE", key, milliseconds(time), *flags(nx=nx, xx=xx, gt=gt, lt=lt)], as_flag)

    @command
    def expireat(
        self, key: Text, when: Moment, nx: bool = False, xx: bool = False, gt: bool = False, lt: bool = False
    ) -> Request[bool]:
        """Let a key expire at a moment, in seconds since 1970."""
        return Request(["EXPIREAT", key, unix_seconds(when), *flags(nx=nx, xx=xx, gt=gt, lt=lt)], as_flag)

    @command
    def pexpireat(
        self, key: Text, when: Moment, nx: bool = False, xx: bool = False, gt: bool = False, lt: bool = False
    ) -> Request[bool]:
        """The same in milliseconds."""
        return Request(["PEXPIREAT", key, unix_milliseconds(when), *flags(nx=nx, xx=xx, gt=gt, lt=lt)], as_flag)

    @command
    def persist(self, key: Text) -> Request[bool]:
        """Let a key not expire; whether it would have."""
        return Request(["PERSIST", key], as_flag)

    @command
    def ttl(self, key: Text) -> Request[int]:
        """In how many seconds a key expires; -1 if it does not, -2 if there is none."""
        return Request(["TTL", key], as_int)

    @command
    def pttl(self, key: Text) -> Request[int]:
        """The same in milliseconds."""
        return Request(["PTTL", key], as_int)

    @command
    def expiretime(self, key: Text) -> Request[int]:
        """When a key expires, in seconds since 1970; -1 if it does not, -2 if there is none."""
        return Request(["EXPIRETIME", key], as_int)

    @command
    def pexpiretime(self, key: Text) -> Request[int]:
        """The same in milliseconds."""
        return Request(["PEXPIRETIME", key], as_int)
