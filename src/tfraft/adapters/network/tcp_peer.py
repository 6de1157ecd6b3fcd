"""The way to another node over TCP: one connection for messages and requests, made anew whenever it is lost."""

import asyncio
import logging
from collections.abc import Callable
from itertools import count
from typing import Final

from tfraft.adapters.network.identity import Claim
from tfraft.adapters.network.names import address_fault
from tfraft.adapters.network.outbox import Outbox
from tfraft.adapters.network.protobuf_requests import UnfitRequest
from tfraft.adapters.network.tcp_frames import MAX_FRAME_BYTES
from tfraft.adapters.network.tcp_link import UNKNOWN, Refused, TcpLink
from tfraft.adapters.network.tcp_requests import write_request
from tfraft.core.configuration import ServerId
from tfraft.core.messages import Message
from tfraft.core.requests import Answer, AnswerStatus, NodeRequest
from tfraft.errors import Unavailable

logger = logging.getLogger(__name__)

_WRITE_BYTES: Final = 1024 * 1024
"""A write takes waiting messages up to this size, and at least one."""
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 0.5
"""Between one try to connect and the next: a node is back within seconds."""
_REFUSED_PAUSE_S: Final = 5.0
"""The same where the server has said that we are not heard: somebody has to change an address first."""
_CONNECT_S: Final = 2.0
"""One try to connect takes at most so long, with the WELCOME."""
_MAX_REQUEST_BYTES: Final = MAX_FRAME_BYTES - 1024
_NOT_DELIVERED: Final = Answer(AnswerStatus.NOT_LEADER)


class TcpPeerConnection:
    """The way to the server `server_id` at `address`; connects when the first message or request is sent.

    `refusal` is why the server does not hear us, in its own words; empty as long as it does."""

    def __init__(self, server_id: ServerId, address: str, claim: Callable[[], Claim | None] = lambda: None) -> None:
        self.server_id = server_id
        self.refusal = ""
        self._address = address
        self._claim = claim
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox()
        self._numbers = count()
        self._link: TcpLink | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        """Whether the last try to connect has ended: then it is known whether there is a link."""
        self._closed = False

    def send(self, message: Message) -> None:
        """Send `message`, or queue it; drops it where the queue is full, and while the server cannot be reached."""
        if self._closed or (self._link is None and self._tried.is_set()):
            return
        self._outbox.put(message)
        if self._link is None:
            self._keep_connected()
        else:
            self._write()

    async def request(self, request: NodeRequest, timeout_s: float) -> Answer:
        """Ask the server. The request counts as delivered from the moment at which it is handed to a connection."""
        number = next(self._numbers)
        try:
            body = write_request(number, request)
        except UnfitRequest as error:
            return Answer(AnswerStatus.REFUSED, reason=str(error))
        if len(body) > _MAX_REQUEST_BYTES:
            return Answer(AnswerStatus.REFUSED, reason=f"a request may have at most {_MAX_REQUEST_BYTES} bytes")
        link = None
        try:
            async with asyncio.timeout(timeout_s):
                link = await self._stands()
                if link is not None:
                    return await link.ask(number, body)
        except TimeoutError:
            pass
        if link is not None:
            return UNKNOWN
        return Answer(AnswerStatus.REFUSED, reason=self.refusal) if self.refusal else _NOT_DELIVERED

    async def close(self) -> None:
        """Afterwards the connection is gone and `send` does nothing; requests under way end as not known."""
        self._closed = True
        self.refusal = ""
        if self._keeper is not None:
            self._keeper.cancel()
            self._tried.set()  # The keeper may not even have begun, and then says nothing at its end.
            await asyncio.wait([self._keeper])

    async def _stands(self) -> TcpLink | None:
        """The link, as soon as it is known whether there is one."""
        if self._closed:
            return None
        self._keep_connected()
        await self._tried.wait()
        return self._link

    def _keep_connected(self) -> None:
        if self._keeper is None:
            self._keeper = self._loop.create_task(self._connect_again_and_again(), name=f"link to {self.server_id}")

    async def _connect_again_and_again(self) -> None:
        """Hold a link to the server, and make a new one whenever it ends."""
        pause_s = _FIRST_PAUSE_S
        try:
            while True:
                if await self._connect():
                    pause_s = _FIRST_PAUSE_S
                await asyncio.sleep(_REFUSED_PAUSE_S if self.refusal else pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        finally:
            self._tried.set()  # Whoever waits for a link learns that there is none.

    async def _connect(self) -> bool:
        """Make a link and hold it until it ends; whether there was one."""
        link = TcpLink(self._claim(), self._loop, self._write)
        try:
            async with asyncio.timeout(_CONNECT_S):
                await self._loop.create_connection(lambda: link, *_host_and_port(self._address))
                await link.welcomed
            self._link = link
            self._tried.set()
            self.refusal = ""
            self._write()
            await link.lost
        except Refused as refused:
            self._refused(str(refused))
            return False
        except (OSError, ValueError, Unavailable):  # A time-out is an OSError as well; a name of no host a ValueError.
            return False
        finally:
            self._link = None
            self._outbox.clear()
            self._tried.set()
            link.close()
        return True

    def _write(self) -> None:
        """Hand what waits to the connection, as far as it has room."""
        link = self._link
        while link is not None and link.has_room and (messages := self._outbox.take(_WRITE_BYTES)):
            link.send(messages)

    def _refused(self, why: str) -> None:
        if self.refusal != why:
            logger.warning("%s at %s refuses our messages: %s", self.server_id, self._address, why)
        self.refusal = why


def _host_and_port(address: str) -> tuple[str, int]:
    """Raises `Unavailable` for what is no address."""
    if fault := address_fault(address):
        raise Unavailable(fault)
    host, _, port = address.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)
