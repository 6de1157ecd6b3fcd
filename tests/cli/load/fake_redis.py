"""A server in a thread that speaks just enough of the Redis protocol, and does what a test wants it to do wrong."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self

import hiredis

DROP = b"drop"
SILENCE = b"silence"

Trouble = Callable[[list[bytes]], bytes | None]


def no_trouble(words: list[bytes]) -> bytes | None:
    """Every request is answered as it should be."""
    return None


class FakeRedis:
    """Within the block it serves at `address`. `seen` counts requests by name; `values` is what it holds.

    `trouble` may give another answer to a request: bytes, DROP for none and the end of the connection, or SILENCE."""

    def __init__(self, trouble: Trouble = no_trouble) -> None:
        self.trouble = trouble
        self.seen: Counter[str] = Counter()
        self.values: dict[bytes, bytes] = {}
        self.address = ""
        self._loop = asyncio.new_event_loop()
        self._connections: set[asyncio.Transport] = set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready: Future[int] = Future()

    def __enter__(self) -> Self:
        self._thread.start()
        self.address = f"127.0.0.1:{self._ready.result(timeout=30)}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Afterwards nobody listens, and all connections have ended. Stopping twice is stopping once."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=30)

    def answer(self, words: list[bytes]) -> bytes:
        """What is answered to a request."""
        name = words[0].decode()
        self.seen[name] += 1
        if (wrong := self.trouble(words)) is not None:
            return wrong
        match name:
            case "GET":
                value = self.values.get(words[1])
                return b"$-1\r\n" if value is None else b"$%d\r\n%b\r\n" % (len(value), value)
            case "DEL":
                return b":%d\r\n" % sum(self.values.pop(key, None) is not None for key in words[1:])
            case "SET":
                self.values[words[1]] = words[2]
        return b"+OK\r\n"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self._loop.create_server(self._connection, "127.0.0.1", 0))
        self._ready.set_result(server.sockets[0].getsockname()[1])
        self._loop.run_forever()
        self._loop.run_until_complete(self._end(server))
        self._loop.close()

    async def _end(self, server: asyncio.Server) -> None:
        server.close()
        # Who has just been accepted becomes a connection first.
        while (accepting := asyncio.all_tasks() - {asyncio.current_task()}) or self._connections:
            for transport in list(self._connections):
                transport.abort()
            if accepting:
                await asyncio.wait(accepting)
            await asyncio.sleep(0)

    def _connection(self) -> "_Connection":
        return _Connection(self, self._connections)


class _Connection(asyncio.Protocol):
    def __init__(self, fake: FakeRedis, connections: set[asyncio.Transport]) -> None:
        self._fake = fake
        self._connections = connections
        self._reader = hiredis.Reader(notEnoughData=None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (words := self._reader.gets()) is not None:
            reply = self._fake.answer(words)
            if reply is DROP:
                self._transport.close()
                return
            if reply is not SILENCE:
                self._transport.write(reply)


def closed_port() -> str:
    """An address where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{unused.getsockname()[1]}"
