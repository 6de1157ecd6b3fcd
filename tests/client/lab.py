"""A cluster of one with a real store, and a client of such servers: what goes wrong between them is up to the test."""

from collections.abc import Callable, Coroutine
from typing import Any

from tests.adapters.network.recorder import run
from tfraft.adapters.network.memory import MemoryNetwork, MemoryServer
from tfraft.client.routing import ClusterClient
from tfraft.core.messages import Message
from tfraft.core.requests import (
    Answer,
    AnswerStatus,
    ClientBatch,
    ClientRequest,
    NodeRequest,
    RegisterClient,
)
from tfraft.node.batch import request_all
from tfraft.ports import OnAnswer, OnReply
from tfraft.store import Store
from tfraft.store.envelope import Command, Registration
from tfraft.store.session import OutcomeKind
from tfraft.store.sessions import Sessions

ADD = [b"SSET", b"colours", b"red"]
"""A write whose answer tells whether it was the first: 1, then 0."""
GET = [b"GET", b"k"]
NEW, OLD = b":1\r\n", b":0\r\n"
OVERLOADED = Answer(AnswerStatus.OVERLOADED, reason="too much to do")
REFUSED = Answer(AnswerStatus.REFUSED, reason="no room for the response")
NOT_LEADER = Answer(AnswerStatus.NOT_LEADER)
OUTCOMES = {OutcomeKind.DONE: AnswerStatus.OK, OutcomeKind.EXPIRED: AnswerStatus.SESSION_EXPIRED}


class Leader:
    """A cluster of one, as a client sees it. `fates` are those of the next writes:

    "lost"      executed, and the reply gets lost
    "timeout"   executed, and all that the client hears is that nobody knows
    "nothing"   the request gets lost
    an answer   not executed, and answered so
    """

    def __init__(self, *fates: str | Answer, max_sessions: int = 100) -> None:
        self.fates = list(fates)
        self.sessions = Sessions(Store())
        self.index = 0
        self.registrations: list[int] = []
        self.writes: list[ClientRequest] = []
        self.others: list[NodeRequest] = []
        self.batches: list[int] = []
        self.max_sessions = max_sessions

    def receive(self, message: Message, on_reply: OnReply | None = None) -> None:
        raise AssertionError("a client sends requests only")

    def request(self, request: NodeRequest, on_answer: OnAnswer) -> None:
        match request:
            case RegisterClient():
                self.open_session()
                on_answer(Answer(AnswerStatus.OK, b"%d" % self.index))
            case ClientRequest():
                self.writes.append(request)
                self._write(request, on_answer)
            case ClientBatch():
                self.batches.append(len(request.requests))
                request_all(request, self.request, on_answer)
            case _:
                self.others.append(request)
                on_answer(Answer(AnswerStatus.OK, b"_\r\n"))

    def open_session(self) -> None:
        """Open one; the oldest ends if there are too many."""
        self.index += 1
        self.sessions.register(self.index, Registration(self.index, 1_000_000, self.max_sessions).encode())
        self.registrations.append(self.index)

    def _write(self, request: ClientRequest, on_answer: OnAnswer) -> None:
        fate = self.fates.pop(0) if self.fates else "answered"
        if isinstance(fate, Answer):
            on_answer(fate)
        if isinstance(fate, Answer) or fate == "nothing":
            return
        self.index += 1
        outcome = self.sessions.apply(
            Command(
                self.index, request.command, request.client_id, request.sequence_num, request.lowest_unanswered
            ).encode()
        )
        if fate == "timeout":
            on_answer(Answer(AnswerStatus.TIMEOUT, reason="the leader was lost"))
        elif fate == "answered":
            on_answer(Answer(OUTCOMES[outcome.kind], outcome.response, reason=outcome.reason))


def with_client(test: Callable[[ClusterClient], Coroutine[Any, Any, None]], *leaders: Leader) -> None:
    """Run `test` with a client of these servers, n1, n2 and so on."""

    async def main() -> None:
        network = MemoryNetwork()
        names = [f"n{number}" for number in range(1, len(leaders) + 1)]
        for name, leader in zip(names, leaders, strict=True):
            server = MemoryServer()
            network.add(name, server)
            await server.start(leader)
        client = ClusterClient(network.connect, {name: name for name in names})
        try:
            await test(client)
        finally:
            await client.close()

    run(main())
