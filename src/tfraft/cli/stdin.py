"""Lines of a pipe, a file or a terminal, read without holding up the event loop."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import suppress

from tfraft.store import MAX_COMMAND_BYTES

# Each byte of the longest command may be written as \xHH.
MAX_LINE_BYTES = 4 * MAX_COMMAND_BYTES
_CHUNK_BYTES = 64 * 1024


async def lines(fd: int, max_line_bytes: int = MAX_LINE_BYTES) -> AsyncIterator[str | None]:
    """Each line read from `fd`, without its end; None in place of one that is too long. Reads only when asked to."""
    line = bytearray()
    too_long = False
    while chunk := await _chunk(fd):
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            line += end
            yield None if too_long or len(line) > max_line_bytes else _text(line)
            line.clear()
            too_long = False
        line += rest
        if len(line) > max_line_bytes:
            line.clear()
            too_long = True
    if line or too_long:
        yield None if too_long else _text(line)


def _text(line: bytearray) -> str:
    """The line as text; bytes that are no UTF-8 become surrogates, which `tokens.split` makes bytes again."""
    return line.decode("utf-8", "surrogateescape")


async def _chunk(fd: int) -> bytes:
    """The next bytes of `fd`, empty at its end.

    A thread of its own: a file cannot be waited for by the event loop, and the program must be able to end while
    a terminal or a pipe has nothing to say. It holds no lock of Python's own streams: dying with it is harmless."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()

    def settle(data: bytes) -> None:
        if not answer.done():
            answer.set_result(data)

    def read() -> None:
        try:
            data = os.read(fd, _CHUNK_BYTES)
        except OSError:
            data = b""  # A terminal that hung up is at its end.
        with suppress(RuntimeError):  # The loop is closed: nobody waits any more.
            loop.call_soon_threadsafe(settle, data)

    threading.Thread(target=read, name="stdin", daemon=True).start()
    return await answer
