"""Who comes in through the door of a TcpServer: a stranger, who turns out to speak our protocol, or gRPC."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final, cast

from tfraft.adapters.network import wire
from tfraft.adapters.network.identity import Claim, Doorplate
from tfraft.adapters.network.protobuf_requests import UnfitRequest
from tfraft.adapters.network.sockets import notice_silence
from tfraft.adapters.network.tcp_frames import (
    GREETING,
    MAX_FRAME_BYTES,
    MAX_HELLO_BYTES,
    FrameKind,
    FrameReader,
    frame,
    header,
    read_hello,
)
from tfraft.adapters.network.tcp_requests import read_number, read_request, write_answer
from tfraft.adapters.network.wire_entries import MalformedMessage
from tfraft.core.requests import Answer, AnswerStatus
from tfraft.ports import Handler

logger = logging.getLogger(__name__)

HELLO_S: Final = 10.0
"""Who has not said by then who it is, or that it speaks gRPC, is hung up on."""
MAX_OPEN_REQUESTS: Final = 1_000
"""So many requests of one connection may wait for their answers before it is not listened to."""

GRPC_GREETING: Final = b"PRI * HTTP/2.0\r\n"[: len(GREETING)]
"""How a connection of HTTP/2, and so of gRPC, begins (RFC 9113 §3.4)."""


class Stranger(asyncio.Protocol):
    """A connection of which nothing is known yet. One of our protocol becomes a `Visitor`; one of gRPC goes to
    `on_grpc`, with its transport and what it has said. `on_lost` is called when it has ended, whatever it was."""

    def __init__(
        self,
        handler: Handler,
        plate: Doorplate,
        on_grpc: "Callable[[Stranger, asyncio.Transport, bytes], None]",
        on_lost: "Callable[[Stranger], None]",
    ) -> None:
        self._handler = handler
        self._plate = plate
        self._on_grpc = on_grpc
        self._on_lost = on_lost
        self._said = b""
        self._speaks_grpc = False
        self._transport: asyncio.Transport | None = None
        self._patience: asyncio.TimerHandle | None = None

    def leave(self) -> None:
        """Hear nothing more, and end once all that was given as an answer is sent. One of gRPC ends by itself."""
        if self._transport is not None and not self._speaks_grpc:
            self._transport.close()

    def abort(self) -> None:
        """End at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = stream = cast(asyncio.Transport, transport)
        notice_silence(stream)
        self._patience = asyncio.get_running_loop().call_later(HELLO_S, stream.abort)

    def data_received(self, data: bytes) -> None:
        transport, patience = self._transport, self._patience
        assert transport is not None, "data comes from a connection that was made"
        assert patience is not None, "and one that was given some time"
        self._said += data
        greeting, rest = self._said[: len(GREETING)], self._said[len(GREETING) :]
        if greeting == GREETING:
            visitor = Visitor(self._handler, self._plate, transport, patience, partial(self._on_lost, self))
            transport.set_protocol(visitor)
            visitor.data_received(rest)
        elif greeting == GRPC_GREETING:
            patience.cancel()
            self._speaks_grpc = True
            self._on_grpc(self, transport, self._said)
        elif not (GREETING.startswith(greeting) or GRPC_GREETING.startswith(greeting)):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._on_lost(self)


class Visitor(asyncio.Protocol):
    """A connection of our protocol: hands what it brings to `handler`, as far as the door with this plate lets it.

    It says HELLO before `patience` ends it."""

    def __init__(
        self,
        handler: Handler,
        plate: Doorplate,
        transport: asyncio.Transport,
        patience: asyncio.TimerHandle,
        on_lost: Callable[[], None],
    ) -> None:
        self._handler = handler
        self._plate = plate
        self._transport = transport
        self._patience = patience
        self._on_lost = on_lost
        self._reader = FrameReader(MAX_HELLO_BYTES)
        self._claim: Claim | None = None
        self._is_known = False
        self._open_requests = 0
        self._is_full = False
        self._is_paused = False

    # --- What asyncio calls ---

    def data_received(self, data: bytes) -> None:
        try:
            for kind, body in self._reader.feed(data):
                # Asked each time: we may have learnt meanwhile of which cluster we are.
                if self._is_known and (objection := self._plate.objection(self._claim)):
                    self._refuse(objection)
                if self._transport.is_closing():
                    return
                self._take(kind, body)
        except MalformedMessage as error:
            self._refuse(str(error))
        self._listen_or_not()

    def pause_writing(self) -> None:
        self._is_full = True
        self._listen_or_not()

    def resume_writing(self) -> None:
        self._is_full = False
        self._listen_or_not()

    def connection_lost(self, exc: Exception | None) -> None:
        self._patience.cancel()
        self._on_lost()

    # --- What it brings ---

    def _take(self, kind: int, body: bytes) -> None:
        match kind:
            case FrameKind.MESSAGE if self._is_known:
                self._handler.receive(wire.decode(body))
            case FrameKind.REQUEST if self._is_known:
                self._request(body)
            case FrameKind.HELLO if not self._is_known:
                self._meet(read_hello(body))
            case _:
                raise MalformedMessage(f"a frame of kind {kind} at this place")

    def _meet(self, claim: Claim | None) -> None:
        """Let it in, or say why not."""
        if objection := self._plate.objection(claim):
            self._refuse(objection)
            return
        self._patience.cancel()
        self._claim, self._is_known = claim, True
        self._reader.max_frame_bytes = MAX_FRAME_BYTES
        self._transport.write(frame(FrameKind.WELCOME))

    def _request(self, body: bytes) -> None:
        on_answer = partial(self._answer, read_number(body))
        self._open_requests += 1
        try:
            request = read_request(body)
        except UnfitRequest as error:
            on_answer(Answer(AnswerStatus.REFUSED, reason=str(error)))
        else:
            self._handler.request(request, on_answer)

    def _answer(self, number: int, answer: Answer) -> None:
        self._open_requests -= 1
        transport = self._transport
        if transport.is_closing():
            return
        for body in write_answer(number, answer):
            transport.writelines((header(FrameKind.ANSWER, len(body)), body))
        if self._is_paused:
            self._listen_or_not()

    def _listen_or_not(self) -> None:
        """Read only while the other side reads, and has not too many requests waiting."""
        if self._transport.is_closing():
            return
        is_busy = self._is_full or self._open_requests >= MAX_OPEN_REQUESTS
        if is_busy and not self._is_paused:
            self._transport.pause_reading()
        elif self._is_paused and not is_busy:
            self._transport.resume_reading()
        self._is_paused = is_busy

    def _refuse(self, why: str) -> None:
        """Say why it is not heard, and hang up."""
        if not self._transport.is_closing():
            logger.info("a connection is refused: %s", why)
            self._transport.write(frame(FrameKind.REFUSED, why.encode(errors="backslashreplace")))
            self._transport.close()
