"""A caller: one connection as commands see it, with what it has said about itself and how it wants to be answered."""

from collections import deque
from collections.abc import Callable
from dataclasses import field
from enum import Enum
from typing import Final

from tfraft.core.requests import ClientCall, ClientQuery, ClientRequest, Consistency
from tfraft.record import record
from tfraft.resp.hub import Hub
from tfraft.resp.row import Row, Slot, Then


class ReplyMode(Enum):
    """What CLIENT REPLY has asked for."""

    ON = "on"
    OFF = "off"
    SKIP_NEXT = "skip"


_ON: Final = ReplyMode.ON


@record
class Queued:
    """A command of a transaction: `encoded` for the store, or else one that `answer` answers at EXEC."""

    encoded: bytes = b""
    answer: Callable[[], bytes] | None = None


class Transaction:
    """What MULTI has begun. A `spoiled` one is discarded at EXEC, since one of its commands was refused."""

    __slots__ = ("commands", "is_spoiled", "only_reads", "size_bytes")

    def __init__(self) -> None:
        self.commands: list[Queued] = []
        self.is_spoiled = False
        self.only_reads = True
        self.size_bytes = 0


@record
class ReadMode:
    """How a caller wants to read."""

    consistency: Consistency = Consistency.LINEARIZABLE
    max_staleness_s: float = 0.0


@record
class Identity:
    """Who a caller is, by its addresses."""

    caller_id: int
    address: str
    local_address: str
    connected_at_s: float
    library: dict[bytes, bytes] = field(default_factory=dict)


class Caller:
    """One connection. `hang_up` ends it at once; `leave` does so when all that it is owed has been sent."""

    __slots__ = (
        "hang_up",
        "held",
        "hub",
        "identity",
        "in_resp2",
        "is_leaving",
        "last_command",
        "last_heard_s",
        "name",
        "read_mode",
        "reply_mode",
        "row",
        "session_id",
        "transaction",
        "watch_failed",
        "watched",
    )

    def __init__(self, hub: Hub, identity: Identity, row: Row, hang_up: Callable[[], None]) -> None:
        self.hub = hub
        self.identity = identity
        self.row = row
        self.hang_up = hang_up
        self.held: deque[list[bytes]] = deque()  # Commands that wait for reads to be answered.
        self.last_heard_s = identity.connected_at_s
        self.last_command = "NULL"
        self.is_leaving = False
        self.reset()

    def reset(self) -> None:
        """Afterwards the caller is as one that has just connected."""
        self.name = b""
        self.in_resp2 = True
        self.reply_mode = ReplyMode.ON
        self.read_mode = ReadMode()
        self.session_id = 0
        self.transaction: Transaction | None = None
        self.unwatch()

    def unwatch(self) -> None:
        """Afterwards no key is watched."""
        self.watched: dict[bytes, int] = {}
        self.watch_failed = False

    def leave(self) -> None:
        """Execute nothing more, and end when all replies are sent."""
        self.is_leaving = True
        self.held.clear()

    def slot(self, then: Then | None = None) -> Slot:
        """The place for the next reply, in the form that the caller wants now."""
        mode = self.reply_mode
        if mode is _ON:
            return self.row.slot(self.in_resp2, False, then)
        if mode is ReplyMode.SKIP_NEXT:
            self.reply_mode = _ON
        return self.row.slot(self.in_resp2, True, then)

    def ask_read(self, command: bytes, slot: Slot) -> None:
        """Have a read answered: by the log if writes are open, so that it sees them."""
        row = self.row
        if row.open_writes:
            row.open_writes += 1
            self.hub.gateway.request(ClientRequest(command), slot.on_logged_read)
            return
        row.open_reads += 1
        mode = self.read_mode
        self.hub.gateway.request(ClientQuery(command, mode.consistency, mode.max_staleness_s), slot.on_read)

    def ask_write(self, request: ClientCall, slot: Slot) -> None:
        """Have a write done. No read may be open."""
        self.row.open_writes += 1
        self.hub.gateway.request(request, slot.on_write)
