"""What the store holds: a STRING, a HASH or a SET under each key.

Everything is `bytes`, of any content: keys differ by case, and an empty value is not a missing one. A hash
and a set are dicts, so that their members have the same order on every server that applied the same commands,
whatever Python's hash seed. They are never empty: with the last member goes the key.
"""

from typing import assert_never

MAX_KEY_BYTES = 64 * 1024
MAX_VALUE_BYTES = 8 * 1024 * 1024


class HashValue(dict[bytes, bytes]):
    """A HASH: field to value, in the order in which the fields were first set."""

    __slots__ = ()

    def copy(self) -> "HashValue":
        """Another one, with the same fields."""
        return HashValue(self)


class SetValue(dict[bytes, None]):
    """A SET: its members are the keys of a dict, since the order of a Python set depends on the hash seed."""

    __slots__ = ()

    def copy(self) -> "SetValue":
        """Another one, with the same members."""
        return SetValue(self)


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
