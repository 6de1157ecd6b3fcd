"""A splice: two connections that become one, each carrying on what the other receives."""

import asyncio
from collections.abc import Callable
from typing import cast


class SpliceEnd(asyncio.Protocol):
    """One of the two ends, of a connection that is open already or is about to be.

    What the other side cannot take yet is not read from this one. `on_lost` is called when the connection has ended."""

    def __init__(self, transport: asyncio.Transport | None = None, on_lost: Callable[[], None] = lambda: None) -> None:
        self._transport = transport
        self._on_lost = on_lost
        self._other: SpliceEnd | None = None
        self._has_ended = False
        """Whether nothing more comes from this side."""

    def join(self, other: "SpliceEnd") -> None:
        """From now on these two are the ends of one splice."""
        self._other, other._other = other, self

    def close(self) -> None:
        """End this side, once all that it was given has been sent."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._beyond is not None:
            self._beyond.write(data)

    def eof_received(self) -> bool:
        if not self._has_ended:
            self._has_ended = True
            if self._other is not None and self._other._has_ended:
                self._other.close()
            elif self._beyond is not None:
                self._beyond.write_eof()
        # The other direction may go on.
        return self._other is None or not self._other._has_ended

    def pause_writing(self) -> None:
        if self._beyond is not None:
            self._beyond.pause_reading()

    def resume_writing(self) -> None:
        if self._beyond is not None:
            self._beyond.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._other is not None:
            self._other.close()
        self._on_lost()

    @property
    def _beyond(self) -> asyncio.Transport | None:
        """The connection on the other side, while it is open."""
        other = None if self._other is None else self._other._transport
        return None if other is None or other.is_closing() else other
