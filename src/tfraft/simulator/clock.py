"""The event loop as one node sees it: a clock that runs at its own rate, turns that take a moment to come."""

from collections.abc import Callable
from math import inf, nextafter
from typing import Any

from tfraft.simulator.loop import Callback, Timer, VirtualLoop

Run = Callable[..., None]
"""Runs a callback of the node with its arguments, unless the node is paused or gone; first comes the kind of event."""


class NodeLoop:
    """What a node gets as its event loop. All that it schedules runs through `run`, which may hold it back.

    `rate` is how fast its clock runs; `turn_delay` gives how long a callback waits for its turn of the loop, during
    which more may arrive: without it no turn would ever see two messages."""

    def __init__(self, loop: VirtualLoop, rate: float, turn_delay: Callable[[], float], run: Run) -> None:
        self._loop = loop
        self._rate = rate
        self._turn_delay = turn_delay
        self._run = run

    def time(self) -> float:
        """The time on this node's clock."""
        return self._loop.now * self._rate

    def call_soon(self, callback: Callback, *args: Any) -> Timer:
        """Run `callback` at the next turn of the loop."""
        return self._loop.call_later(self._turn_delay(), self._run, "turn", callback, *args)

    def call_at(self, when: float, callback: Callback, *args: Any) -> "NodeTimer":
        """Run `callback` when this node's clock shows `when`."""
        at = when / self._rate
        while at * self._rate < when:  # Rounded down, it would wake the node too early, at this same moment for ever.
            at = nextafter(at, inf)
        timer = NodeTimer(when, callback, args)
        self._loop.call_at(at, self._run, "timer", timer)
        return timer


class NodeTimer:
    """A callback that waits for its time on the clock of a node; `cancel` makes it do nothing, even when it is due."""

    __slots__ = ("_args", "_callback", "_when")

    def __init__(self, when: float, callback: Callback, args: tuple[Any, ...]) -> None:
        self._when = when
        self._callback: Callback | None = callback
        self._args = args

    def when(self) -> float:
        """When it is due, on the node's clock."""
        return self._when

    def cancel(self) -> None:
        """Afterwards it does nothing."""
        self._callback = None

    def __call__(self) -> None:
        if self._callback is not None:
            self._callback(*self._args)
