"""READMODE: what the reads of a connection may miss (§6.4), and Redis's two words for the like."""

import math

from tfraft.core.requests import Consistency
from tfraft.resp.caller import Caller, ReadMode
from tfraft.resp.command import ConnectionCommand
from tfraft.store import replies

_MODES = {consistency.name.encode(): consistency for consistency in Consistency}
_USAGE = b"-ERR READMODE takes linearizable, lease, follower, or stale and a number of seconds\r\n"


def readmode(caller: Caller, args: list[bytes]) -> bytes:
    """READMODE: afterwards the connection reads so; without an argument, how it does."""
    if len(args) == 1:
        return replies.bulk(_text_of(caller.read_mode))
    consistency = _MODES.get(args[1].upper())
    if consistency is None or (consistency is Consistency.STALE) != (len(args) == 3):
        return _USAGE
    seconds = _seconds(args[2]) if len(args) == 3 else 0.0
    if seconds is None:
        return _USAGE
    caller.read_mode = ReadMode(consistency, seconds)
    return replies.OK


def readonly(caller: Caller, args: list[bytes]) -> bytes:
    """READONLY: afterwards this server answers reads itself, after asking the leader for an index to read at."""
    caller.read_mode = ReadMode(Consistency.FOLLOWER)
    return replies.OK


def readwrite(caller: Caller, args: list[bytes]) -> bytes:
    """READWRITE: afterwards the connection reads as at its beginning."""
    caller.read_mode = ReadMode()
    return replies.OK


def _seconds(text: bytes) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if seconds >= 0 and math.isfinite(seconds) else None


def _text_of(mode: ReadMode) -> bytes:
    name = mode.consistency.name.lower()
    return f"{name} {mode.max_staleness_s:g}".encode() if mode.consistency is Consistency.STALE else name.encode()


COMMANDS = (
    ConnectionCommand(
        name="READMODE",
        usage="READMODE [linearizable | lease | follower | stale seconds]",
        summary="Say what the reads of this connection may miss.",
        group="cluster",
        run=readmode,
        max_args=2,
    ),
    ConnectionCommand("READONLY", "READONLY", "The same as READMODE follower.", "cluster", readonly),
    ConnectionCommand("READWRITE", "READWRITE", "The same as READMODE linearizable.", "cluster", readwrite),
)
