"""One server of the simulated cluster: its disk, its clock, and the real node that runs on them, life after life."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any, Final, cast

from tfraft.core.configuration import ServerId
from tfraft.core.effects import Saved
from tfraft.core.messages import Message
from tfraft.core.requests import TransferLeadership
from tfraft.core.state import RaftState, Role
from tfraft.node.node import RaftNode
from tfraft.node.opening import check_together
from tfraft.node.status import Event, EventKind
from tfraft.ports import OnReply, PeerFactory
from tfraft.simulator.chance import Chance, Draw, about, between
from tfraft.simulator.clock import NodeLoop, Run
from tfraft.simulator.disk import SimulatedState, VirtualDisk
from tfraft.simulator.loop import Callback, VirtualLoop
from tfraft.simulator.network import Network
from tfraft.simulator.plan import Plan
from tfraft.simulator.replicas import Replicas, WatchedSessions
from tfraft.simulator.snapshots import SimulatedSnapshots
from tfraft.simulator.violation import Violation

WALL_CLOCK_S: Final = (995.0, 1005.0)
"""What the wall clocks show at the beginning: they are never quite right."""
HAND_OVER_TIMEOUTS: Final = 2
"""A leader that is stopped waits for so many election timeouts for another to take over."""
HAND_OVER_STEP_S: Final = 0.01

After = Callable[["Host", str, tuple[Any, ...]], None]
"""Told of every event of a node, after it: which host, what kind of event, and what came with it."""


class Connection:
    """A node's way to another. Requests of clients take other ways, so that a node does nothing but send."""

    __slots__ = ("_network", "_source", "_target")

    def __init__(self, network: Network, source: ServerId, target: ServerId) -> None:
        self._network = network
        self._source = source
        self._target = target

    def send(self, message: Message) -> None:
        """Hand `message` to the network."""
        self._network.send(self._source, self._target, message)


class Host:
    """Runs one node at a time on one disk. A crash drops the node object; the next life begins from the disk."""

    def __init__(
        self,
        disk: VirtualDisk,
        loop: VirtualLoop,
        chance: Chance,
        plan: Plan,
        network: Network,
        replicas: Replicas,
        after: After,
    ) -> None:
        self.server_id = disk.server_id
        self.disk = disk
        self.life = 0
        self.node: RaftNode | None = None
        self.paused = False
        self.awake_since = 0.0
        """When the node here was started, or last went on after a pause."""
        self._loop = loop
        self._chance = chance
        self._plan = plan
        self._network = network
        self._replicas = replicas
        self._after = after
        self.removed = False
        """Whether the node has stopped because the cluster had removed it; whoever runs it leaves it so."""
        self._state: SimulatedState | None = None
        self._snapshots: SimulatedSnapshots | None = None
        self._stops = False
        """Whether the node is about to stop in good order, once leadership is handed over."""
        self._ended: EventKind | None = None
        self._waiting: list[tuple[str, Callback, tuple[Any, ...]]] = []
        self._rate = between(self._stream("clock"), *plan.clock_rates)
        self._wall_clock_s = between(self._stream("wall clock"), *WALL_CLOCK_S)

    def _stream(self, kind: str) -> Draw:
        return self._chance.stream(kind, self.server_id)

    @property
    def running(self) -> bool:
        """Whether a node runs here, paused or not."""
        return self.node is not None

    @property
    def awake_s(self) -> float:
        """For how long the node has run without a pause, on its own clock."""
        return (self._loop.now - self.awake_since) * self._rate

    @property
    def clock(self) -> float:
        """What the clock shows that the node here counts time with."""
        return self._loop.now * self._rate

    @property
    def raft(self) -> RaftState:
        """What the node here knows; only while it runs."""
        assert self.node is not None, f"{self.server_id} does not run"
        return self.node.raft.state

    @property
    def digest(self) -> str:
        """A digest of the state of the node here; only while it runs."""
        return self._machine.digest()

    @property
    def about_to_trim(self) -> bool:
        """Whether a snapshot is durable here whose entries are still in the log on disk, and are to go."""
        return self._state is not None and self._state.trims

    # --- The lives of the node ---

    def start(self) -> None:
        """Begin a new life from the disk, if no node runs here and it was not removed; one that is to stop stays."""
        self._stops = False
        if self.node is not None or self.removed:
            return
        self.life += 1
        run = partial(self._run, self.life)
        loop = cast(Any, NodeLoop(self._loop, self._rate, self._time_of("turn", self._plan.turn_delay_s), run))
        self._open(run)
        try:
            self.node = self._new_node(loop)
        except Exception as error:
            raise Violation("a node starts from its disk", f"{self.server_id}: {error!r}") from error
        self.paused = False
        self.awake_since = self._loop.now
        self.node.start()
        self._after(self, "start", ())

    def _time_of(self, kind: str, mean_s: float) -> Callable[[], float]:
        return partial(about, self._stream(kind), mean_s)

    def _open(self, run: Run) -> None:
        """Take the disk for this life."""
        survives, save_time = self._stream("survives"), self._time_of("save", self._plan.save_time_s)
        self._state = SimulatedState(self.disk, self._loop, run, save_time, survives)
        damaged = self._stream("damaged snapshot")
        self._snapshots = SimulatedSnapshots(
            self.disk,
            self._loop,
            run,
            self._time_of("snapshot", self._plan.save_time_s),
            survives,
            lambda: damaged() < self._plan.damaged_snapshots,
        )

    def _new_node(self, loop: Any) -> RaftNode:
        """The node that begins with what the disk holds."""
        assert self._state is not None
        assert self._snapshots is not None
        saved, latest = self._state.load(), self._snapshots.load()
        check_together(saved, latest)
        self._machine = WatchedSessions(self.server_id, self._replicas, self._snapshot_index)
        if latest is not None:
            self._machine.restore(self._snapshots.pieces(latest))
        return RaftNode(
            self.server_id,
            saved or Saved(),
            self._state,
            cast(PeerFactory, self._connect),
            self._machine,
            replace(self._plan.config, priority=self._priority()),
            Random(self._chance.key("timeouts", f"{self.server_id}/{self.life}")),
            loop,
            self._hear,
            wall_clock=self._time_of_day,
            settings=self._plan.settings,
            snapshots=self._snapshots,
            latest=latest,
        )

    def _priority(self) -> int:
        return int(3 * self._chance.stream("priority", self.server_id)()) if self._plan.priorities else 0

    def _snapshot_index(self) -> int:
        assert self.disk.snapshot is not None
        return self.disk.snapshot.base.index

    def _time_of_day(self) -> float:
        return self._wall_clock_s + self._loop.now * self._rate

    def _connect(self, server_id: ServerId, address: str) -> Connection:
        """The way to a server: by its address, which begins with its id here; to an unknown address nothing arrives."""
        return Connection(self._network, self.server_id, host_at(address))

    def _hear(self, event: Event) -> None:
        """The node tells its story; only its end matters here."""
        if event.kind in (EventKind.STORAGE_FAILED, EventKind.REMOVED):
            self._ended = event.kind

    def crash(self) -> bool:
        """Drop the node and all it had in memory; whether a save was under way, which is lost or kept whole."""
        if self.node is None:
            return False
        assert self._state is not None
        self._after(self, "crash", ())
        return self._drop()

    def _drop(self) -> bool:
        assert self._state is not None
        assert self._snapshots is not None
        self.node = None
        self.paused = False
        self._waiting.clear()
        self._snapshots.crash()
        return self._state.crash()

    def stop(self) -> None:
        """Stop the node in good order: a leader lets another lead first, as far as that is possible."""
        if self.node is None or self.paused:
            return
        self._stops = True
        deadline = self._loop.now + HAND_OVER_TIMEOUTS * self._plan.config.election_timeout_s
        if self.raft.role is Role.LEADER and self.raft.others:
            ask = partial(self.node.request, TransferLeadership(), lambda answer: None)
            self._run(self.life, "hand over", ask)
        self._stop_when_through(self.life, deadline)

    def _stop_when_through(self, life: int, deadline: float) -> None:
        """Halt once the handover is through, or its time: who waits is answered, what is under way completes."""
        if life != self.life or self.node is None or self.paused or not self._stops:
            return
        raft = self.raft
        is_through = raft.transfer is None and (raft.role is Role.LEADER or not raft.orphans)
        if not is_through and self._loop.now < deadline:
            self._loop.call_later(HAND_OVER_STEP_S, self._stop_when_through, life, deadline)
            return
        self._run(self.life, "stop", self.node.halt)
        self._close()

    def _close(self) -> None:
        assert self._state is not None
        assert self._snapshots is not None
        self._snapshots.close()
        self._state.close()
        self.node = None

    def pause(self) -> None:
        """Hold the process: what is due and what arrives waits for it."""
        self.paused = self.node is not None

    def resume(self) -> None:
        """Let the process go on, first with all that has waited, in the order in which it came."""
        if not self.paused:
            return
        self._after(self, "resume", ())
        self.paused = False
        self.awake_since = self._loop.now
        waiting, self._waiting = self._waiting, []
        for kind, callback, args in waiting:
            self._run(self.life, kind, callback, *args)

    # --- What arrives ---

    def deliver(self, message: Message, on_reply: OnReply | None) -> None:
        """Hand a message to the node, if one runs here."""
        if self.node is not None:
            self._run(self.life, type(message).__name__, self.node.receive, message, on_reply)

    def call(self, kind: str, callback: Callback, *args: Any) -> None:
        """Run `callback`, which uses the node, as an event of it: not while it is paused, and never if it is gone."""
        self._run(self.life, kind, callback, *args)

    def _run(self, life: int, kind: str, callback: Callback, *args: Any) -> None:
        if life != self.life or self.node is None:
            return
        if self.paused:
            self._waiting.append((kind, callback, args))
            return
        try:
            callback(*args)
        except Violation:
            raise
        except Exception as error:
            raise Violation("the node raised", f"{self.server_id} at {kind}: {error!r}") from error
        self._after(self, kind, args)
        if self._ended is not None:
            self._end(self._ended)

    def _end(self, reason: EventKind) -> None:
        """The node has stopped by itself."""
        self._ended = None
        self._after(self, reason, ())
        if reason is EventKind.REMOVED:
            self.removed = True
            self._close()
        else:
            self._drop()


def host_at(address: str) -> ServerId:
    """Which server is reached at `address`: it may have moved some times."""
    return address.partition("@")[0]
