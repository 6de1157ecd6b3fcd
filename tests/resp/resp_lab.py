"""A server for Redis clients over a store without Raft, and raw connections to it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import wraps
from typing import Any, ParamSpec, assert_never

import uvloop

from tests.adapters.network.recorder import eventually, run
from tfraft.core.requests import Answer, AnswerStatus, ClientCall, ClientQuery, ClientRequest, RegisterClient
from tfraft.node.status import NodeStatus, PeerStatus
from tfraft.ports import OnAnswer
from tfraft.resp.limits import RespLimits
from tfraft.resp.server import RespServer
from tfraft.store.envelope import Command, Registration
from tfraft.store.session import OutcomeKind
from tfraft.store.sessions import Sessions
from tfraft.store.store import Store

P = ParamSpec("P")

STATUS = NodeStatus(
    server_id="a",
    role="leader",
    current_term=7,
    voted_for="a",
    leader_id="a",
    first_index=1,
    last_index=12,
    commit_index=10,
    last_applied=10,
    voters={"a": "10.0.0.1:1", "b": "10.0.0.2:2", "c": "10.0.0.3:3"},
    peers=[PeerStatus("b", 10, 11, 0, 0.1), PeerStatus("c", 8, 9, 0, 0.1)],
    cluster_id="house",
)
_STATUS_OF = {
    OutcomeKind.DONE: AnswerStatus.OK,
    OutcomeKind.EXPIRED: AnswerStatus.SESSION_EXPIRED,
    OutcomeKind.REFUSED: AnswerStatus.REFUSED,
}


class StoreGateway:
    """A gateway to a store with sessions. It answers at once, or when `release` is called, if it `holds`.

    Each `refusal` is the answer to one request, which is then not executed."""

    def __init__(self) -> None:
        self.sessions = Sessions(Store())
        self.index = 0
        self.time_ms = 1_000
        self.holds = False
        self.asked: list[ClientCall] = []
        self.held: list[tuple[ClientCall, OnAnswer]] = []
        self.refusals: list[Answer] = []
        self.current = STATUS

    def request(self, request: ClientCall, on_answer: OnAnswer) -> None:
        self.asked.append(request)
        if self.holds:
            self.held.append((request, on_answer))
        else:
            on_answer(self._answer(request))

    def status(self) -> NodeStatus:
        return self.current

    def release(self, count: int | None = None, *, last_first: bool = False) -> None:
        """Answer what is held, in order or the other way round; or the first `count` of it."""
        held = self.held[:count]
        del self.held[:count]
        for request, on_answer in reversed(held) if last_first else held:
            on_answer(self._answer(request))

    def lose_leader(self) -> None:
        self.current = replace(self.current, role="follower", leader_id=None, peers=[])

    def _answer(self, request: ClientCall) -> Answer:
        if self.refusals:
            return self.refusals.pop(0)
        self.index += 1
        match request:
            case RegisterClient():
                outcome = self.sessions.register(self.index, Registration(self.time_ms, 60_000, 100).encode())
            case ClientRequest(command, client_id, sequence_num, lowest_unanswered):
                entry = Command(self.time_ms, command, client_id, sequence_num, lowest_unanswered)
                outcome = self.sessions.apply(entry.encode())
            case ClientQuery(query):
                return Answer(AnswerStatus.OK, self.sessions.query(query))
            case _:
                assert_never(request)
        return Answer(_STATUS_OF[outcome.kind], outcome.response, reason=outcome.reason)


class Client:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def expect(self, data: bytes) -> None:
        """Read as much as `data` has, and see that it is `data`."""
        async with asyncio.timeout(20):
            seen = await self.reader.readexactly(len(data)) if data else b""
        assert seen == data

    async def ask(self, data: bytes, reply: bytes) -> None:
        """Send `data`, and see that `reply` comes."""
        self.send(data)
        await self.expect(reply)

    async def talk(self, data: bytes) -> bytes:
        """Send `data`, and give all that comes until the answer to a PING behind it."""
        self.send(data + b"*2\r\n$4\r\nPING\r\n$7\r\nthe-end\r\n")
        async with asyncio.timeout(20):
            return (await self.reader.readuntil(b"$7\r\nthe-end\r\n")).removesuffix(b"$7\r\nthe-end\r\n")

    async def rest(self) -> bytes:
        """All that comes until the other side ends the connection, in whatever way."""
        async with asyncio.timeout(20):
            seen = b""
            try:
                while data := await self.reader.read(65536):
                    seen += data
            except ConnectionError:
                pass
            return seen

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


class Lab:
    """The server, its gateway, and the clients that a test has made."""

    def __init__(self, limits: RespLimits) -> None:
        self.gateway = StoreGateway()
        self.server = RespServer("127.0.0.1", 0, self.gateway, limits)
        self.clients: list[Client] = []

    async def client(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.server.port, limit=1 << 26))
        self.clients.append(client)
        return client

    async def asked(self, count: int) -> None:
        """Wait until the gateway has been asked so often."""
        await eventually(lambda: len(self.gateway.asked) >= count)


@asynccontextmanager
async def lab(limits: RespLimits | None = None) -> AsyncIterator[Lab]:
    """A server that listens, and is gone at the end with all its clients."""
    one = Lab(limits or RespLimits())
    await one.server.start()
    try:
        yield one
    finally:
        for client in one.clients:
            await client.close()
        await one.server.stop()


def on_both_loops(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """The test as pytest wants it: run to its end on asyncio's loop, and then on uvloop's."""

    @wraps(test)
    def runs(*args: P.args, **kwargs: P.kwargs) -> None:
        for new_loop in (asyncio.new_event_loop, uvloop.new_event_loop):
            run(test(*args, **kwargs), new_loop)

    return runs


def request(*words: bytes | str) -> bytes:
    """A request as clients send it."""
    encoded = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n%b" % (len(encoded), b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded))


def requests(text: str) -> bytes:
    """Several, one a line, their words cut at spaces."""
    return b"".join(request(*line.split()) for line in text.strip().splitlines())
