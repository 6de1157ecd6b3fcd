"""One connection: bytes in, commands out; replies in, bytes out. Everything is a callback, nothing waits.

All requests that one read of the socket brings are dispatched in one go, and all replies that are ready in a turn go
out in one write. A client that does not read, or that has too much waiting, is not listened to; one that has too much
unread is cut off.
"""

import asyncio
from typing import cast

from tfraft.resp.caller import Caller, Identity
from tfraft.resp.dispatch import dispatch
from tfraft.resp.framing import ForeignProtocol, ProtocolError
from tfraft.resp.hub import Hub
from tfraft.resp.limits import OUTPUT_HIGH_WATER_BYTES
from tfraft.resp.reading import RequestReader
from tfraft.resp.row import Row
from tfraft.store import replies

_TOO_MANY_CLIENTS = b"-ERR max number of clients reached\r\n"


class Connection(asyncio.Protocol):
    """A client of the server that `hub` is of."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._reader = RequestReader(hub.limits)
        self._row = Row(hub.statistics, self._turn_soon)
        self._transport: asyncio.Transport | None = None
        self._caller: Caller | None = None
        self._turn_due = False
        self._is_paused = False
        self._is_full = False  # The other side does not read.
        self._waiting_bytes = 0
        self._began_at_s: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a client in, or say that there is no room."""
        self._transport = cast(asyncio.Transport, transport)
        hub = self._hub
        if len(hub.callers) >= hub.limits.max_clients:
            hub.statistics.rejected_connections += 1
            self._transport.write(_TOO_MANY_CLIENTS)
            self._transport.close()
            return
        hub.statistics.connections += 1
        self._transport.set_write_buffer_limits(high=OUTPUT_HIGH_WATER_BYTES)
        address, local = (_text_of(transport.get_extra_info(name)) for name in ("peername", "sockname"))
        identity = Identity(hub.next_id(), address, local, hub.loop.time())
        self._caller = hub.callers[identity.caller_id] = Caller(hub, identity, self._row, self._hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client; what it has asked for goes on, and its answers are for nobody."""
        if self._caller is not None:
            del self._hub.callers[self._caller.identity.caller_id]
            self._caller.leave()
        self._transport = self._caller = None

    def data_received(self, data: bytes) -> None:
        """Have executed all that is whole now."""
        caller = self._caller
        if caller is None or caller.is_leaving:
            return
        caller.last_heard_s = self._hub.loop.time()
        self._hub.statistics.input_bytes += len(data)
        self._waiting_bytes += len(data)
        self._turn_due = True  # What is ready when all is dispatched goes out below, in one write.
        for args in self._reader.feed(data):
            self._take(caller, args)
        if self._reader.is_between_requests:
            self._began_at_s = None
        elif self._began_at_s is None:
            self._began_at_s = caller.last_heard_s
        self._turn()

    def eof_received(self) -> bool:
        """The client sends nothing more: it still gets what it is owed, and then the connection ends."""
        if self._caller is not None:
            self._caller.is_leaving = True
            self._turn_soon()
        return self._caller is not None

    def pause_writing(self) -> None:
        """The client leaves much unread: do not listen to it."""
        self._is_full = True
        self._listen_or_not()

    def resume_writing(self) -> None:
        """It has read."""
        self._is_full = False
        self._listen_or_not()

    @property
    def is_between_requests(self) -> bool:
        """Whether no request has begun that is not whole."""
        return self._reader.is_between_requests

    def check(self, now_s: float) -> None:
        """End the connection if it has been silent for too long, or is too long about a request."""
        limits, caller = self._hub.limits, self._caller
        if caller is None:
            return
        is_slow = self._began_at_s is not None and now_s - self._began_at_s > limits.request_timeout_s
        is_silent = bool(limits.timeout_s) and not self._row.slots and now_s - caller.last_heard_s > limits.timeout_s
        if not self._is_paused and (is_slow or is_silent):
            self._hang_up()

    def _take(self, caller: Caller, args: list[bytes]) -> None:
        """Dispatch a command, or hold it behind those that are held."""
        if not args or caller.is_leaving:
            return
        if caller.held or not dispatch(caller, args):
            caller.held.append(args)

    def _fail(self, caller: Caller, failure: ProtocolError | ForeignProtocol) -> None:
        """End the connection of a client that does not speak our language, after a word to that if it speaks RESP."""
        if isinstance(failure, ForeignProtocol):
            self._hang_up()
            return
        caller.row.slot(caller.in_resp2, is_silent=False).fill(replies.error(b"ERR " + str(failure).encode()))
        caller.leave()

    def _turn_soon(self) -> None:
        if not self._turn_due:
            self._turn_due = True
            self._hub.loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Go on with what was held, if it can go on, and write what is ready."""
        caller = self._caller
        transport = self._transport
        if caller is None or transport is None:
            return
        while caller.held and dispatch(caller, caller.held[0]):
            if caller.held:
                caller.held.popleft()
        if self._reader.failure is not None and not caller.held and not caller.is_leaving:
            self._fail(caller, self._reader.failure)
        self._turn_due = False
        if transport.is_closing():
            return
        self._write(transport)
        if not self._row.slots:
            self._waiting_bytes = 0
            if caller.is_leaving and not caller.held:
                transport.close()
        self._listen_or_not()

    def _write(self, transport: asyncio.Transport) -> None:
        ready = self._row.take_ready()
        if ready:
            data = b"".join(ready) if len(ready) > 1 else ready[0]
            self._hub.statistics.output_bytes += len(data)
            transport.write(data)
        if self._row.unsent_bytes + transport.get_write_buffer_size() > self._hub.limits.max_output_bytes:
            self._hub.statistics.cut_off += 1
            self._hang_up()

    def _listen_or_not(self) -> None:
        """Read from the socket only while the client reads, and does not have too much waiting."""
        limits, caller = self._hub.limits, self._caller
        if caller is None or self._transport is None or self._transport.is_closing():
            return
        waiting = len(self._row.slots) + len(caller.held)
        # With some room to spare, so that it is not stopped and started for each command.
        most = limits.max_waiting_commands // 2 if self._is_paused else limits.max_waiting_commands
        is_busy = self._is_full or waiting > most or (bool(waiting) and self._waiting_bytes > limits.max_waiting_bytes)
        if is_busy and not self._is_paused:
            self._transport.pause_reading()
        elif self._is_paused and not is_busy:
            self._transport.resume_reading()
            self._began_at_s = None if self._reader.is_between_requests else self._hub.loop.time()
        self._is_paused = is_busy

    def _hang_up(self) -> None:
        if self._caller is not None:
            self._caller.leave()
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()


def _text_of(address: object) -> str:
    """host:port, as CLIENT LIST shows it."""
    if isinstance(address, tuple) and len(address) >= 2:
        host, port = address[0], address[1]
        return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
    return f"{address or ''}:0"
