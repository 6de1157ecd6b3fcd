"""Clients with a session: they send a write again and again, here and there, and it must happen once (§6.3)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from tfraft.core.configuration import ServerId
from tfraft.core.requests import Answer, AnswerStatus, ClientRequest, RegisterClient
from tfraft.simulator.callers import Caller, Outcome
from tfraft.simulator.chance import Chance, Draw, pick
from tfraft.simulator.clients import BACK_OFF_S, Client
from tfraft.simulator.loop import VirtualLoop
from tfraft.simulator.workload import Wish

MOST_TRIES: Final = 30
"""After so many tries a client gives a write up, and goes on with the next number."""
COPIED: Final = 0.1
"""How likely a copy of a request arrives somewhere later on."""
TELLS_AFTER: Final = (0, 1, 5)
"""So many numbers later, by client, the servers are told which responses they may forget."""


@dataclass(slots=True)
class Errand:
    """A write under way, under its number of the session and its number in the history."""

    wish: Wish
    request: ClientRequest
    operation: int
    tries: int = 0
    may_have_happened: bool = False
    """Whether some copy of it has no answer, or an answer that nobody heard."""


class SessionClient(Client):
    """Reads as every client does; sends each write until it knows what became of it."""

    def __init__(
        self,
        caller: Caller,
        loop: VirtualLoop,
        chance: Chance,
        servers: Callable[[], Sequence[ServerId]],
        think_time_s: float,
        wish: Callable[[Draw, bytes], Wish],
    ) -> None:
        self._client_id = 0
        self._sequence_num = 0
        self._copied = chance.stream("copied", caller.name)
        self._tells_after = pick(chance.stream("tells after", caller.name), TELLS_AFTER)
        super().__init__(caller, loop, chance, servers, think_time_s, wish)

    def _get(self, wish: Wish) -> None:
        if wish.is_read:
            super()._get(wish)
        elif not self._client_id:
            self._caller.call(self._target, RegisterClient(), partial(self._registered, wish))
        else:
            self._write(wish)

    def _registered(self, wish: Wish, answer: Answer) -> None:
        if answer.status is AnswerStatus.OK:
            self._client_id, self._sequence_num = int(answer.response), 0
            self._pause(BACK_OFF_S, partial(self._get, wish))
        else:
            self._failed(answer.leader_hint, self._next)

    def _write(self, wish: Wish) -> None:
        self._sequence_num += 1
        lowest_unanswered = max(self._sequence_num - self._tells_after, 0)
        request = ClientRequest(wish.command(), self._client_id, self._sequence_num, lowest_unanswered)
        self._try(Errand(wish, request, self._caller.invoke(wish)))

    def _try(self, errand: Errand) -> None:
        errand.tries += 1
        if self._copied() < COPIED:
            errand.may_have_happened = True
            self._caller.send_late(errand.request)
        self._caller.call(self._target, errand.request, partial(self._answered, errand))

    def _answered(self, errand: Errand, answer: Answer) -> None:
        match answer.status:
            case AnswerStatus.OK:
                self._caller.ended(errand.operation, Outcome.DONE, answer)
                self._got(errand.wish)
            case AnswerStatus.SESSION_EXPIRED | AnswerStatus.REFUSED:
                self._client_id = 0
                self._give_up(errand, answer)
            case _:
                errand.may_have_happened |= answer.status is AnswerStatus.TIMEOUT
                if errand.tries < MOST_TRIES and not self._stopped:
                    self._failed(answer.leader_hint, partial(self._try, errand))
                else:
                    self._give_up(errand, answer)

    def _give_up(self, errand: Errand, answer: Answer) -> None:
        """That this request was not executed says nothing of another copy of it."""
        outcome = Outcome.UNKNOWN if errand.may_have_happened else Outcome.REFUSED
        self._caller.ended(errand.operation, outcome, answer)
        self._failed(answer.leader_hint, self._next)
