"""TcpLink: one TCP connection to another server, from its WELCOME to its end."""

import asyncio
from collections.abc import Callable
from typing import Final, cast

from tfraft.adapters.network import protobuf_requests
from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.futures import settle
from tfraft.adapters.network.identity import Claim
from tfraft.adapters.network.sockets import notice_silence
from tfraft.adapters.network.tcp_frames import (
    GREETING,
    MAX_FRAME_BYTES,
    MAX_HELLO_BYTES,
    FrameKind,
    FrameReader,
    frame,
    header,
    write_hello,
)
from tfraft.adapters.network.tcp_requests import read_number, read_part
from tfraft.adapters.network.wire_entries import MalformedMessage
from tfraft.core.requests import Answer, AnswerStatus
from tfraft.errors import Unavailable

UNKNOWN: Final = Answer(AnswerStatus.TIMEOUT)


class Refused(Exception):
    """The server does not hear us; the text is why, in its own words."""


class TcpLink(asyncio.Protocol):
    """A connection that makes `claim`. `on_room` is called whenever there is room to write again after there was none.

    `welcomed` ends once the server hears us; it raises `Refused`, or `Unavailable` where the connection has ended.
    `lost` ends with the connection."""

    def __init__(self, claim: Claim | None, loop: asyncio.AbstractEventLoop, on_room: Callable[[], None]) -> None:
        self.welcomed: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        self.has_room = True
        self._claim = claim
        self._loop = loop
        self._on_room = on_room
        self._reader = FrameReader(MAX_HELLO_BYTES)
        self._transport: asyncio.Transport | None = None
        self._asked: dict[int, tuple[asyncio.Future[Answer], list[pb.Answers]]] = {}

    def send(self, messages: list[bytes]) -> None:
        """Send messages in the form of `wire`."""
        if self._transport is not None:
            parts = [part for message in messages for part in (header(FrameKind.MESSAGE, len(message)), message)]
            self._transport.writelines(parts)

    async def ask(self, number: int, request: bytes) -> Answer:
        """Send the body of a REQUEST of this number, and wait for its answer; `UNKNOWN` where the connection ends."""
        if self._transport is None:
            return UNKNOWN
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._asked[number] = answer, []
        self._transport.writelines((header(FrameKind.REQUEST, len(request)), request))
        try:
            return await answer
        finally:
            self._asked.pop(number, None)

    def close(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    # --- What asyncio calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = stream = cast(asyncio.Transport, transport)
        notice_silence(stream)
        stream.write(GREETING + frame(FrameKind.HELLO, write_hello(self._claim)))

    def data_received(self, data: bytes) -> None:
        try:
            for kind, body in self._reader.feed(data):
                self._take(kind, body)
        except MalformedMessage as error:
            self._end(Unavailable(f"what listens there is no server of ours: {error}"))

    def pause_writing(self) -> None:
        self.has_room = False

    def resume_writing(self) -> None:
        self.has_room = True
        self._on_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fail(Unavailable("the connection has ended"))
        for answer, _ in self._asked.values():
            settle(answer, UNKNOWN)
        settle(self.lost, None)

    # --- What the server says ---

    def _take(self, kind: int, body: bytes) -> None:
        match kind:
            case FrameKind.ANSWER:
                self._take_part(body)
            case FrameKind.WELCOME:
                self._reader.max_frame_bytes = MAX_FRAME_BYTES
                settle(self.welcomed, None)
            case FrameKind.REFUSED:
                self._end(Refused(body.decode(errors="backslashreplace")))
            case _:
                raise MalformedMessage(f"a frame of kind {kind}")

    def _take_part(self, body: bytes) -> None:
        asked = self._asked.get(read_number(body))
        if asked is None:
            return  # Whoever asked waits no more.
        answer, parts = asked
        part, is_last = read_part(body)
        parts.append(part)
        if is_last:
            settle(answer, protobuf_requests.read_answers(parts))

    def _end(self, why: Exception) -> None:
        self._fail(why)
        self.close()

    def _fail(self, why: Exception) -> None:
        if not self.welcomed.done():
            self.welcomed.set_exception(why)
            self.welcomed.exception()  # Known from now on, whether anybody still waits or not.
