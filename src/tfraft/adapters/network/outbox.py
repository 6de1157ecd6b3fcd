"""What waits for one peer: bounded in messages and in bytes, small messages first. No I/O here."""

from collections import deque
from typing import Final

from tfraft.adapters.network import wire
from tfraft.core.messages import AppendEntries, InstallSnapshot, Message

MAX_WAITING_MESSAGES: Final = 4_096
MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
"""What may wait for one peer of each kind; further messages are dropped. Room for a full window of the largest usual
batches, and all that a slow or dead follower may cost."""


class Outbox:
    """Messages as bytes, on their way to one server.

    What replicates (AppendEntries, InstallSnapshot) keeps its order: a heartbeat that overtakes the entries before it
    looks like a gap. All else is small and passes it: a vote must not wait behind 64 MiB that nobody needs any more,
    nor be dropped because of them."""

    def __init__(self) -> None:
        self._first = _Queue()
        self._second = _Queue()

    def put(self, message: Message) -> None:
        """Take `message`, or drop it where there is no room."""
        queue = self._second if isinstance(message, AppendEntries | InstallSnapshot) else self._first
        queue.put(message)

    def take(self, size: int) -> list[bytes]:
        """Take what waits, the first first, until it has `size` bytes or nothing waits any more."""
        taken = self._first.take(size)
        return taken + self._second.take(size - sum(map(len, taken)))

    def clear(self) -> None:
        """Drop all that waits."""
        self._first = _Queue()
        self._second = _Queue()


class _Queue:
    """Messages in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._bytes = 0

    def put(self, message: Message) -> None:
        if len(self._waiting) >= MAX_WAITING_MESSAGES or self._bytes >= MAX_WAITING_BYTES:
            return  # Without encoding it: who cannot keep up should not cost time as well.
        data = _encode(message)
        if self._bytes + len(data) <= MAX_WAITING_BYTES:
            self._waiting.append(data)
            self._bytes += len(data)

    def take(self, size: int) -> list[bytes]:
        taken: list[bytes] = []
        while self._waiting and size > 0:
            taken.append(self._waiting.popleft())
            size -= len(taken[-1])
            self._bytes -= len(taken[-1])
        return taken


class _Encoder:
    """`wire.encode`, once for each message: servers that are equally far are sent the same one in a turn."""

    def __init__(self) -> None:
        self._message: Message | None = None
        self._data = b""

    def __call__(self, message: Message) -> bytes:
        if message is not self._message:
            self._message, self._data = message, wire.encode(message)
        return self._data


_encode = _Encoder()
