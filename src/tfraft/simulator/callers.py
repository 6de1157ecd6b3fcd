"""One attempt to get something from a node: over a network that may lose it, for as long as the caller is patient."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Final

from tfraft.core.configuration import ServerId
from tfraft.core.requests import Answer, AnswerStatus, NodeRequest
from tfraft.ports import OnAnswer
from tfraft.simulator.chance import Chance, between, pick
from tfraft.simulator.desk import Desk
from tfraft.simulator.history import History
from tfraft.simulator.host import Host
from tfraft.simulator.loop import VirtualLoop
from tfraft.simulator.workload import Wish, result_of

LOSS: Final = 0.02
"""How likely a question is lost, and how likely an answer, while there are faults."""
TRAVEL_S: Final = (0.0002, 0.003)
"""How long a question or an answer is on its way."""
LATE_S: Final = (0.05, 6.0)
"""How much later a copy of a question arrives somewhere: after elections, after the answer, after other questions."""


class Outcome(Enum):
    """How an attempt ended, as far as the caller knows."""

    DONE = "done"
    REFUSED = "refused"
    """It was not executed and never will be."""
    UNKNOWN = "unknown"
    """It may have been executed, or may yet be."""


OnEnd = Callable[[Outcome, ServerId], None]
"""Told once how an attempt ended, and which server to try next: empty where nobody said."""

NOTHING_HEARD = Answer(AnswerStatus.TIMEOUT, reason="the caller has lost patience")


@dataclass(slots=True)
class Attempt:
    """One question under way."""

    on_answer: OnAnswer
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
        self.history = history
        self._loop = loop
        self._lost = chance.stream("loss", name)
        self._delay = chance.stream("delay", name)
        self._late = chance.stream("late copy", name)
        self._hosts = hosts
        self._desk = desk
        self._patience_s = patience_s
        self._names = 1

    def ask(self, target: ServerId, wish: Wish, on_end: OnEnd) -> None:
        """Try to get `wish` from `target`; `on_end` is told within the time of the caller's patience."""
        number = None if wish.is_stale else self.invoke(wish)

        def on_answer(answer: Answer) -> None:
            outcome = outcome_of(answer)
            if number is not None:
                self.ended(number, outcome, answer)
            on_end(outcome, answer.leader_hint)

        self.call(target, wish.request(), on_answer)

    def invoke(self, wish: Wish) -> int:
        """Put the beginning of an operation into the history; its number there."""
        return self.history.invoke(f"{self.name}.{self._names}", wish.key, wish.name, wish.value)

    def ended(self, number: int, outcome: Outcome, answer: Answer) -> None:
        """Put the end of an operation into the history."""
        match outcome:
            case Outcome.DONE:
                self.history.complete(number, result_of(answer.response))
            case Outcome.REFUSED:
                self.history.never_happened(number)
            case Outcome.UNKNOWN:
                self._names += 1

    def call(self, target: ServerId, request: NodeRequest, on_answer: OnAnswer) -> None:
        """Send `request` to `target`; `on_answer` gets the one answer, or that there is none."""
        attempt = Attempt(on_answer)
        self._loop.call_later(self._patience_s, self._hear, attempt, NOTHING_HEARD)
        self._travel(self._arrive, attempt, target, request)

    def send_late(self, request: NodeRequest) -> None:
        """Let a copy of `request` arrive at any server, a while later; nobody hears the answer."""
        target = pick(self._late, list(self._hosts))
        attempt = Attempt(lambda answer: None)
        self._loop.call_later(between(self._late, *LATE_S), self._arrive, attempt, target, request)

    def _travel(self, callback: Callable[..., None], *args: object) -> None:
        travel_s = between(self._delay, *TRAVEL_S)
        if self._lost() >= self.loss:
            self._loop.call_later(travel_s, callback, *args)

    def _arrive(self, attempt: Attempt, target: ServerId, request: NodeRequest) -> None:
        host = self._hosts[target]
        if host.running:
            self._desk.ask(host, request, partial(self._travel, self._hear, attempt))
        else:
            self._travel(self._hear, attempt, Answer(AnswerStatus.NOT_LEADER, reason="connection refused"))

    def _hear(self, attempt: Attempt, answer: Answer) -> None:
        if attempt.is_open:
            attempt.is_open = False
            attempt.on_answer(answer)


def outcome_of(answer: Answer) -> Outcome:
    """What an answer says of the one request that it answers."""
    match answer.status:
        case AnswerStatus.OK:
            return Outcome.DONE
        case AnswerStatus.TIMEOUT:
            return Outcome.UNKNOWN
        case _:
            return Outcome.REFUSED
