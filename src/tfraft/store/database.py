"""The keys and their values, in buckets, so that a snapshot can be taken while commands go on (ch. 5).

A snapshot is of one moment, and nobody may wait for it. So `freeze` hands over the buckets themselves, which takes as
long as to copy a list of them; the first command that then changes a bucket puts a copy in its place. Buckets are many,
so that they are small: with a million keys they have some 60, and are copied in 10 µs. A hash or a set is changed in
place, so that `for_change` must copy it too, once in a snapshot: of all pauses the only one that grows with the state.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import accumulate, chain
from struct import Struct
from typing import Final
from zlib import crc32

from tfraft.store.deadlines import Deadlines
from tfraft.store.values import HashValue, SetValue, Value

BUCKETS: Final = 1 << 14
_MASK: Final = BUCKETS - 1

_NO_DEADLINES: Final[dict[bytes, int]] = {}
"""Stands in each bucket without deadlines, and is never written to: a key without one costs nothing."""

_CHANCE = Struct("<QQQ")


class Bucket:
    """Some keys: their values, the deadlines of those that have one, and which of all changes was the last of theirs.

    `values` is a plain dict, which Python's garbage collector leaves out as long as there are only strings in it."""

    __slots__ = ("deadlines", "values", "version")

    def __init__(self, values: dict[bytes, Value], deadlines: dict[bytes, int], version: int) -> None:
        self.values = values
        self.deadlines = deadlines
        self.version = version

    def copy(self) -> "Bucket":
        """Another one, to change while this stays as it is."""
        return Bucket(self.values.copy(), self.deadlines.copy() if self.deadlines else _NO_DEADLINES, self.version)


_EMPTY: Final = Bucket({}, _NO_DEADLINES, 0)
"""Stands wherever there is no bucket yet, and is never written to."""


class Database:
    """Keys, their values and deadlines. The bucket of a key follows from its bytes, not from Python's hash seed.

    Commands reach the keys by these methods alone. The rule of a change in place: a command takes a hash or a set from
    `for_change`, never from `get`, and after adding to it puts it back. A deadline is in milliseconds since 1970; once
    log time has come to it, its key is gone."""

    # A bucket that is also in `_frozen`, at the same place, must not be changed: a snapshot still needs it as it is, or
    # it is the empty one. So one comparison serves both.
    __slots__ = ("_buckets", "_deadlines", "_draws", "_frozen", "changes", "time_ms")

    def __init__(self) -> None:
        self._buckets = [_EMPTY] * BUCKETS
        self._frozen = [_EMPTY] * BUCKETS
        self._deadlines = Deadlines()
        self._draws = 0
        self.time_ms = 0
        """Log time: what the entry that is being applied was stamped with, or for queries the latest one."""
        self.changes = 0
        """How many changes there were, of any key."""

    def __len__(self) -> int:
        return sum(len(bucket.values) for bucket in self._buckets)

    def get(self, key: bytes) -> Value | None:
        """The value under `key`, or None. A hash or a set is the stored one, to read from."""
        return self._buckets[crc32(key) & _MASK].values.get(key)

    def for_change(self, key: bytes) -> Value | None:
        """The value under `key`, or None. A hash or a set is the stored one, to change in place."""
        place = crc32(key) & _MASK
        value = self._buckets[place].values.get(key)
        if self._frozen[place].values.get(key) is value and isinstance(value, HashValue | SetValue):
            # No new version: whether there is a snapshot differs from server to server.
            value = self._own(place).values[key] = value.copy()
        return value

    def put(self, key: bytes, value: Value, deadline_ms: int | None = None) -> None:
        """Afterwards `key` holds `value` until `deadline_ms`, if there is one, whatever it held before.

        After a deadline that is not after log time it holds nothing."""
        place = crc32(key) & _MASK
        bucket = self._buckets[place]
        if bucket is self._frozen[place]:  # As in `_own`, without a call for nearly every write there is.
            bucket = self._own(place)
        bucket.values[key] = value
        bucket.version = self.changes = self.changes + 1
        if deadline_ms is not None or key in bucket.deadlines:
            self._set_deadline(place, key, deadline_ms)

    def put_back(self, key: bytes, value: Value) -> None:
        """Afterwards `key` holds `value`, and the deadline that it had, if it had one."""
        bucket = self._own(crc32(key) & _MASK)
        bucket.values[key] = value
        bucket.version = self.changes = self.changes + 1

    def remove(self, key: bytes) -> bool:
        """Afterwards `key` holds nothing; whether it held something."""
        place = crc32(key) & _MASK
        if key not in self._buckets[place].values:
            return False
        bucket = self._own(place)
        del bucket.values[key]
        bucket.version = self.changes = self.changes + 1
        if key in bucket.deadlines:
            del bucket.deadlines[key]
        return True

    def remove_members(self, key: bytes, members: HashValue | SetValue, names: Iterable[bytes]) -> int:
        """Afterwards `members`, which `for_change` gave for `key`, has none of `names`; how many it had.

        Where none is left the key goes."""
        size_before = len(members)
        for name in names:
            members.pop(name, None)
        removed = size_before - len(members)
        if not members:
            self.remove(key)
        elif removed:
            self._note_change(crc32(key) & _MASK)
        return removed

    def clear(self) -> None:
        """Afterwards no key holds anything."""
        if not len(self):
            return  # The last change always gave a bucket its version.
        self.changes += 1
        self._buckets = [
            Bucket({}, _NO_DEADLINES, self.changes) if bucket.values else bucket for bucket in self._buckets
        ]
        self._deadlines = Deadlines()

    def deadline_of(self, key: bytes) -> int | None:
        """When `key` will be gone; None where it has no deadline or holds nothing."""
        return self._buckets[crc32(key) & _MASK].deadlines.get(key)

    def set_deadline(self, key: bytes, deadline_ms: int | None) -> None:
        """Afterwards `key`, which holds something, does so until `deadline_ms`, or, with None, for ever.

        After a deadline that is not after log time it holds nothing."""
        place = crc32(key) & _MASK
        self._note_change(place)
        self._set_deadline(place, key, deadline_ms)

    def next_deadline_ms(self) -> int | None:
        """The first of all deadlines; None where there is none."""
        while (first := self._deadlines.first()) is not None:
            deadline_ms, place = first
            if min(self._buckets[place].deadlines.values(), default=None) == deadline_ms:
                return deadline_ms
            self._look_again(place)
        return None

    def advance(self, time_ms: int) -> None:
        """Afterwards `time_ms` is log time, and the keys that have come to their deadline hold nothing."""
        self.time_ms = time_ms
        while (first := self._deadlines.first()) is not None and first[0] <= time_ms:
            self._expire(first[1])
            self._look_again(first[1])

    def may_have_deadlines(self) -> bool:
        """Whether a key may have a deadline. It is asked before every query, and answers at once."""
        return self._deadlines.first() is not None

    def begin(self) -> None:
        """To be called before a command is applied: then what it gets by chance depends on no query before it."""
        self._draws = 0

    def chance(self, count: int) -> int:
        """A number from 0 to `count` - 1, each as likely as another.

        In a command that is applied it is the same on every server."""
        drawn = blake2b(_CHANCE.pack(self.time_ms, self.changes, self._draws), digest_size=16).digest()
        self._draws += 1
        return int.from_bytes(drawn, "little") % count

    def any_key(self) -> bytes | None:
        """A key by chance, each as likely as another; None where there is none. As slow as a look at each bucket."""
        ends = list(accumulate(len(bucket.values) for bucket in self._buckets))
        if not ends[-1]:
            return None
        number = self.chance(ends[-1])
        place = bisect_right(ends, number)
        return self.keys_at(place)[number - ends[place]]

    def version_of(self, key: bytes) -> int:
        """Grows whenever `key` changes in any way, and may grow when another one does."""
        return self._buckets[crc32(key) & _MASK].version

    def versions(self) -> dict[int, int]:
        """The versions of all buckets that ever changed, by place."""
        return {place: bucket.version for place, bucket in enumerate(self._buckets) if bucket.version}

    def set_versions(self, versions: dict[int, int]) -> None:
        """Afterwards the buckets have these versions, which `versions` gave, and all others 0.

        The last change gave its bucket a version, so the number of changes is known as well."""
        self.changes = max(versions.values(), default=0)
        for place in range(BUCKETS):
            version = versions.get(place, 0)
            if self._buckets[place].version != version:
                self._own(place).version = version

    def keys(self) -> Iterator[bytes]:
        """All keys, in an order that is the same on every server that applied the same commands."""
        return chain.from_iterable(bucket.values for bucket in self._buckets)

    def keys_at(self, place: int) -> list[bytes]:
        """The keys in one bucket, of which there are BUCKETS; a key stays in its bucket."""
        return list(self._buckets[place].values)

    def items(self) -> Iterator[tuple[bytes, Value]]:
        """All keys with their values, in the order of `keys`."""
        return chain.from_iterable(bucket.values.items() for bucket in self._buckets)

    def freeze(self) -> list[Bucket]:
        """All buckets, with what they hold now: it does not change until `thaw`, or until the next `freeze`.

        Whoever needs one of them no longer calls `release`, and it is not copied any more."""
        self._frozen = self._buckets.copy()
        return self._frozen

    def is_frozen(self, frozen: list[Bucket]) -> bool:
        """Whether `frozen`, which `freeze` gave, still holds."""
        return self._frozen is frozen

    def thaw(self, frozen: list[Bucket]) -> None:
        """Afterwards nothing is copied for `frozen`, which `freeze` gave."""
        if self._frozen is frozen:
            self._frozen = [_EMPTY] * BUCKETS

    def _own(self, place: int) -> Bucket:
        """The bucket at `place`, to change."""
        bucket = self._buckets[place]
        if bucket is self._frozen[place]:
            bucket = self._buckets[place] = bucket.copy()
        return bucket

    def _note_change(self, place: int) -> None:
        self._own(place).version = self.changes = self.changes + 1

    def _set_deadline(self, place: int, key: bytes, deadline_ms: int | None) -> None:
        bucket = self._own(place)
        if deadline_ms is None:
            if key in bucket.deadlines:
                del bucket.deadlines[key]
        elif deadline_ms <= self.time_ms:
            self.remove(key)
        else:
            if bucket.deadlines is _NO_DEADLINES:
                bucket.deadlines = {}
            bucket.deadlines[key] = deadline_ms
            self._deadlines.add(deadline_ms, place)

    def _expire(self, place: int) -> None:
        expired = [key for key, deadline_ms in self._buckets[place].deadlines.items() if deadline_ms <= self.time_ms]
        for key in expired:
            self.remove(key)

    def _look_again(self, place: int) -> None:
        """Afterwards the item for the bucket at `place` is the first deadline in it, if there is one."""
        self._deadlines.drop(place)
        deadlines = self._buckets[place].deadlines
        if deadlines:
            self._deadlines.add(min(deadlines.values()), place)


def release(frozen: list[Bucket], place: int) -> None:
    """Afterwards the bucket at `place` in `frozen` may change again, and holds no memory for it."""
    frozen[place] = _EMPTY
