"""One server of the simulated cluster: its disk, its clock, and the real node that runs on them, life after life."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, Final, cast

from tfraft.core.effects import Saved
from tfraft.core.messages import Message, ServerId
from tfraft.core.state import RaftState
from tfraft.node.node import RaftNode
from tfraft.node.status import Event
from tfraft.ports import OnReply, PeerFactory
from tfraft.simulator.chance import Chance, Draw, about, between
from tfraft.simulator.clock import NodeLoop
from tfraft.simulator.disk import SimulatedState, VirtualDisk
from tfraft.simulator.loop import Callback, VirtualLoop
from tfraft.simulator.network import Network
from tfraft.simulator.plan import Plan
from tfraft.simulator.replicas import Replicas, WatchedStore
from tfraft.simulator.violation import Violation

CLOCK_RATES: Final = (0.7, 1.4)

After = Callable[["Host", str], None]
"""Told of every event of a node, after it: which host, and what kind of event."""


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
        self._state: SimulatedState | None = None
        self._waiting: list[tuple[str, Callback, tuple[Any, ...]]] = []
        self._rate = between(self._stream("clock"), *CLOCK_RATES) if plan.clock_rates else 1.0

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
    def raft(self) -> RaftState:
        """What the node here knows; only while it runs."""
        assert self.node is not None, f"{self.server_id} does not run"
        return self.node.raft.state

    # --- The lives of the node ---

    def start(self) -> None:
        """Begin a new life from the disk, if no node runs here."""
        if self.node is not None:
            return
        self.life += 1
        run = partial(self._run, self.life)
        turn_delay = partial(about, self._stream("turn"), self._plan.turn_delay_s)
        loop = cast(Any, NodeLoop(self._loop, self._rate, turn_delay, run))
        save_time = partial(about, self._stream("save"), self._plan.save_time_s)
        self._state = SimulatedState(self.disk, self._loop, run, save_time, self._stream("survives"))
        self.node = RaftNode(
            self.server_id,
            self._state.load() or Saved(),
            self._state,
            cast(PeerFactory, self._connect),
            WatchedStore(self.server_id, self._replicas),
            self._plan.config,
            Random(self._chance.key("timeouts", f"{self.server_id}/{self.life}")),
            loop,
            self._hear if self._plan.tell_story else None,
            wall_clock=self._loop.time,
        )
        self.paused = False
        self.awake_since = self._loop.now
        self.node.start()
        self._after(self, "start")

    def _connect(self, server_id: ServerId, address: str) -> Connection:
        """The way to a server: by its address, which is its id here; to an unknown address nothing arrives."""
        return Connection(self._network, self.server_id, address)

    def _hear(self, event: Event) -> None:
        """The node tells its story; that it can is all that matters here."""

    def crash(self) -> bool:
        """Drop the node and all it had in memory; whether a save was under way, which is lost or kept whole."""
        if self.node is None:
            return False
        assert self._state is not None
        self._after(self, "crash")
        self.node = None
        self.paused = False
        self._waiting.clear()
        return self._state.crash()

    def stop(self) -> None:
        """Stop the node in good order: it answers everybody who waits, and the save under way completes."""
        if self.node is None or self.paused:
            return
        assert self._state is not None
        self._run(self.life, "stop", self.node.halt)
        self._state.close()
        self.node = None

    def pause(self) -> None:
        """Hold the process: what is due and what arrives waits for it."""
        self.paused = self.node is not None

    def resume(self) -> None:
        """Let the process go on, first with all that has waited, in the order in which it came."""
        if not self.paused:
            return
        self._after(self, "resume")
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
        self._after(self, kind)
        if kind == "storage failed":
            self.node = None
