"""RaftNode: one running server of the cluster.

It feeds `core.Raft` with what arrives and carries out its effects, once per turn of the event loop: all that arrives
before the turn runs is one batch. Everything is a callback; the node uses nothing of the loop but `time`, `call_soon`
and `call_at`, so that the very same node runs on the simulator's loop.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from random import Random, SystemRandom
from types import TracebackType
from typing import Self

from tfraft.core.base import Snapshot
from tfraft.core.config import RaftConfig
from tfraft.core.configuration import Configuration, ServerId
from tfraft.core.effects import Effects, Envelope, Save, Saved
from tfraft.core.entry import EntryKind
from tfraft.core.messages import Message
from tfraft.core.raft import Raft
from tfraft.core.requests import (
    Answer,
    AnswerStatus,
    ClientBatch,
    ClientQuery,
    ClientRequest,
    Consistency,
    NodeRequest,
    RegisterClient,
    TransferLeadership,
)
from tfraft.core.state import Role
from tfraft.errors import StorageFailed, TfRaftError, Unavailable
from tfraft.node.alarm import Alarm
from tfraft.node.applying import Applier, Read
from tfraft.node.batch import request_all
from tfraft.node.compaction import Compaction
from tfraft.node.log_time import LogTime
from tfraft.node.mail import Mail
from tfraft.node.opening import close, open_state
from tfraft.node.settings import NodeSettings
from tfraft.node.status import Event, EventKind, LogEntry, NodeStatus, log_entries, status_of
from tfraft.node.story import Story
from tfraft.ports import (
    OnAnswer,
    OnReply,
    OnSnapshot,
    PeerFactory,
    Server,
    SnapshotStore,
    StateMachine,
    StateManager,
)
from tfraft.store.sessions import Sessions
from tfraft.store.store import Store

HAND_OVER_TIMEOUTS = 2
"""A leader that stops waits for so many election timeouts for another to take over, at most."""

OnEvent = Callable[[Event], None]


class RaftNode:
    """One server: a `ports.Handler` for what arrives, and the only user of its state manager and state machine.

    Make it with `create`; an async context manager that stops it at the end. Who only simulates uses the constructor
    and `start`, which need no coroutine; `machine` then holds the state of the `latest` snapshot."""

    def __init__(
        self,
        server_id: ServerId,
        saved: Saved,
        state: StateManager,
        peers: PeerFactory,
        machine: Sessions,
        config: RaftConfig,
        rng: Random,
        loop: asyncio.AbstractEventLoop,
        observe: OnEvent | None = None,
        wall_clock: Callable[[], float] = time.time,
        *,
        settings: NodeSettings | None = None,
        snapshots: SnapshotStore | None = None,
        latest: Snapshot | None = None,
    ) -> None:
        settings = settings or NodeSettings()
        self.server_id = server_id
        self.raft = Raft(config, server_id, rng, loop.time(), saved, latest)
        self._machine = machine
        self._applier = Applier(machine, settings, wall_clock, self.request)
        self._log_time = LogTime(machine, wall_clock, loop, self.request)
        self._state = state
        self._loop = loop
        self._config = config
        self._mail = Mail(peers, self.raft.state.address_of, snapshots)
        self._alarm = Alarm(loop, config.heartbeat_interval_s, self._tick)
        self._server: Server | None = None
        self._turn_due = False
        self._held_replies: list[Envelope] = []
        self._running = False
        self._handed_over: asyncio.Future[None] | None = None
        self._repair_patience_s = settings.repair_patience_s
        self._story = Story(self.raft.state, observe, wall_clock)
        self._snapshots = snapshots
        self._compaction: Compaction | None = None
        if snapshots is not None:
            self._compaction = Compaction(
                *(snapshots, state, machine, self.raft, settings, self._story),
                *(loop.call_soon, self._schedule_turn, self._fail),
            )

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
        settings: NodeSettings | None = None,
        snapshots: SnapshotStore | None = None,
        rng: Random | None = None,
        observe: OnEvent | None = None,
        repair: bool = False,
    ) -> Self:
        """Start a server from what `state` and `snapshots` hold; afterwards it answers at `server.address`.

        If they hold nothing: with `leader` it founds a cluster of which it is the only server, and others join by
        `AddServer`; with `configuration` it is one of these voters, all of which must be founded with the same; with
        neither it waits until a leader contacts it, and never starts an election before (§4.4). Without `snapshots`
        its log grows for ever. With `repair` a log that is damaged is set aside, and the server gets all from the
        others before it votes again; not for the only server of a cluster.
        Raises DataError if the state cannot be used, TfRaftError if the server cannot listen."""
        loop = asyncio.get_running_loop()
        if leader:
            configuration = Configuration.of({server_id: server.address})
        sessions = Sessions(machine or Store())
        opened = await open_state(state, snapshots, sessions, configuration, repair=repair)
        node = cls(
            server_id,
            opened.saved,
            state,
            peers,
            sessions,
            config or RaftConfig(),
            rng or Random(SystemRandom().getrandbits(64)),
            loop,
            observe,
            settings=settings,
            snapshots=snapshots,
            latest=opened.latest,
        )
        node._server = server
        try:
            await server.start(node)
        except BaseException:
            close(state, snapshots)
            raise
        node.start()
        node._tell_damage(opened.damage)
        return node

    @property
    def machine(self) -> StateMachine:
        """The state machine."""
        return self._machine.machine

    def start(self) -> None:
        """Begin: from now on the election timer runs and what arrives is heard."""
        self._running = True
        self._story.tell(EventKind.STARTED, f"{self.server_id} started with {self.raft.state.log.last_index} entries")
        self._schedule_turn()

    def _tell_damage(self, damage: str) -> None:
        """Say what was damaged, and wait for the others to bring it back, but not for ever (§3.8)."""
        if damage:
            text = f"{self.server_id} has no vote until the others have brought back what was damaged: {damage}"
            self._story.tell(EventKind.DAMAGED, text, "§3.8")
        if self.raft.state.repairing:
            self._loop.call_at(self._loop.time() + self._repair_patience_s, self._give_up_repair)

    def _give_up_repair(self) -> None:
        if self._running and self.raft.state.repairing and self.raft.state.leader_id is None:
            text = f"no leader has come in {self._repair_patience_s:g} s to bring back what was damaged"
            self._fail(StorageFailed(f"{text}: start the others, or restore a backup"))

    # --- What arrives ---

    def receive(self, message: Message, on_reply: OnReply | None = None) -> None:
        """Take a message from another server (see `ports.Handler`)."""
        if not self._running:
            return
        self._mail.arrived(message, on_reply)
        self.raft.receive(message, self._loop.time())
        self._schedule_turn()

    def request(self, request: NodeRequest, on_answer: OnAnswer) -> None:
        """Take a request of a client or an operator (see `ports.Handler`)."""
        if not self._running:
            on_answer(Answer(AnswerStatus.NOT_LEADER, reason=f"{self.server_id} is stopped"))
            return
        match request:
            case ClientRequest():
                self.raft.propose(self._applier.entry_of(request), on_answer)
            case ClientQuery(_, consistency, max_staleness_s):
                self.raft.query(Read.of(request, on_answer), self._loop.time(), consistency, max_staleness_s)
            case ClientBatch():
                request_all(request, self.request, on_answer)
            case RegisterClient():
                self.raft.propose(self._applier.entry_of_registration(), on_answer, EntryKind.REGISTER_CLIENT)
            case TransferLeadership():
                self.raft.transfer_leadership(request, on_answer)
            case _:
                self.raft.change_membership(request, on_answer)
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
        self._end_if_due()
        if self._running:
            self._alarm.set(self.raft.deadline)
            self._log_time.watch(leads=self.raft.state.role is Role.LEADER)

    def _carry_out(self, effects: Effects) -> None:
        """Do what the turn asks for, in the order of the fields of `Effects`, which is the contract."""
        self._mail.send(effects.messages)
        if effects.save is not None:
            self._held_replies = effects.replies
            self._save(effects.save)
        else:
            self._mail.send(effects.replies)
        if effects.repaired:
            self._state.repaired()
            text = f"{self.server_id} has again all that its disk had lost: from now on it votes"
            self._story.tell(EventKind.REPAIRED, text)
        if self._compaction is not None:
            self._compaction.received(effects)
        if effects.committed is not None:
            self._applier.apply(effects.committed)
        if self._compaction is not None:
            self._compaction.applied(effects)
        for reads in effects.reads:
            assert reads.read_index <= self.raft.state.last_applied, "a read before what it must see is applied"
            self._applier.answer(reads)
        for settled in effects.settled:
            settled.token(settled.answer)

    def _save(self, save: Save) -> None:
        def on_saved(error: TfRaftError | None) -> None:
            if not self._running:
                return
            if error is not None:
                self._fail(error)
                return
            self.raft.saved(save.current_term, save.last_index)
            replies, self._held_replies = self._held_replies, []
            self._mail.send(replies)
            self._schedule_turn()

        self._state.save(save, on_saved)

    def _tick(self, now: float) -> None:
        self.raft.tick(now)
        self._schedule_turn()

    # --- The end ---

    def _fail(self, error: TfRaftError) -> None:
        """The disk failed: stop at once. Nothing that is not on disk has been acknowledged, and nothing will be."""
        self._story.tell(EventKind.STORAGE_FAILED, f"{self.server_id} stops: {error}", "§3.8")
        self.halt()

    def _end_if_due(self) -> None:
        """Stop, if the cluster has removed this server for good (§4.2.2); and note when a handover is through."""
        raft = self.raft.state
        if raft.transfer is None and (raft.role is Role.LEADER or not raft.orphans):
            self._end_hand_over()
        if self.server_id in raft.configuration.removed and raft.configuration_index <= raft.commit_index:
            text = f"{self.server_id} stops: it was removed from the cluster"
            self._story.tell(EventKind.REMOVED, text, "§4.2.2")
            self.halt()

    def _end_hand_over(self) -> None:
        """Let `stop` go on, if it waits for a handover."""
        if self._handed_over is not None and not self._handed_over.done():
            self._handed_over.set_result(None)

    async def _hand_over(self) -> None:
        """Let another server lead, if one can at once, and wait for what this one has proposed (§3.10)."""
        raft = self.raft.state
        if not self._running or raft.role is not Role.LEADER or not raft.others:
            return
        self._handed_over = self._loop.create_future()
        if raft.transfer is None:
            self.raft.transfer_leadership(TransferLeadership(), lambda answer: None)
        self._schedule_turn()
        try:
            async with asyncio.timeout(HAND_OVER_TIMEOUTS * self._config.election_timeout_s):
                await self._handed_over
        except TimeoutError:
            # Whoever waits is told that the outcome is open.
            return

    def halt(self) -> None:
        """Stop hearing and speaking, and answer everybody who waits; what is bound to the loop is left to `stop`."""
        if not self._running:
            return
        self._running = False
        if self._compaction is not None:
            self._compaction.stop()
        self._alarm.cancel()
        self._log_time.cancel()
        self._mail.stop()
        for settled in self.raft.halt():
            settled.token(settled.answer)
        self._end_hand_over()

    async def stop(self, *, hand_over: bool = True) -> None:
        """Stop in good order; afterwards the address and the files are free. Stopping twice is stopping once.

        A leader hands leadership over first, and waits for what it has proposed: nobody's request fails by it. Where
        the whole cluster stops there is nothing to hand over. If the task is cancelled meanwhile, it stops at once."""
        try:
            if hand_over:
                await self._hand_over()
        finally:
            await self._stop()

    async def _stop(self) -> None:
        was_running = self._running
        self.halt()
        if self._server is not None:
            await self._server.stop()
        await self._mail.close()
        await asyncio.to_thread(close, self._state, self._snapshots)
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

    def take_snapshot(self, on_taken: OnSnapshot) -> None:
        """Give `on_taken` a snapshot of now, which is our latest then, or the error why there is none (ch. 5).

        It has all that any server has answered before (§6.4). Nobody waits for it: commands go on meanwhile."""

        compaction = self._compaction
        if compaction is None or not self._running:
            why = "keeps no snapshots" if self._running else "is stopped"
            on_taken(Unavailable(f"{self.server_id} {why}"))
            return

        def on_moment(answer: Answer) -> None:
            if answer.status is AnswerStatus.OK:
                compaction.take_now(on_taken)
            else:
                on_taken(Unavailable(answer.reason or f"{self.server_id} knows of no leader that could confirm it"))

        self.raft.query(Read(None, on_moment), self._loop.time(), Consistency.FOLLOWER)
        self._schedule_turn()

    def read_snapshot(self, snapshot: Snapshot) -> Iterator[bytes]:
        """All bytes of `snapshot`, which is our latest when the first is asked for; checked once the last was given.

        Blocks, so that another thread should do it. Raises `CorruptSnapshot`."""
        assert self._compaction is not None, "a snapshot is in a store"
        return self._compaction.read(snapshot)

    def log(self, first: int, last: int) -> list[LogEntry]:
        """The entries from `first` to `last`, as far as this node has them."""
        return log_entries(self.raft.state, first, last)
