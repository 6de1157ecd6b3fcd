"""When requests are due: as soon as there is room for them, or at a rate of their own."""

import math
from collections.abc import Callable
from typing import Protocol


class Pace(Protocol):
    """Says when requests are due, from `start` to `stop`."""

    def start(self, now_s: float) -> None:
        """Afterwards requests are due."""

    def take(self, room: int, now_s: float) -> list[float]:
        """When each request was due that is to be sent now, at most so many; the oldest first."""

    def wait(self, wake: Callable[[], None]) -> None:
        """Call `wake` in a `tick` when requests are due again, where that depends on time."""

    def tick(self, now_s: float) -> None:
        """Time has gone on. To be called every millisecond or so."""

    def stop(self, now_s: float) -> None:
        """Afterwards nothing is due any more."""

    @property
    def left(self) -> int:
        """How many requests were due and not taken when it was stopped."""


class ClosedLoop:
    """A request is due as soon as there is room for it: who waits for answers asks for less while they are slow."""

    def __init__(self) -> None:
        self._runs = False

    def start(self, now_s: float) -> None:
        """See `Pace`."""
        self._runs = True

    def take(self, room: int, now_s: float) -> list[float]:
        """See `Pace`."""
        return [now_s] * room if self._runs else []

    def wait(self, wake: Callable[[], None]) -> None:
        """See `Pace`: room is all that there is to wait for."""

    def tick(self, now_s: float) -> None:
        """See `Pace`: time makes no difference."""

    def stop(self, now_s: float) -> None:
        """See `Pace`."""
        self._runs = False

    @property
    def left(self) -> int:
        """See `Pace`."""
        return 0


class OpenLoop:
    """Requests are due `rate` times a second, whether or not there is room.

    One that had to wait for room is older than its sending, and its time is counted from when it was due: what a slow
    answer holds up is slow as well."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._began_s = math.inf
        self._stopped_s = math.inf
        self._taken = 0
        self._waiting: dict[Callable[[], None], None] = {}

    def start(self, now_s: float) -> None:
        """See `Pace`."""
        self._began_s = now_s

    def take(self, room: int, now_s: float) -> list[float]:
        """See `Pace`."""
        if now_s >= self._stopped_s:
            return []
        first, self._taken = self._taken, max(self._taken, min(self._taken + room, self._due(now_s)))
        return [self._began_s + number / self._rate for number in range(first, self._taken)]

    def wait(self, wake: Callable[[], None]) -> None:
        """See `Pace`."""
        self._waiting[wake] = None

    def tick(self, now_s: float) -> None:
        """See `Pace`. Those that have waited for longest come first."""
        waiting = self._waiting
        while waiting and now_s < self._stopped_s and self._due(now_s) > self._taken:
            wake = next(iter(waiting))
            del waiting[wake]
            wake()

    def stop(self, now_s: float) -> None:
        """See `Pace`."""
        self._stopped_s = now_s

    @property
    def left(self) -> int:
        """See `Pace`."""
        return max(self._due(self._stopped_s) - self._taken, 0) if self._stopped_s < math.inf else 0

    def _due(self, now_s: float) -> int:
        return int((now_s - self._began_s) * self._rate) if now_s > self._began_s else 0
