"""Clients: state machines that want one thing after the other, and follow hints or stick to their node."""

from collections.abc import Callable, Sequence
from typing import Final

from tfraft.core.configuration import ServerId
from tfraft.simulator.callers import Caller, Outcome
from tfraft.simulator.chance import Chance, Draw, about, pick
from tfraft.simulator.loop import VirtualLoop
from tfraft.simulator.workload import Wish

STICKY: Final = 0.4
"""How many of the clients stay with their node: they find a leader that does not know yet that it is none."""
LEAVES_AFTER: Final = 12
"""How often in a row such a client gets nothing before it goes elsewhere after all."""
BACK_OFF_S: Final = 0.08
"""How long a client that got nothing waits before it asks again, on the average."""


class Client:
    """Wants something by chance, from the beginning of the run until it is told to stop.

    `servers` tells which ones it may ask: those that it has heard of by then."""

    def __init__(
        self,
        caller: Caller,
        loop: VirtualLoop,
        chance: Chance,
        servers: Callable[[], Sequence[ServerId]],
        think_time_s: float,
        wish: Callable[[Draw, bytes], Wish],
    ) -> None:
        self.done: dict[str, int] = {}
        """How many operations of each name have an answer."""
        self._caller = caller
        self._loop = loop
        self._servers = servers
        self._think_time_s = think_time_s
        self._draw_wish = wish
        self._think = chance.stream("think", caller.name)
        self._want = chance.stream("wish", caller.name)
        self._choose = chance.stream("client's target", caller.name)
        self._is_sticky = chance.stream("sticky", caller.name)() < STICKY
        self._target = pick(self._choose, servers())
        self._wishes = 0
        self._failures = 0
        """How many of its last operations in a row came to nothing."""
        self._stopped = False
        self._pause(think_time_s, self._next)

    def stop(self) -> None:
        """Want nothing more; what is under way goes on."""
        self._stopped = True

    def _pause(self, mean_s: float, then: Callable[[], None]) -> None:
        self._loop.call_later(about(self._think, mean_s), then)

    def _next(self) -> None:
        if self._stopped:
            return
        self._wishes += 1
        self._get(self._draw_wish(self._want, f"{self._caller.name}:{self._wishes}".encode()))

    def _get(self, wish: Wish) -> None:
        """Ask once: what comes of it is the end of the wish."""

        def on_end(outcome: Outcome, hint: ServerId) -> None:
            if outcome is Outcome.DONE:
                self._got(wish)
            else:
                self._failed(hint, self._next)

        self._caller.ask(self._target, wish, on_end)

    def _got(self, wish: Wish) -> None:
        self.done[wish.name] = self.done.get(wish.name, 0) + 1
        self._failures = 0
        self._pause(self._think_time_s, self._next)

    def _failed(self, hint: ServerId, then: Callable[[], None]) -> None:
        """Go on elsewhere; a value that was refused is never used again: it shows if it was written after all."""
        self._failures += 1
        if not self._is_sticky or self._failures % LEAVES_AFTER == 0:
            servers = self._servers()
            self._target = hint if hint in servers else pick(self._choose, servers)
        self._pause(BACK_OFF_S, then)
