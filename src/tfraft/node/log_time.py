"""Log time, which moves with each entry: here it is moved on where the state machine waits for it and no entry comes.

A key that expires is removed on every server by the entry whose time is late enough; none of them looks at a clock.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from tfraft.core.requests import Answer, ClientRequest
from tfraft.ports import OnAnswer
from tfraft.store.sessions import Sessions

PAUSE_S: Final = 0.1
"""An entry for the time alone comes at most so often: keys that expire one soon after the other go together."""

LEAST_WAIT_S: Final = 0.001
LONGEST_WAIT_S: Final = 3600.0
"""The clock on the wall is not that of the loop, and may be set: look again after so long, and not all the time."""


class LogTime:
    """Makes a leader propose an empty command once the next deadline of the state machine has passed.

    At most one is under way. Reads need not wait for it (see `Applier.answer`): this is what frees the memory."""

    def __init__(
        self,
        machine: Sessions,
        wall_clock: Callable[[], float],
        loop: asyncio.AbstractEventLoop,
        request: Callable[[ClientRequest, OnAnswer], None],
    ) -> None:
        self._machine = machine
        self._wall_clock = wall_clock
        self._loop = loop
        self._request = request
        self._timer: asyncio.Handle | None = None
        self._deadline_ms: int | None = None
        """What the timer waits for."""
        self._under_way = False
        self._not_before = loop.time()

    def watch(self, *, leads: bool) -> None:
        """Wait for what is now the next deadline; for nothing, unless this server `leads`. To call after each turn."""
        deadline_ms = self._next_deadline_ms() if leads else None
        if deadline_ms != self._deadline_ms:
            self.cancel()
            self._deadline_ms = deadline_ms
            self._wait()

    def cancel(self) -> None:
        """Wait no more."""
        self._deadline_ms = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next_deadline_ms(self) -> int | None:
        """What an entry could bring about: nothing while one is under way, nor what log time has passed."""
        deadline_ms = self._machine.next_deadline_ms()
        if self._under_way or (deadline_ms is not None and deadline_ms <= self._machine.time_ms):
            return None
        return deadline_ms

    def _wait(self) -> None:
        if self._deadline_ms is not None:
            left_s = self._deadline_ms / 1000 - self._wall_clock()
            at = self._loop.time() + min(max(left_s, LEAST_WAIT_S), LONGEST_WAIT_S)
            self._timer = self._loop.call_at(max(at, self._not_before), self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._deadline_ms is None or int(self._wall_clock() * 1000) < self._deadline_ms:
            self._wait()
            return
        self._deadline_ms = None
        self._under_way = True
        self._request(ClientRequest(b""), self._on_answer)

    def _on_answer(self, answer: Answer) -> None:
        """It is through, or will never be; either way the next turn looks at what is next."""
        self._under_way = False
        self._not_before = self._loop.time() + PAUSE_S
