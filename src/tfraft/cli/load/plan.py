"""What `bench` was asked for, checked: each fault is one sentence with what to type instead."""

import math
import re
from typing import Final

from tfraft.cli.escapes import safe
from tfraft.errors import SettingError
from tfraft.record import record

KEY_PREFIX: Final = "bench:"
"""All keys that a load touches begin so."""
LONGEST_S: Final = 86_400.0
MOST_CLIENTS: Final = 10_000
MOST_KEYS: Final = 10_000_000
MOST_BYTES_UNDER_WAY: Final = 2**30
_UNITS_S: Final = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_READ_MODES: Final = "linearizable, lease, follower or stale:SECONDS"


@record
class LoadPlan:
    """One load. A key has `key_size` bytes, its prefix counted; `reads` is their share, from 0 to 1.

    `rate` is requests a second that come whether or not others were answered; None: each client keeps `pipeline`
    requests under way."""

    addresses: tuple[str, ...]
    clients: int = 50
    pipeline: int = 1
    keys: int = 100_000
    key_size: int | None = None
    value_size: int = 100
    reads: float = 0.0
    read_mode: str | None = None
    duration_s: float = 10.0
    rate: float | None = None
    fill: bool = False
    keep: bool = False

    @property
    def width(self) -> int:
        """How many digits the number in a key has."""
        return max(len(str(self.keys - 1)), (self.key_size or 0) - len(KEY_PREFIX))

    @property
    def key_bytes(self) -> int:
        """How long a key is."""
        return len(KEY_PREFIX) + self.width

    @property
    def greeting(self) -> list[tuple[str, ...]]:
        """What each connection says before its first request."""
        return [("PING",), *([("READMODE", *self.read_mode.split(":"))] if self.read_mode else [])]


def checked(plan: LoadPlan) -> LoadPlan:
    """The plan, if it makes sense. Raises SettingError."""
    _whole("--clients", plan.clients, 1, MOST_CLIENTS)
    _whole("--pipeline", plan.pipeline, 1, 100_000)
    _whole("--keys", plan.keys, 1, MOST_KEYS)
    _whole("--value-size", plan.value_size, 0, 512 * 2**20)
    least_key = len(KEY_PREFIX) + len(str(plan.keys - 1))
    if plan.key_size is not None:
        _whole("--key-size", plan.key_size, least_key, 65_536)
    if plan.clients * plan.pipeline * plan.value_size > MOST_BYTES_UNDER_WAY:
        raise SettingError(
            "these clients would have more than 1 GiB under way at a time: take fewer, or a smaller --pipeline or "
            "--value-size"
        )
    if not 0 <= plan.reads <= 1:
        raise SettingError(f"--reads is their share, from 0 to 1, not {plan.reads:g}   (--reads 0.9)")
    if plan.rate is not None and not 0 < plan.rate <= 10_000_000:
        raise SettingError(f"--rate needs requests a second, above 0 and up to 10000000, not {plan.rate:g}")
    if plan.read_mode is not None:
        _check_read_mode(plan.read_mode)
    return plan


def seconds_in(text: str) -> float:
    """The seconds in a text such as 10s, 500ms, 2m or 1h; a bare number is seconds. Raises SettingError."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|)", text.strip().lower())
    seconds = float(found[1]) * _UNITS_S[found[2]] if found else math.nan
    if not 0 < seconds <= LONGEST_S:
        raise SettingError(f'--duration needs a time up to 24h, such as 10s, 500ms or 2m, not "{safe(text)}"')
    return seconds


def _whole(option: str, number: int, least: int, most: int) -> None:
    if not least <= number <= most:
        raise SettingError(f"{option} needs a number from {least} to {most}, not {number}")


def _check_read_mode(text: str) -> None:
    if not re.fullmatch(r"linearizable|lease|follower|stale:[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise SettingError(f'--read-mode is {_READ_MODES}, not "{safe(text)}"   (--read-mode stale:5)')
