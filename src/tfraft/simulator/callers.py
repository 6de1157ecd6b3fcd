"""One attempt to get something from a node: over a network that may lose it, for as long as the caller is patient."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Final

from tfraft.core.messages import ServerId
from tfraft.core.requests import Answer, AnswerStatus
from tfraft.simulator.chance import Chance, between
from tfraft.simulator.desk import Desk
from tfraft.simulator.history import History
from tfraft.simulator.host import Host
from tfraft.simulator.loop import VirtualLoop
from tfraft.simulator.workload import Wish, result_of

LOSS: Final = 0.02
"""How likely a question is lost, and how likely an answer, while there are faults."""
TRAVEL_S: Final = (0.0002, 0.003)
"""How long a question or an answer is on its way."""


class Outcome(Enum):
    """How an attempt ended, as far as the caller knows."""

    DONE = "done"
    REFUSED = "refused"
    """It was not executed and never will be."""
    UNKNOWN = "unknown"
    """It may have been executed, or may yet be."""


OnEnd = Callable[[Outcome, ServerId], None]
"""Told once how an attempt ended, and which server to try next: empty where nobody said."""


@dataclass(slots=True)
class Attempt:
    """One question under way; `number` is its operation in the history."""

    number: int
    on_end: OnEnd
    is_open: bool = True


class Caller:
    """Who asks, one thing at a time. After an attempt of unknown outcome it goes by a new name: the old one may still
    be at it."""

    def __init__(
        self,
        name: str,
        loop: VirtualLoop,
        chance: Chance,
        hosts: Mapping[ServerId, Host],
        desk: Desk,
        history: History,
        patience_s: float,
    ) -> None:
        self.name = name
        self.loss = LOSS
        self._loop = loop
        self._lost = chance.stream("loss", name)
        self._delay = chance.stream("delay", name)
        self._hosts = hosts
        self._desk = desk
        self._history = history
        self._patience_s = patience_s
        self._names = 1

    def ask(self, target: ServerId, wish: Wish, on_end: OnEnd) -> None:
        """Try to get `wish` from `target`; `on_end` is told within the time of the caller's patience."""
        number = self._history.invoke(f"{self.name}.{self._names}", wish.key, wish.name, wish.value)
        attempt = Attempt(number, on_end)
        self._loop.call_later(self._patience_s, self._give_up, attempt)
        self._travel(self._arrive, attempt, target, wish)

    def _travel(self, callback: Callable[..., None], *args: object) -> None:
        travel_s = between(self._delay, *TRAVEL_S)
        if self._lost() >= self.loss:
            self._loop.call_later(travel_s, callback, *args)

    def _arrive(self, attempt: Attempt, target: ServerId, wish: Wish) -> None:
        host = self._hosts[target]
        if host.running:
            self._desk.ask(host, wish.request(), partial(self._travel, self._hear, attempt))
        else:
            self._travel(self._hear, attempt, Answer(AnswerStatus.NOT_LEADER, reason="connection refused"))

    def _hear(self, attempt: Attempt, answer: Answer) -> None:
        if not attempt.is_open:
            return
        match answer.status:
            case AnswerStatus.OK:
                self._history.complete(attempt.number, result_of(answer.response))
                self._end(attempt, Outcome.DONE)
            case AnswerStatus.NOT_LEADER | AnswerStatus.REFUSED:
                self._history.never_happened(attempt.number)
                self._end(attempt, Outcome.REFUSED, answer.leader_hint)
            case AnswerStatus.TIMEOUT:
                self._give_up(attempt)

    def _give_up(self, attempt: Attempt) -> None:
        if attempt.is_open:
            self._names += 1
            self._end(attempt, Outcome.UNKNOWN)

    def _end(self, attempt: Attempt, outcome: Outcome, hint: ServerId = "") -> None:
        attempt.is_open = False
        attempt.on_end(outcome, hint)
