"""Virtual time: an event loop whose clock jumps to the next event, and that does nothing but run callbacks in order.

It offers what the node uses of asyncio's loop: `time`, `call_soon`, `call_at`, `call_later`.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Final

from tfraft.simulator.violation import Violation

MAX_EVENTS: Final = 600_000
"""The most events of one world. Two servers that answer each other for ever would hang the run instead."""

Callback = Callable[..., object]


class Timer:
    """A callback that waits for its time; `cancel` makes it do nothing."""

    __slots__ = ("_when", "args", "callback")

    def __init__(self, when: float, callback: Callback, args: tuple[Any, ...]) -> None:
        self._when = when
        self.callback: Callback | None = callback
        self.args = args

    def when(self) -> float:
        """When it is due, on the clock of the loop that gave it."""
        return self._when

    def cancel(self) -> None:
        """Afterwards it does nothing when it is due."""
        self.callback = None


class VirtualLoop:
    """A heap of timers and a number that is the time, in seconds from 0.

    Timers of one moment run in the order in which they were made, so that nothing depends on chance that is not
    drawn."""

    def __init__(self, max_events: int = MAX_EVENTS) -> None:
        self.events = 0
        """How many callbacks have run."""
        self.now = 0.0
        self._max_events = max_events
        self._made = 0
        self._heap: list[tuple[float, int, Timer]] = []

    def time(self) -> float:
        """The time, in seconds."""
        return self.now

    def call_soon(self, callback: Callback, *args: Any) -> Timer:
        """Run `callback` at this moment, after all that is due already."""
        return self.call_at(self.now, callback, *args)

    def call_later(self, delay: float, callback: Callback, *args: Any) -> Timer:
        """Run `callback` in `delay` seconds."""
        return self.call_at(self.now + delay, callback, *args)

    def call_at(self, when: float, callback: Callback, *args: Any) -> Timer:
        """Run `callback` at the time `when`, or at once where that is past."""
        timer = Timer(when, callback, args)
        self._made += 1
        heappush(self._heap, (when if when > self.now else self.now, self._made, timer))
        return timer

    def run(self, until: float) -> None:
        """Run all that is due by `until`; afterwards it is that time. Raises Violation above the event budget."""
        heap = self._heap
        while heap and heap[0][0] <= until:
            self.now, _, timer = heappop(heap)
            if timer.callback is None:
                continue
            self.events += 1
            if self.events > self._max_events:
                raise Violation("message storm", f"more than {self._max_events} events by {self.now:.3f} s")
            timer.callback(*timer.args)
        self.now = until
