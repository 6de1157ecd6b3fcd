"""One client of a load: a connection that keeps requests under way, and comes back when it is lost."""

import asyncio
from collections import deque
from time import perf_counter
from typing import Final, cast

import hiredis

from tfraft.cli.load.pace import Pace
from tfraft.cli.load.tally import Tally
from tfraft.cli.load.workload import Workload
from tfraft.clusters.addresses import host_of, port_of
from tfraft.record import record

LOST: Final = "LOST"
"""The word for requests whose connection ended before their answer."""
NOT_REDIS: Final = "NOT_REDIS"
"""The word for requests that were answered by what is not the Redis protocol."""
CONNECT_WAIT_S: Final = 5.0
_RETRY_S: Final = 0.1
_ERROR_PAUSE_S: Final = 0.01
"""A client that was refused waits so long, for a server that refuses at once would get nothing else to do."""
_NOTHING: Final = object()


@record
class Load:
    """What all clients of a load share."""

    pace: Pace
    workload: Workload
    tally: Tally
    pipeline: int
    greeting: tuple[bytes, int]
    """The requests that open a connection, and how many they are."""


class LoadConnection(asyncio.Protocol):
    """Keeps up to `pipeline` requests under way until the pace stops. `lost` is done once the connection is.

    Until `begin` it only greets; `greeted` is done when that has been answered, or cannot be."""

    def __init__(self, load: Load) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._load = load
        self._reader = _new_reader()
        self._under_way: deque[tuple[float, bool]] = deque()
        self._greetings = load.greeting[1]
        self._has_begun = False
        self._is_open = False
        self._transport: asyncio.Transport | None = None
        self.greeted: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()

    @property
    def under_way(self) -> int:
        """How many requests have no answer yet."""
        return len(self._under_way)

    def begin(self) -> None:
        """From now on requests are sent."""
        self._has_begun = True
        self._is_open = self._transport is not None and not self.lost.done()
        self._fill()

    def close(self, word: str, now_s: float) -> None:
        """End the connection; requests under way have failed by this word."""
        self._is_open = False
        self._load.tally.fail(word, now_s, len(self._under_way))
        self._under_way.clear()
        if self._transport is not None:
            self._transport.abort()

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._load.greeting[0])

    def connection_lost(self, exc: Exception | None) -> None:
        self.close(LOST, perf_counter())
        self._transport = None
        self._load.tally.losses += self._has_begun
        for future in (self.greeted, self.lost):
            if not future.done():
                future.set_result(None)

    def pause_writing(self) -> None:
        self._is_open = False

    def resume_writing(self) -> None:
        self.begin()

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            if self._greetings:
                self._take_greetings()
            elif self._take_answers():
                self._loop.call_later(_ERROR_PAUSE_S, self._fill)
            else:
                self._fill()
        except (hiredis.ProtocolError, IndexError):  # IndexError: an answer to nothing that was asked.
            self.close(NOT_REDIS, perf_counter())

    # --- requests and answers ---

    def _take_greetings(self) -> None:
        while self._greetings and (reply := self._reader.gets()) is not _NOTHING:
            self._greetings -= 1
            if isinstance(reply, hiredis.ReplyError):
                self._load.tally.fail(word_of(reply), perf_counter())
                self.close(LOST, perf_counter())
                return
        if not self._greetings and not self.greeted.done():
            self.greeted.set_result(None)

    def _take_answers(self) -> int:
        """Count all answers that have come; how many of them are errors."""
        now_s = perf_counter()
        tally = self._load.tally
        stretch = tally.at(now_s)
        next_reply, next_request = self._reader.gets, self._under_way.popleft
        answered = errors = 0
        while (reply := next_reply()) is not _NOTHING:
            due_s, is_read = next_request()
            if isinstance(reply, hiredis.ReplyError):
                errors += 1
                tally.fail(word_of(reply), now_s)
                continue
            answered += 1
            if is_read:
                stretch.reads.record(int((now_s - due_s) * 1e6))
                if reply is None:
                    tally.missing += 1
            else:
                stretch.writes.record(int((now_s - due_s) * 1e6))
        tally.answered(answered)
        return errors

    def _fill(self) -> None:
        """Send what is due, as far as there is room."""
        load, under_way = self._load, self._under_way
        room = load.pipeline - len(under_way)
        if not self._is_open or room <= 0:
            return
        due = load.pace.take(room, perf_counter())
        if due:
            next_request = load.workload.next
            parts = []
            for due_s in due:
                is_read, request = next_request()
                under_way.append((due_s, is_read))
                parts.append(request)
            assert self._transport is not None, "an open connection has a transport"
            self._transport.write(b"".join(parts))
        if len(due) < room:
            load.pace.wait(self._fill)


class LoadClient:
    """Connects to one of the addresses, and to the next where that cannot be had or is lost."""

    def __init__(self, load: Load, addresses: tuple[str, ...], first: int) -> None:
        self._load = load
        self._addresses = addresses
        self._next = first
        self.connection: LoadConnection | None = None

    @property
    def under_way(self) -> int:
        """How many requests have no answer yet."""
        return self.connection.under_way if self.connection else 0

    def end(self, word: str, now_s: float) -> None:
        """End the connection; requests under way have failed by this word."""
        if self.connection is not None:
            self.connection.close(word, now_s)

    async def connect(self) -> LoadConnection:
        """Try until there is a connection whose greeting was answered; it may be lost again already."""
        while True:
            address = self._addresses[self._next % len(self._addresses)]
            self._next += 1
            try:
                async with asyncio.timeout(CONNECT_WAIT_S):
                    connection = await self._greet(address)
            except OSError:  # TimeoutError is one.
                connection = None
            if connection is not None and not connection.lost.done():
                self.connection = connection
                return connection
            await asyncio.sleep(_RETRY_S)

    async def run(self) -> None:
        """Have requests under way for ever."""
        while True:
            connection = self.connection or await self.connect()
            connection.begin()
            await asyncio.shield(connection.lost)
            self.connection = None

    async def _greet(self, address: str) -> LoadConnection:
        loop = asyncio.get_running_loop()
        made: list[LoadConnection] = []

        def make() -> LoadConnection:
            made.append(LoadConnection(self._load))
            return made[-1]

        try:
            _, connection = await loop.create_connection(make, host_of(address), port_of(address))
            await asyncio.shield(connection.greeted)
        except BaseException:
            for one in made:
                one.close(LOST, perf_counter())
            raise
        return connection


def word_of(error: Exception) -> str:
    """The first word of an error that a server has answered, by which it is counted."""
    return (str(error).split(maxsplit=1) or ["ERR"])[0][:40]


def _new_reader() -> hiredis.Reader:
    # Values that are no UTF-8 must not matter, so nothing is decoded.
    return hiredis.Reader(notEnoughData=_NOTHING)
