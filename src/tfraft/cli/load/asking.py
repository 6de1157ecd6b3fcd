"""A connection that asks one thing after the other: for what comes before a load and after it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import hiredis

from tfraft.cli.escapes import safe
from tfraft.cli.load.client import CONNECT_WAIT_S
from tfraft.cli.load.workload import packed
from tfraft.clusters.addresses import host_of, port_of
from tfraft.errors import CommandError, Unavailable

_ANSWER_WAIT_S: Final = 10.0
_NOTHING: Final = object()


class Asking:
    """One connection; see `connected`."""

    def __init__(self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.address = address
        self._from = reader
        self._to = writer
        self._replies = hiredis.Reader(notEnoughData=_NOTHING)

    async def ask(self, requests: bytes, count: int = 1) -> list[Any]:
        """The answers to so many requests; an error is a `hiredis.ReplyError` among them. Raises Unavailable."""
        try:
            async with asyncio.timeout(_ANSWER_WAIT_S):
                self._to.write(requests)
                return [await self._next() for _ in range(count)]
        except TimeoutError:
            raise Unavailable(f"{self.address} does not answer") from None
        except OSError as error:
            raise Unavailable(f"{self.address}: {error.strerror or error}") from None
        except hiredis.ProtocolError:
            raise Unavailable(f"{self.address} answers, but not in the Redis protocol") from None

    async def _next(self) -> Any:
        while (reply := self._replies.gets()) is _NOTHING:
            data = await self._from.read(65_536)
            if not data:
                raise Unavailable(f"{self.address} ends the connection without an answer")
            self._replies.feed(data)
        return reply


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Asking]:
    """A connection to `address`, within the block. Raises Unavailable where there is none."""
    try:
        async with asyncio.timeout(CONNECT_WAIT_S):
            reader, writer = await asyncio.open_connection(host_of(address), port_of(address))
    except TimeoutError:
        raise Unavailable(f"{address} does not answer") from None
    except OSError:
        raise Unavailable(f"nobody listens at {address}") from None
    try:
        yield Asking(address, reader, writer)
    finally:
        writer.transport.abort()


async def greet(address: str, greeting: list[tuple[str, ...]]) -> None:
    """See that a server at `address` takes this greeting.

    Raises Unavailable where none answers, CommandError with its words where it refuses."""
    async with connected(address) as asking:
        for words in greeting:
            (reply,) = await asking.ask(packed(*words))
            if isinstance(reply, hiredis.ReplyError):
                raise CommandError(f"{address} refuses {' '.join(words)}: {safe(str(reply))}")
