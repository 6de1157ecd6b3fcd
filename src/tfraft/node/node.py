"""RaftNode: one running server of the cluster.

It feeds `core.Raft` with what arrives and carries out its effects, once per turn of the event loop: all that arrives
before the turn runs is one batch. Everything is a callback; the node uses nothing of the loop but `time`, `call_soon`
and `call_at`, so that the very same node runs on the simulator's loop.
"""

import asyncio
import time
from collections.abc import Callable
from itertools import repeat
from random import Random, SystemRandom
from types import TracebackType
from typing import Self

from tfraft.core.config import RaftConfig
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Committed, ConfirmedReads, Effects, Envelope, Save, Saved
from tfraft.core.entry import EntryKind
from tfraft.core.messages import AppendEntriesReply, Message, RequestVoteReply, ServerId, address_in, sender_of
from tfraft.core.raft import Raft
from tfraft.core.requests import AddServer, Answer, AnswerStatus, ClientQuery, ClientRequest, NodeRequest, RemoveServer
from tfraft.errors import TfRaftError
from tfraft.node.status import Event, EventKind, LogEntry, NodeStatus, log_entries, status_of
from tfraft.node.story import Story
from tfraft.ports import OnAnswer, OnReply, PeerConnection, PeerFactory, Server, StateMachine, StateManager
from tfraft.record import record
from tfraft.store.store import Store

MAIL_GRACE_S = 0.01
"""A process that was held up reads its mail for this long before it believes that an election timer has run out."""

OnEvent = Callable[[Event], None]


@record
class Read:
    """A read that waits to be confirmed; called with an answer it ends, like any other who waits."""

    query: bytes
    on_answer: OnAnswer

    def __call__(self, answer: Answer) -> None:
        self.on_answer(answer)


class RaftNode:
    """One server: a `ports.Handler` for what arrives, and the only user of its state manager and state machine.

    Make it with `create`; an async context manager that stops it at the end. Who only simulates uses the constructor
    and `start`, which need no coroutine."""

    def __init__(
        self,
        server_id: ServerId,
        saved: Saved,
        state: StateManager,
        peers: PeerFactory,
        machine: StateMachine,
        config: RaftConfig,
        rng: Random,
        loop: asyncio.AbstractEventLoop,
        observe: OnEvent | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.server_id = server_id
        self.machine = machine
        self.raft = Raft(config, server_id, rng, loop.time(), saved)
        self._state = state
        self._loop = loop
        self._config = config
        self._connect = peers
        self._peers: dict[ServerId, tuple[str, PeerConnection]] = {}
        self._retired: list[PeerConnection] = []
        self._told_addresses: dict[ServerId, str] = {}
        self._callers: dict[ServerId, OnReply] = {}
        self._server: Server | None = None
        self._turn_due = False
        self._held_replies: list[Envelope] = []
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0
        self._was_late = False
        self._running = False
        self._story = Story(self.raft.state, observe, wall_clock)

    @classmethod
    async def create(
        cls,
        server_id: ServerId,
        server: Server,
        state: StateManager,
        peers: PeerFactory,
        *,
        leader: bool = False,
        configuration: Configuration | None = None,
        machine: StateMachine | None = None,
        config: RaftConfig | None = None,
        rng: Random | None = None,
        observe: OnEvent | None = None,
    ) -> Self:
        """Start a server from what `state` holds; afterwards it answers at `server.address`.

        If `state` holds nothing: with `leader` it founds a cluster of which it is the only server, and others join by
        `AddServer`; with `configuration` it is one of these voters, all of which must be founded with the same; with
        neither it waits until a leader contacts it, and never starts an election before (§4.4).
        Raises DataError if the state cannot be used, TfRaftError if the server cannot listen."""
        loop = asyncio.get_running_loop()
        saved = await asyncio.to_thread(state.load)
        if saved is None:
            if leader:
                configuration = Configuration.of({server_id: server.address})
            saved = await found(state, configuration)
        node = cls(
            server_id,
            saved,
            state,
            peers,
            machine or Store(),
            config or RaftConfig(),
            rng or Random(SystemRandom().getrandbits(64)),
            loop,
            observe,
        )
        node._server = server
        try:
            await server.start(node)
        except BaseException:
            state.close()
            raise
        node.start()
        return node

    def start(self) -> None:
        """Begin: from now on the election timer runs and what arrives is heard."""
        self._running = True
        self._story.tell(EventKind.STARTED, f"{self.server_id} started with {self.raft.state.log.last_index} entries")
        self._schedule_turn()

    # --- What arrives ---

    def receive(self, message: Message, on_reply: OnReply | None = None) -> None:
        """Take a message from another server (see `ports.Handler`)."""
        if not self._running:
            return
        sender = sender_of(message)
        if address := address_in(message):
            self._told_addresses[sender] = address
        if on_reply is not None:
            self._callers[sender] = on_reply
        self.raft.receive(message, self._loop.time())
        self._schedule_turn()

    def request(self, request: NodeRequest, on_answer: OnAnswer) -> None:
        """Take a request of a client or an operator (see `ports.Handler`)."""
        if not self._running:
            on_answer(Answer(AnswerStatus.NOT_LEADER, reason=f"{self.server_id} is stopped"))
            return
        match request:
            case ClientRequest(command=command):
                self.raft.propose(command, on_answer)
            case ClientQuery(query=query):
                self.raft.query(Read(query, on_answer))
            case AddServer():
                self.raft.add_server(request, on_answer)
            case RemoveServer():
                self.raft.remove_server(request, on_answer)
        self._schedule_turn()

    # --- The turn ---

    def _schedule_turn(self) -> None:
        if not self._turn_due:
            self._turn_due = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._turn_due = False
        if not self._running:
            return
        effects = self.raft.take_effects()
        self._carry_out(effects)
        self._story.observe(effects)
        self._arm_timer()

    def _carry_out(self, effects: Effects) -> None:
        """Do what the turn asks for, in the order of the fields of `Effects`, which is the contract."""
        self._send(effects.messages)
        if effects.save is not None:
            self._held_replies = effects.replies
            self._save(effects.save)
        else:
            self._send(effects.replies)
        if effects.committed is not None:
            self._apply(effects.committed)
        for reads in effects.reads:
            self._answer_reads(reads)
        for settled in effects.settled:
            settled.token(settled.answer)

    def _send(self, envelopes: list[Envelope]) -> None:
        for server, message in envelopes:
            if isinstance(message, RequestVoteReply | AppendEntriesReply) and server in self._callers:
                self._callers.pop(server)(message)
            else:
                self._peer(server).send(message)

    def _peer(self, server: ServerId) -> PeerConnection:
        """The way to a server; a new one when it has moved. A server tells its address if no configuration does."""
        address = self.raft.state.address_of(server) or self._told_addresses.get(server, "")
        known_address, peer = self._peers.get(server, ("", None))
        if peer is None or known_address != address:
            if peer is not None:
                self._retired.append(peer)
            peer = self._connect(server, address)
            self._peers[server] = (address, peer)
        return peer

    def _save(self, save: Save) -> None:
        def on_saved(error: TfRaftError | None) -> None:
            if not self._running:
                return
            if error is not None:
                self._fail(error)
                return
            self.raft.saved(save.current_term, save.last_index)
            replies, self._held_replies = self._held_replies, []
            self._send(replies)
            self._schedule_turn()

        self._state.save(save, on_saved)

    def _apply(self, committed: Committed) -> None:
        entries = committed.entries
        for kind, data, token in zip(entries.kinds, entries.data, committed.tokens or repeat(None), strict=False):
            answer = self._apply_one(data) if kind == EntryKind.COMMAND else Answer(AnswerStatus.OK)
            if token is not None:
                token(answer)

    def _apply_one(self, command: bytes) -> Answer:
        """Apply a command. A state machine must not raise; if one does, that is its answer, the same on every server.

        Stopping instead would stop every server, and again at every start, at the same entry."""
        try:
            return Answer(AnswerStatus.OK, self.machine.apply(command))
        except Exception as error:
            return Answer(AnswerStatus.REFUSED, reason=f"the state machine raised {error!r}")

    def _answer_reads(self, reads: ConfirmedReads) -> None:
        assert reads.read_index <= self.raft.state.last_applied, "a read before what it must see is applied"
        for read in reads.tokens:
            read(Answer(AnswerStatus.OK, self.machine.query(read.query)))

    # --- Time ---

    def _arm_timer(self) -> None:
        """Wake up by the next deadline. A timer that is too early is left to fire: most deadlines only move on."""
        if self._timer is None or self.raft.deadline < self._timer_at:
            self._wake_at(self.raft.deadline)

    def _wake_at(self, at: float) -> None:
        """Set the timer; its time is kept here, since a loop may give a handle that does not know it."""
        self._cancel_timer()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._on_timer)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timer(self) -> None:
        """Let time pass, after the mail: a process that was held up may have a heartbeat in its socket."""
        self._timer = None
        late_s = self._loop.time() - self._timer_at
        if late_s > self._config.heartbeat_interval_s and not self._was_late:
            self._was_late = True
            self._wake_at(self._loop.time() + MAIL_GRACE_S)
            return
        self._was_late = False
        self.raft.tick(self._loop.time())
        self._schedule_turn()

    # --- The end ---

    def _fail(self, error: TfRaftError) -> None:
        """The disk failed: stop at once. Nothing that is not on disk has been acknowledged, and nothing will be."""
        self._story.tell(EventKind.STORAGE_FAILED, f"{self.server_id} stops: {error}", "§3.8")
        self.halt()

    def halt(self) -> None:
        """Stop hearing and speaking, and answer everybody who waits; what is bound to the loop is left to `stop`."""
        if not self._running:
            return
        self._running = False
        self._cancel_timer()
        for settled in self.raft.halt():
            settled.token(settled.answer)

    async def stop(self) -> None:
        """Stop in good order; afterwards the address and the files are free. Stopping twice is stopping once."""
        was_running = self._running
        self.halt()
        if self._server is not None:
            await self._server.stop()
        for peer in [*self._retired, *(peer for _, peer in self._peers.values())]:
            await peer.close()
        await asyncio.to_thread(self._state.close)
        if was_running:
            self._story.tell(EventKind.STOPPED, f"{self.server_id} stopped")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    # --- What it says of itself ---

    def status(self) -> NodeStatus:
        """This node at this moment."""
        return status_of(self.raft.state, self._loop.time())

    def log(self, first: int, last: int) -> list[LogEntry]:
        """The entries from `first` to `last`, as far as this node has them."""
        return log_entries(self.raft.state, first, last)


async def found(state: StateManager, configuration: Configuration | None) -> Saved:
    """Make the first state of a server durable: the configuration before its log; none if it is to be contacted."""
    if configuration is None:
        return Saved()
    done: asyncio.Future[TfRaftError | None] = asyncio.get_running_loop().create_future()
    state.save(Save(0, None, configuration=configuration), done.set_result)
    error = await done
    if error is not None:
        state.close()
        raise error
    return Saved(configuration=configuration)
