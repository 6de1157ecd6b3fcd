"""Alarm: wakes a node by its next deadline, but not before it has read its mail."""

import asyncio
from collections.abc import Callable

MAIL_GRACE_S = 0.01
"""A process that was held up reads its mail for this long before it believes that an election timer has run out."""


class Alarm:
    """Calls `on_due(now)` when the time has come. An alarm that is later than `late_s` grants the mail some time first:
    a process that was held up may have a heartbeat in its socket."""

    def __init__(self, loop: asyncio.AbstractEventLoop, late_s: float, on_due: Callable[[float], None]) -> None:
        self._loop = loop
        self._late_s = late_s
        self._on_due = on_due
        self._timer: asyncio.Handle | None = None
        self._at = 0.0
        self._was_late = False

    def set(self, deadline: float) -> None:
        """Wake up by `deadline`. An alarm that is too early is left to ring: most deadlines only move on."""
        if self._timer is None or deadline < self._at:
            self._wake_at(deadline)

    def cancel(self) -> None:
        """Do not ring any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake_at(self, at: float) -> None:
        """Set the timer; its time is kept here, since a loop may give a handle that does not know it."""
        self.cancel()
        self._at = at
        self._timer = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self._loop.time()
        if now - self._at > self._late_s and not self._was_late:
            self._was_late = True
            self._wake_at(now + MAIL_GRACE_S)
            return
        self._was_late = False
        self._on_due(now)
