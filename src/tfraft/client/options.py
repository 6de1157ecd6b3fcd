"""Options of commands as words: what is None or False is left out."""

from datetime import datetime, timedelta
from typing import TypeAlias

from tfraft.client.words import Text, Word

Seconds: TypeAlias = int | timedelta
Moment: TypeAlias = int | datetime


def flags(**given: bool) -> list[Word]:
    """The names of those that are given."""
    return [name.upper() for name, is_given in given.items() if is_given]


def numbers(**given: int | None) -> list[Word]:
    """Name and number of those that are given."""
    return [word for name, number in given.items() if number is not None for word in (name.upper(), number)]


def expiry(
    ex: Seconds | None = None, px: Seconds | None = None, exat: Moment | None = None, pxat: Moment | None = None
) -> list[Word]:
    """When a key expires: in or at so many seconds, or milliseconds."""
    return numbers(
        ex=None if ex is None else seconds(ex),
        px=None if px is None else milliseconds(px),
        exat=None if exat is None else unix_seconds(exat),
        pxat=None if pxat is None else unix_milliseconds(pxat),
    )


def search(match: Text | None, count: int | None) -> list[Word]:
    """What a scan looks for, and how much at a time."""
    return [*(("MATCH", match) if match is not None else ()), *numbers(count=count)]


def seconds(time: Seconds) -> int:
    """Whole seconds."""
    return round(time.total_seconds()) if isinstance(time, timedelta) else time


def milliseconds(time: Seconds) -> int:
    """Whole milliseconds; a plain number is of those."""
    return round(time.total_seconds() * 1000) if isinstance(time, timedelta) else time


def unix_seconds(when: Moment) -> int:
    """Seconds since 1970."""
    return int(when.timestamp()) if isinstance(when, datetime) else when


def unix_milliseconds(when: Moment) -> int:
    """Milliseconds since 1970; a plain number is of those."""
    return int(when.timestamp() * 1000) if isinstance(when, datetime) else when
