"""A plain Redis client for tests: it says what was answered, and hides nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import hiredis

Reply = object
Lost = ConnectionError


class RedisClient:
    """One connection; a reply is what hiredis makes of it, an error reply a `hiredis.ReplyError`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._replies = hiredis.Reader()

    async def ask(self, *words: str) -> Reply:
        """Send one command; its reply. Raises `Lost` where the connection ends before it comes."""
        parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
        self._writer.write(f"*{len(words)}\r\n{''.join(parts)}".encode())
        while (reply := self._replies.gets()) is False:
            data = await self._reader.read(65_536)
            if not data:
                raise Lost("the server has hung up")
            self._replies.feed(data)
        return reply

    async def close(self) -> None:
        """End the connection."""
        self._writer.close()


@asynccontextmanager
async def redis_client(address: str) -> AsyncIterator[RedisClient]:
    """A connection to the node at `address`, `host:port`, within the block."""
    host, _, port = address.rpartition(":")
    client = RedisClient(*await asyncio.open_connection(host, int(port)))
    try:
        yield client
    finally:
        await client.close()
