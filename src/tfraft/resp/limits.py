"""What one client, and all of them together, may take of a server: the bounds of the Redis protocol here."""

from typing import Final

from tfraft.record import record
from tfraft.store.commands import MAX_COMMAND_BYTES

MAX_ARGUMENTS: Final = 1024 * 1024
"""So many words may a request have, as in Redis before 7."""
MAX_BULK_BYTES: Final = MAX_COMMAND_BYTES
"""So long may a word be. Above what the store takes, so that a long value gets the store's own text."""
MAX_LINE_BYTES: Final = 64 * 1024
"""So long may an inline request be, or the line that says how long something is."""

OUTPUT_HIGH_WATER_BYTES: Final = 1024 * 1024
"""A client that has left so much unread is not listened to, until it has read."""


@record
class RespLimits:
    """The bounds that a server is given, and that CONFIG SET changes.

    `timeout_s` ends a connection that has been silent for so long; 0 is never. A request that has begun has to be whole
    within `request_timeout_s`."""

    max_clients: int = 10_000
    max_request_bytes: int = 64 * 1024 * 1024
    """A whole request, with all its words."""
    max_output_bytes: int = 64 * 1024 * 1024
    """A client that has more than this unread is cut off."""
    max_waiting_commands: int = 10_000
    """So many commands of a connection may wait for their answers, …"""
    max_waiting_bytes: int = 32 * 1024 * 1024
    """… and have so many bytes, before it is not listened to until some are answered."""
    max_queued_commands: int = 100_000
    """So many commands may a transaction have."""
    timeout_s: int = 0
    request_timeout_s: float = 60.0
