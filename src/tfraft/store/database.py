"""The keys and their values, in buckets, so that a snapshot can be taken while commands go on (ch. 5).

A snapshot is of one moment, and nobody may wait for it. So `freeze` hands over the buckets themselves, which takes as
long as to copy a list of them; the first command that then changes a bucket puts a copy in its place. Buckets are many,
so that they are small: with a million keys they have some 60, and are copied in 10 µs. A hash or a set is changed in
place, so that `for_change` must copy it too, once in a snapshot: of all pauses the only one that grows with the state.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final
from zlib import crc32

from tfraft.store.values import HashValue, SetValue, Value

BUCKETS: Final = 1 << 14
_MASK: Final = BUCKETS - 1

Bucket = dict[bytes, Value]

_EMPTY: Final[Bucket] = {}
"""Stands wherever there is no bucket yet, and is never written to."""


class Database:
    """Keys and their values. The bucket of a key follows from its bytes alone, not from Python's hash seed.

    Commands reach the keys by these methods alone. Whatever a key may carry one day besides its value is checked in
    `get` and `for_change`, and kept up to date where a value changes. The rule of a change in place: a command takes a
    hash or a set from `for_change`, never from `get`, and puts it back after adding to it."""

    # A bucket that is also in `_frozen`, at the same place, must not be changed: a snapshot still needs it as it is, or
    # it is the empty one. So one comparison serves both.
    __slots__ = ("_buckets", "_frozen")

    def __init__(self) -> None:
        self._buckets = [_EMPTY] * BUCKETS
        self._frozen = [_EMPTY] * BUCKETS

    def __len__(self) -> int:
        return sum(map(len, self._buckets))

    def get(self, key: bytes) -> Value | None:
        """The value under `key`, or None. A hash or a set is the stored one, to read from."""
        return self._buckets[crc32(key) & _MASK].get(key)

    def for_change(self, key: bytes) -> Value | None:
        """The value under `key`, or None. A hash or a set is the stored one, to change in place."""
        place = crc32(key) & _MASK
        value = self._buckets[place].get(key)
        if self._frozen[place].get(key) is value and isinstance(value, HashValue | SetValue):
            value = value.copy()
            self.put(key, value)
        return value

    def put(self, key: bytes, value: Value) -> None:
        """Afterwards `key` holds `value`, whatever it held before."""
        place = crc32(key) & _MASK
        bucket = self._buckets[place]
        if bucket is self._frozen[place]:
            bucket = self._buckets[place] = bucket.copy()
        bucket[key] = value

    def remove(self, key: bytes) -> bool:
        """Afterwards `key` holds nothing; whether it held something."""
        place = crc32(key) & _MASK
        bucket = self._buckets[place]
        if key not in bucket:
            return False
        if bucket is self._frozen[place]:
            bucket = self._buckets[place] = bucket.copy()
        del bucket[key]
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
        return removed

    def keys(self) -> Iterator[bytes]:
        """All keys, in an order that is the same on every server that applied the same commands."""
        return chain.from_iterable(self._buckets)

    def items(self) -> Iterator[tuple[bytes, Value]]:
        """All keys with their values, in the order of `keys`."""
        return chain.from_iterable(map(Bucket.items, self._buckets))

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


def release(frozen: list[Bucket], place: int) -> None:
    """Afterwards the bucket at `place` in `frozen` may change again, and holds no memory for it."""
    frozen[place] = _EMPTY
