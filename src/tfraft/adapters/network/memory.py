"""The network inside one process: messages are handed over by reference, a turn of the event loop later.

    network = MemoryNetwork()
    server = MemoryServer()
    network.add("n1", server)
    node = await RaftNode.create("n1", server, state, network.connect, leader=True)
    peer = network.peer("n1")

An address here is the name under which a server was added. Of the event loop it needs only `call_soon`, `call_at`,
`time` and `create_future`, so it runs in virtual time as well.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Final

from tfraft.adapters.network.futures import settle
from tfraft.core.configuration import ServerId
from tfraft.core.messages import Message
from tfraft.core.requests import Answer, AnswerStatus, NodeRequest
from tfraft.errors import SettingError
from tfraft.ports import Handler, PeerConnection

MAX_WAITING_MESSAGES: Final = 16_384
"""The most messages that wait for one server until its next turn; further ones are dropped."""

_NEVER_ARRIVED = Answer(AnswerStatus.NOT_LEADER)
_UNKNOWN = Answer(AnswerStatus.TIMEOUT)


class MemoryServer:
    """The Server of a node in this process; `MemoryNetwork.add` gives it its address."""

    def __init__(self) -> None:
        self._address = ""
        self._handler: Handler | None = None
        self._mail: list[Message] = []
        self._asked: set[asyncio.Future[Answer]] = set()

    @property
    def address(self) -> str:
        """The name under which this server was added to its network; empty before."""
        return self._address

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped since."""
        return self._handler is not None

    async def start(self, handler: Handler) -> None:
        """Afterwards everything that arrives goes to `handler`. Raises `SettingError` where it has no address."""
        if not self._address:
            raise SettingError("a MemoryServer must be added to a MemoryNetwork before it starts")
        assert not self.running, "a server that runs is not started"
        self._handler = handler

    async def stop(self) -> None:
        """Afterwards nothing arrives any more; requests without an answer end as not known."""
        self._handler = None
        self._mail = []
        for answer in tuple(self._asked):
            settle(answer, _UNKNOWN)

    def named(self, name: str) -> None:
        """Make `name` the address of this server; for `MemoryNetwork.add`."""
        self._address = name

    def post(self, message: Message) -> None:
        """Hand `message` to the handler at the next turn of the loop, in one go with all that comes until then."""
        if self._handler is None or len(self._mail) >= MAX_WAITING_MESSAGES:
            return
        if not self._mail:
            asyncio.get_running_loop().call_soon(self._deliver)
        self._mail.append(message)

    def ask(self, request: NodeRequest, answer: "asyncio.Future[Answer]") -> None:
        """Hand `request` to the handler now; `answer` gets what it answers, or that it never arrived."""
        if answer.done():
            return
        if self._handler is None:
            settle(answer, _NEVER_ARRIVED)
            return
        self._asked.add(answer)
        answer.add_done_callback(self._asked.discard)
        self._handler.request(request, partial(settle, answer))

    def _deliver(self) -> None:
        mail, self._mail = self._mail, []
        for message in mail:
            if self._handler is None:  # It stopped while it read its mail.
                return
            self._handler.receive(message)


class MemoryNetwork:
    """Joins the servers that are added to it, and no others: networks in one process know nothing of each other."""

    def __init__(self) -> None:
        self._servers: dict[str, MemoryServer] = {}

    def add(self, name: str, server: MemoryServer) -> None:
        """Make `name` the address of `server`, in place of a server that has stopped.

        Raises `SettingError` where a running server has this name."""
        if name in self._servers and self._servers[name].running:
            raise SettingError(f"{name} already runs in this network")
        self._servers[name] = server
        server.named(name)

    def connect(self, server_id: ServerId, address: str) -> PeerConnection:
        """The way to the server at `address`, or to the one added as `server_id` where that is empty."""
        return _MemoryConnection(self._servers, address or server_id)

    def peer(self, server_id: ServerId) -> PeerConnection:
        """The way to the server that was, or will be, added as `server_id`."""
        return self.connect(server_id, "")


class _MemoryConnection:
    """The way to whatever server has the name `address` when something is sent."""

    def __init__(self, servers: Mapping[str, MemoryServer], address: str) -> None:
        self._servers = servers
        self._address = address
        self._asked: set[asyncio.Future[Answer]] = set()
        self._closed = False

    def send(self, message: Message) -> None:
        server = self._servers.get(self._address)
        if server is not None and not self._closed:
            server.post(message)

    async def request(self, request: NodeRequest, timeout_s: float) -> Answer:
        server = self._servers.get(self._address)
        if server is None or self._closed:
            return _NEVER_ARRIVED
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._asked.add(answer)
        loop.call_soon(server.ask, request, answer)
        deadline = loop.call_at(loop.time() + timeout_s, settle, answer, _UNKNOWN)
        try:
            return await answer
        finally:
            deadline.cancel()
            self._asked.discard(answer)

    async def close(self) -> None:
        self._closed = True
        for answer in tuple(self._asked):
            settle(answer, _UNKNOWN)
