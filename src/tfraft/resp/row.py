"""The replies of one connection, in the order of its requests, however the answers come.

Each request takes a slot at the end of the row; what is ready at its head can be sent. The row also counts what is not
answered yet: a write is not asked for while reads are open, which it could overtake, and a read that comes while
writes are open goes through the log behind them.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from tfraft.core.requests import Answer, AnswerStatus
from tfraft.resp.answers import reply_to_read, reply_to_write
from tfraft.resp.limits import OUTPUT_HIGH_WATER_BYTES
from tfraft.resp.resp2 import SAME, to_resp2
from tfraft.resp.statistics import Statistics

_OK: Final = AnswerStatus.OK

Then = Callable[[bytes], bytes]


class Row:
    """The `slots` of one connection, the oldest first. `on_change` is called whenever the head may be ready, no read is
    open any more, or much is not sent.

    `unsent_bytes` is how much is ready and not yet taken, `open_reads` and `open_writes` what is not answered."""

    __slots__ = ("_statistics", "on_change", "open_reads", "open_writes", "slots", "unsent_bytes")

    def __init__(self, statistics: Statistics, on_change: Callable[[], None]) -> None:
        self.slots: deque[Slot] = deque()
        self._statistics = statistics
        self.on_change = on_change
        self.open_reads = 0
        self.open_writes = 0
        self.unsent_bytes = 0

    def __len__(self) -> int:
        return len(self.slots)

    def slot(self, in_resp2: bool, is_silent: bool, then: Then | None = None) -> "Slot":
        """A new one at the end, for a reply in this protocol, or for one that nobody wants.

        What it is filled with goes through `then` first, if there is one."""
        slot = Slot(self, in_resp2, is_silent) if then is None else _ChangingSlot(self, in_resp2, is_silent, then)
        self.slots.append(slot)
        return slot

    def take_ready(self) -> list[bytes]:
        """All replies that are ready at the head, which are gone from the row then."""
        slots = self.slots
        ready: list[bytes] = []
        while slots and (reply := slots[0].reply) is not None:
            ready.append(reply)
            slots.popleft()
        self.unsent_bytes -= sum(map(len, ready))
        return ready

    def filled(self, slot: "Slot", reply: bytes) -> None:
        """Note that `slot` has its reply."""
        if reply[:1] == b"-":
            self._statistics.count_error(reply)
        self.unsent_bytes += len(reply)
        # What is blocked by an open request in front of it must be seen as well, once it is much.
        if (self.slots and self.slots[0] is slot) or self.unsent_bytes > OUTPUT_HIGH_WATER_BYTES:
            self.on_change()


class Slot:
    """The place of one reply."""

    __slots__ = ("_in_resp2", "_is_silent", "_row", "reply")

    def __init__(self, row: Row, in_resp2: bool, is_silent: bool) -> None:
        self._row = row
        self._in_resp2 = in_resp2
        self._is_silent = is_silent
        self.reply: bytes | None = None

    def fill(self, reply: bytes) -> None:
        """Afterwards this, in RESP3, is the reply."""
        if self._is_silent:
            reply = b""
        elif self._in_resp2 and reply[0] not in SAME:
            reply = to_resp2(reply)
        self.reply = reply
        self._row.filled(self, reply)

    def on_read(self, answer: Answer) -> None:
        """The answer to a read that was counted as open."""
        row = self._row
        row.open_reads -= 1
        self.fill(answer.response if answer.status is _OK else reply_to_read(answer))
        if not row.open_reads:
            row.on_change()

    def on_write(self, answer: Answer) -> None:
        """The answer to a write that was counted as open."""
        self._row.open_writes -= 1
        self.fill(answer.response if answer.status is _OK else reply_to_write(answer))

    def on_logged_read(self, answer: Answer) -> None:
        """The answer to a read that went through the log, and was counted as an open write."""
        self._row.open_writes -= 1
        self.fill(reply_to_read(answer))

    def on_answer(self, answer: Answer) -> None:
        """The answer to a request that is not counted."""
        self.fill(reply_to_write(answer))


class _ChangingSlot(Slot):
    __slots__ = ("_then",)

    def __init__(self, row: Row, in_resp2: bool, is_silent: bool, then: Then) -> None:
        super().__init__(row, in_resp2, is_silent)
        self._then = then

    def fill(self, reply: bytes) -> None:
        super().fill(self._then(reply))
