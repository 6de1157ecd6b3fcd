"""The ports: what the node needs from the world, as promises. An adapter keeps them; `tests/contracts/` checks each.

    Server          lets others reach this node
    PeerConnection  reaches another node
    StateManager    keeps term, vote and log over a crash
    SnapshotStore   keeps the latest snapshot over a crash
    StateMachine    what the cluster replicates

Everything here is called on the node's event loop, and every callback comes back on it. A callback is called exactly
once, possibly before the call that takes it returns.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import ServerId
from tfraft.core.effects import Save, Saved
from tfraft.core.messages import Message, Reply
from tfraft.core.requests import Answer, NodeRequest
from tfraft.errors import TfRaftError

OnAnswer = Callable[[Answer], None]
OnReply = Callable[[Reply], None]
OnSaved = Callable[[TfRaftError | None], None]


class Handler(Protocol):
    """What a Server hands everything to that arrives: the node."""

    def receive(self, message: Message, on_reply: OnReply | None = None) -> None:
        """Take a message from another server; it may be old, doubled or out of order.

        The reply goes over the sender's PeerConnection; where `on_reply` is given (a unary call), to that instead. It
        is called at most once, and never if the term has moved on meanwhile."""

    def request(self, request: NodeRequest, on_answer: OnAnswer) -> None:
        """Take a request of a client or an operator; `on_answer` gets its one answer.

        There is no time limit here: a request that cannot be committed waits. Whoever called sets the limit."""


class Server(Protocol):
    """The door of a node: receives messages and requests and hands them to a `Handler`."""

    @property
    def address(self) -> str:
        """Where others reach this server; the network adapter alone gives it a meaning."""

    async def start(self, handler: Handler) -> None:
        """Afterwards everything that arrives goes to `handler`. Raises TfRaftError where the address is taken."""

    async def stop(self) -> None:
        """Afterwards nothing arrives any more, and the address is free. Stopping twice is stopping once."""


class PeerConnection(Protocol):
    """The way to another node. Makes its connection by itself, and again whenever it is lost."""

    def send(self, message: Message) -> None:
        """Send and forget: returns at once. The message may be lost, never altered; a full queue drops it."""

    async def request(self, request: NodeRequest, timeout_s: float) -> Answer:
        """Ask the node itself, without following hints. Raises nothing but asyncio.CancelledError.

        Within about `timeout_s` gives the node's answer, or NOT_LEADER if it certainly never got the request, or
        TIMEOUT if that is not known."""

    async def close(self) -> None:
        """Afterwards the connection is gone and `send` does nothing."""


PeerFactory = Callable[[ServerId, str], PeerConnection]
"""Makes the way to the server of this id at this address."""


class StateManager(Protocol):
    """Keeps what Figure 3.1 calls persistent state, for one server."""

    def load(self) -> Saved | None:
        """Read what is on disk; None where this server has never run. May block; called once, before `save`.

        Takes the exclusive use of its files. Raises `DataError` (damaged, locked, foreign) and then changes nothing."""

    def save(self, save: Save, on_saved: OnSaved) -> None:
        """Make `save` durable, then call `on_saved(None)`. Never blocks the loop for longer than it takes to hand over.

        The node starts one save at a time. A crash at any moment leaves the state from before or from after, whole.
        If anything fails, `on_saved` gets the error, the save is not retried, and what is on disk is open until `load`.
        """

    def trim(self, base: Base, on_trimmed: OnSaved) -> None:
        """Let the log on disk begin after `base`, whose state is in a durable snapshot. In order with the saves.

        Once `on_trimmed(None)` has come, `load` gives `base` and the entries after it; a crash before leaves the old
        base or this one. A base that is not above the one there changes nothing. Errors are as with `save`."""

    def repaired(self) -> None:
        """From now on `load` says no more that the disk is `repairing`, durably before this returns. Not in a hurry.

        Called only where `load` has said so. An error is for the next `load`: then the server is repaired once more."""

    def close(self) -> None:
        """Wait for the save under way, then free the files. Closing twice is closing once."""


@runtime_checkable
class Repairable(Protocol):
    """A StateManager whose damaged log can be put away, so that the server begins anew and is filled by the others."""

    def set_aside(self) -> Path:
        """Where `load` has raised CorruptState: move the log into a directory of its own, durably; that directory.

        Blocks. From then on `load` gives an empty log that says it is `repairing`, in a higher incarnation."""


@runtime_checkable
class HasSnapshotFiles(Protocol):
    """A SnapshotStore whose files go with such a log."""

    def set_aside(self, directory: Path) -> None:
        """Move all snapshots into `directory`, durably. Blocks."""


class SnapshotWriter(Protocol):
    """A snapshot on its way to disk, piece by piece; nobody sees it before `finish`.

    One call is under way at a time: the next is made after the callback of the last. All callbacks come on the loop."""

    def write(self, data: bytes, on_written: OnSaved) -> None:
        """Put `data` after what was written before. An error ends the writer: it is aborted then, never retried."""

    def finish(self, expected: Snapshot | None, on_finished: "OnSnapshot") -> None:
        """Make what was written the latest snapshot, durably, whole or not at all; `on_finished` gets it.

        Where `expected` is given, size and checksum must be its own: else `on_finished` gets `CorruptSnapshot`, and
        the latest snapshot stays what it was. So it does where a snapshot of a higher index is there already, which
        `on_finished` then gets."""

    def abort(self) -> None:
        """Forget what was written. Aborting twice, or after `finish`, does nothing."""


class SnapshotStore(Protocol):
    """Keeps the latest snapshot of one server (ch. 5), in files that belong to it beside those of its StateManager."""

    def load(self) -> Snapshot | None:
        """The latest whole snapshot; None where there is none. May block; called once, after `StateManager.load`.

        Removes what a crash left unfinished. Checks every byte: raises `CorruptSnapshot` if the latest is damaged."""

    def create(self, base: Base) -> SnapshotWriter:
        """Begin a snapshot of the state at `base`. At most one of our own and one of a leader's are begun at a time."""

    def read(self, snapshot: Snapshot, offset: int, size_bytes: int, on_read: "OnRead") -> None:
        """Give `on_read` these bytes of `snapshot`; None where it is not the latest any more or cannot be read."""

    def pieces(self, snapshot: Snapshot) -> Iterator[bytes]:
        """All bytes of `snapshot`, the latest, in pieces of any length, checked. Blocks. Raises `CorruptSnapshot`."""

    def close(self) -> None:
        """Wait for what is under way, then free the files. Closing twice is closing once."""


OnSnapshot = Callable[[Snapshot | TfRaftError], None]
OnRead = Callable[[bytes | None], None]


@runtime_checkable
class StateMachine(Protocol):
    """What the cluster replicates. Deterministic: the same commands in the same order give the same state anywhere.

    Total: whatever the bytes, it answers and never raises; an error is an answer."""

    def apply(self, command: bytes) -> bytes:
        """Execute a committed command; its result."""

    def query(self, query: bytes) -> bytes:
        """Answer without changing anything."""

    def snapshot(self) -> Iterator[bytes]:
        """The whole state as pieces of bytes, such that `restore` of them gives an equal one.

        It is the state of the moment at which the first piece is asked for, though commands are applied between the
        pieces: so that nobody waits for long, a large state is cut into pieces of about `PIECE_BYTES`. One snapshot
        is made at a time; `close` of the iterator gives it up."""

    def restore(self, pieces: Iterable[bytes]) -> None:
        """Replace the whole state by that of a snapshot, whose bytes come in pieces cut anywhere.

        Raises TfRaftError, and changes nothing, if it is damaged."""


PIECE_BYTES: Final = 64 * 1024
