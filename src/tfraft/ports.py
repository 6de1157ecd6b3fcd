"""The ports: what the node needs from the world, as promises. An adapter keeps them; `tests/contracts/` checks each.

    Server          lets others reach this node
    PeerConnection  reaches another node
    StateManager    keeps term, vote and log over a crash
    StateMachine    what the cluster replicates

Everything here is called on the node's event loop, and every callback comes back on it. A callback is called exactly
once, possibly before the call that takes it returns.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from tfraft.core.effects import Save, Saved
from tfraft.core.messages import Message, Reply, ServerId
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

    def close(self) -> None:
        """Wait for the save under way, then free the files. Closing twice is closing once."""


@runtime_checkable
class StateMachine(Protocol):
    """What the cluster replicates. Deterministic: the same commands in the same order give the same state anywhere.

    Total: whatever the bytes, it answers and never raises; an error is an answer."""

    def apply(self, command: bytes) -> bytes:
        """Execute a committed command; its result."""

    def query(self, query: bytes) -> bytes:
        """Answer without changing anything."""

    def snapshot(self) -> bytes:
        """The whole state as bytes, such that `restore` of them gives an equal one."""

    def restore(self, snapshot: bytes) -> None:
        """Replace the whole state by that of `snapshot`. Raises TfRaftError, and changes nothing, if it is damaged."""
