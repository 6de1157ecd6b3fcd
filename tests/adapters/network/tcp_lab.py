"""Servers, callers and mute or foreign machines over TCP, for the tests of that network."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvloop

from tests.adapters.network import recorder
from tests.adapters.network.recorder import DEADLINE_S, Recorder
from tfraft.adapters.network.identity import Claim
from tfraft.adapters.network.tcp import TcpServer
from tfraft.adapters.network.tcp_frames import GREETING, Frame, FrameKind, FrameReader, frame, write_hello
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.messages import AppendEntries
from tfraft.core.requests import Answer, AnswerStatus

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
Run = Callable[[Coroutine[Any, Any, None]], None]
"""Runs a story to its end, on one of the loops."""

OK = Answer(AnswerStatus.OK, b"answer")
MIB = 1024 * 1024
WELCOME = frame(FrameKind.WELCOME)

on_each_loop = pytest.mark.parametrize("loop_factory", [None, uvloop.new_event_loop], ids=["asyncio", "uvloop"])


def run(story: Coroutine[Any, Any, None], loop_factory: LoopFactory | None) -> None:
    """Run `story` on a loop of this kind; fails if anything goes wrong behind its back."""
    recorder.run(story, loop_factory)


def hello(claim: Claim | None = None) -> bytes:
    """What a node with this claim says first, or a client."""
    return GREETING + frame(FrameKind.HELLO, write_hello(claim))


def batch(number: int, size: int) -> AppendEntries:
    """A message of this size that replicates."""
    return AppendEntries(1, "n1", number, 0, Entries.of(Entry(1, EntryKind.COMMAND, bytes(size))))


@asynccontextmanager
async def serving(handler: Recorder, server: TcpServer | None = None) -> AsyncIterator[TcpServer]:
    """A server that has started, this one or any; it stops at the end."""
    server = server or TcpServer()
    await server.start(handler)
    try:
        yield server
    finally:
        await server.stop()


class Wire:
    """One end of a TCP connection, by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._frames = FrameReader()
        self._heard: list[Frame] = []

    async def say(self, *parts: bytes) -> None:
        """Write all of it, as soon as the other side takes it."""
        self.writer.write(b"".join(parts))
        await self.writer.drain()

    async def hear(self) -> Frame | None:
        """The next frame that the other side says; None once it has hung up."""
        async with asyncio.timeout(DEADLINE_S):
            while not self._heard:
                data = b""
                with suppress(ConnectionError):  # It may hang up without having read all that we said.
                    data = await self.reader.read(MIB)
                if not data:
                    return None
                self._heard += self._frames.feed(data)
        return self._heard.pop(0)

    async def until_it_ends(self) -> list[Frame]:
        """All frames that the other side says before it hangs up."""
        frames = []
        while (one := await self.hear()) is not None:
            frames.append(one)
        return frames


@asynccontextmanager
async def dialling(address: str) -> AsyncIterator[Wire]:
    """A connection to `address` over which nothing has been said yet."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


Meet = Callable[[Wire], Awaitable[None]]
"""What a server that is none of ours does with a connection."""


@asynccontextmanager
async def foreign_server(meet: Meet) -> AsyncIterator[str]:
    """The address of a server that is none of ours, and that does `meet` with each connection, then ends it."""
    tasks: set[asyncio.Task[None]] = set()

    async def keep(wire: Wire) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await meet(wire)
        finally:
            wire.writer.transport.abort()

    def admit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(keep(Wire(reader, writer))))

    server = await asyncio.start_server(admit, "127.0.0.1", 0, limit=1024)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(outcome is None or isinstance(outcome, asyncio.CancelledError) for outcome in outcomes), outcomes


async def greeted(wire: Wire) -> None:
    """Return once the other side has said who it is."""
    await wire.reader.readexactly(len(hello()))
