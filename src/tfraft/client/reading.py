"""How the values in answers are read: what the store answers, as the type that a typed method promises.

An answer of another kind than the store gives is a bug, in it or here.
"""

from typing import Any

_OF_ANOTHER_KIND = "the store answers this command with a value of another kind"


def as_done(value: Any) -> bool:
    """Whether it was done, where the answer is OK or nil."""
    assert value in (b"OK", None), _OF_ANOTHER_KIND
    return value is not None


def as_flag(value: Any) -> bool:
    """Yes or no, where the answer is 1 or 0, or a boolean."""
    assert value in (0, 1), _OF_ANOTHER_KIND
    return bool(value)


def as_int(value: Any) -> int:
    """A number."""
    assert isinstance(value, int), _OF_ANOTHER_KIND
    return value


def as_float(value: Any) -> float:
    """A number that travels as text."""
    return float(as_bytes(value))


def as_bytes(value: Any) -> bytes:
    """A value that is always there."""
    assert isinstance(value, bytes), _OF_ANOTHER_KIND
    return value


def as_value(value: Any) -> bytes | None:
    """A value, or None where there is none."""
    return None if value is None else as_bytes(value)


def as_text(value: Any) -> str:
    """A word of the store's own."""
    return as_bytes(value).decode()


def as_values(value: Any) -> list[bytes]:
    """Values in a row."""
    return [as_bytes(one) for one in value]


def as_values_or_none(value: Any) -> list[bytes | None]:
    """Values in a row, None where there is none."""
    return [as_value(one) for one in value]


def as_flags(value: Any) -> list[bool]:
    """A yes or no each."""
    return [as_flag(one) for one in value]


def as_set(value: Any) -> set[bytes]:
    """Members in no order; SPOP and SRANDMEMBER with a count answer in a row."""
    return set(as_values(value))


def as_dict(value: Any) -> dict[bytes, bytes]:
    """Fields and values: a map, or in a row in turn."""
    if isinstance(value, dict):
        return value
    names = as_values(value)
    return dict(zip(names[::2], names[1::2], strict=True))


def as_page(value: Any) -> tuple[int, list[bytes]]:
    """A cursor, 0 at the end, and what was found."""
    cursor, found = value
    return int(as_bytes(cursor)), as_values(found)


def as_dict_page(value: Any) -> tuple[int, dict[bytes, bytes]]:
    """A cursor, 0 at the end, and the fields that were found."""
    cursor, found = value
    return int(as_bytes(cursor)), as_dict(found)


def as_it_is(value: Any) -> Any:
    """Whatever value it is."""
    return value
