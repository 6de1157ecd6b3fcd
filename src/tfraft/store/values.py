"""What the store holds: a STRING, a HASH or a SET under each key.

Everything is `bytes`, of any content: keys differ by case, and an empty value is not a missing one. A hash
and a set are dicts, so that their members have the same order on every server that applied the same commands,
whatever Python's hash seed. They are never empty: with the last member goes the key.
"""

from collections.abc import ItemsView, Iterable, KeysView
from typing import assert_never

MAX_KEY_BYTES = 64 * 1024
MAX_VALUE_BYTES = 8 * 1024 * 1024


class HashValue(dict[bytes, bytes]):
    """A HASH: field to value, in the order in which the fields were first set."""

    __slots__ = ()


class SetValue(dict[bytes, None]):
    """A SET: its members are the keys of a dict, since the order of a Python set depends on the hash seed."""

    __slots__ = ()


StringValue = bytes
Value = StringValue | HashValue | SetValue


def type_name(value: Value | None) -> bytes:
    """What TYPE calls this value; `none` where there is nothing."""
    match value:
        case None:
            return b"none"
        case bytes():
            return b"string"
        case HashValue():
            return b"hash"
        case SetValue():
            return b"set"
        case _:
            assert_never(value)


class Database:
    """Keys and their values, in the order in which the keys came to be.

    Commands reach the keys by these methods alone. Whatever a key may carry one day besides its value is
    checked in `get` and kept up to date where a value changes; so a command that has added to a hash or a set
    in place puts it back."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[bytes, Value] = {}

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: bytes) -> Value | None:
        """The value under `key`, or None. A hash or set is the stored one, not a copy."""
        return self._values.get(key)

    def put(self, key: bytes, value: Value) -> None:
        """Afterwards `key` holds `value`, whatever it held before."""
        self._values[key] = value

    def remove(self, key: bytes) -> bool:
        """Afterwards `key` holds nothing; whether it held something."""
        return self._values.pop(key, None) is not None

    def remove_members(self, key: bytes, members: HashValue | SetValue, names: Iterable[bytes]) -> int:
        """Afterwards `members`, the value under `key`, has none of `names`; how many it had.

        Where none is left the key goes."""
        size_before = len(members)
        for name in names:
            members.pop(name, None)
        removed = size_before - len(members)
        if not members:
            self.remove(key)
        return removed

    def keys(self) -> KeysView[bytes]:
        """All keys, oldest first."""
        return self._values.keys()

    def items(self) -> ItemsView[bytes, Value]:
        """All keys with their values, oldest key first."""
        return self._values.items()
