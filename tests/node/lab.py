"""One node whose loop, disk and peers are in the test's hands."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

from tfraft.core.base import Base, Snapshot
from tfraft.core.config import RaftConfig
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.messages import AppendEntries, AppendEntriesReply, Message, RequestVote, RequestVoteReply
from tfraft.core.requests import Answer, NodeRequest
from tfraft.errors import TfRaftError
from tfraft.node.node import RaftNode
from tfraft.node.settings import NodeSettings
from tfraft.node.status import Event, EventKind
from tfraft.ports import OnRead, OnSaved, OnSnapshot, SnapshotStore, StateMachine
from tfraft.store.sessions import Sessions
from tfraft.store.store import Store

CONFIG = RaftConfig(election_timeout_s=1.0, heartbeat_interval_s=0.1, pre_vote=False, keep_entries=0)
"""An election begins with RequestVote, and a snapshot leaves no entry behind it."""
NOW_S = 1700000000.0
"""What the clock on the wall says, always; but see `wall_clock_s`."""
VOTERS = Configuration.of({"a": "a:1", "b": "b:1", "c": "c:1"})


class Timer:
    """What `call_at` gives."""

    def __init__(self, at: float, callback: Callable[[], None]) -> None:
        self._at = at
        self.callback = callback
        self.cancelled = False

    def when(self) -> float:
        return self._at

    def cancel(self) -> None:
        self.cancelled = True


class HandLoop:
    """A loop whose time stands still until the test moves it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.ready: list[Callable[[], None]] = []
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[..., None], *args: Any) -> None:
        self.ready.append(lambda: callback(*args))

    def call_at(self, at: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(at, callback)
        self.timers.append(timer)
        return timer

    def run(self) -> None:
        """Run until nothing is ready, at one moment."""
        while self.ready:
            self.turn()

    def turn(self) -> None:
        """Run what is ready now, and nothing that becomes so meanwhile."""
        ready, self.ready = self.ready, []
        for callback in ready:
            callback()

    def advance(self, to: float) -> None:
        """Let time pass to `to`, each timer firing in its time."""
        while waiting := [timer for timer in self.timers if timer.when() <= to and not timer.cancelled]:
            self.hold_up(max(self.now, min(timer.when() for timer in waiting)))
        self.now = to

    def hold_up(self, to: float) -> None:
        """Stop the process until `to`; then fire what has come due, once each."""
        self.now = to
        due = [timer for timer in self.timers if timer.when() <= to and not timer.cancelled]
        self.timers = [timer for timer in self.timers if timer not in due and not timer.cancelled]
        for timer in due:
            timer.callback()
        self.run()


class HandDisk:
    """A state manager that completes a save when the test says so."""

    def __init__(self) -> None:
        self.saves: list[tuple[Save, OnSaved]] = []
        self.trims: list[tuple[Base, OnSaved]] = []
        self.repairs = 0
        self.closed = 0

    def load(self) -> Saved | None:
        return None

    def save(self, save: Save, on_saved: OnSaved) -> None:
        self.saves.append((save, on_saved))

    def trim(self, base: Base, on_trimmed: OnSaved) -> None:
        self.trims.append((base, on_trimmed))

    def repaired(self) -> None:
        self.repairs += 1

    def close(self) -> None:
        self.closed += 1


class HandWriter:
    """A snapshot that gets on when the test says so."""

    def __init__(self, store: "HandSnapshots", base: Base) -> None:
        self._store = store
        self.base = base
        self.pieces: list[bytes] = []
        self.aborted = False
        self.expected: Snapshot | None = None
        self._on_written: OnSaved | None = None
        self._on_finished: OnSnapshot | None = None

    def write(self, data: bytes, on_written: OnSaved) -> None:
        assert self._on_written is None, "one call is under way at a time"
        self.pieces.append(data)
        self._on_written = on_written

    def finish(self, expected: Snapshot | None, on_finished: OnSnapshot) -> None:
        assert self._on_written is None, "one call is under way at a time"
        self.expected = expected
        self._on_finished = on_finished

    def abort(self) -> None:
        self.aborted = True

    @property
    def is_finishing(self) -> bool:
        """Whether all is written, and the end is under way."""
        return self._on_finished is not None

    def written(self, error: TfRaftError | None = None) -> None:
        """Complete the write under way."""
        on_written, self._on_written = self._on_written, None
        assert on_written is not None, "nothing is being written"
        on_written(error)

    def finished(self, outcome: TfRaftError | None = None) -> Snapshot:
        """Complete the end of the snapshot, which is then the latest unless there is an error."""
        on_finished, self._on_finished = self._on_finished, None
        assert on_finished is not None, "the snapshot is not at its end"
        data = b"".join(self.pieces)
        snapshot = self.expected or Snapshot(self.base, len(data), 7)
        if outcome is None:
            self._store.latest, self._store.data = snapshot, data
        on_finished(outcome or snapshot)
        return snapshot


class HandSnapshots:
    """A snapshot store whose writers are in the test's hands."""

    def __init__(self, latest: Snapshot | None = None, data: bytes = b"") -> None:
        self.latest = latest
        self.data = data
        self.writers: list[HandWriter] = []
        self.closed = 0

    def load(self) -> Snapshot | None:
        return self.latest

    def create(self, base: Base) -> HandWriter:
        self.writers.append(HandWriter(self, base))
        return self.writers[-1]

    def read(self, snapshot: Snapshot, offset: int, size_bytes: int, on_read: OnRead) -> None:
        on_read(self.data[offset : offset + size_bytes] if snapshot == self.latest else None)

    def pieces(self, snapshot: Snapshot) -> Iterator[bytes]:
        assert snapshot == self.latest
        yield self.data

    def close(self) -> None:
        self.closed += 1


class Wire:
    """A peer connection that keeps what is sent."""

    def __init__(self, sent: list[tuple[str, Message]], server_id: str, address: str) -> None:
        self.sent = sent
        self.name = f"{server_id}@{address}"
        self.closed = False

    def send(self, message: Message) -> None:
        self.sent.append((self.name, message))

    async def request(self, request: NodeRequest, timeout_s: float) -> Answer:
        raise AssertionError("a node does not ask its peers")

    async def close(self) -> None:
        self.closed = True


@dataclass
class Lab:
    """Node `a` of three, with everything around it."""

    configuration: Configuration = VOTERS
    machine: StateMachine = field(default_factory=Store)
    loop: HandLoop = field(default_factory=HandLoop)
    disk: HandDisk = field(default_factory=HandDisk)
    snapshots: SnapshotStore | None = None
    settings: NodeSettings = field(default_factory=NodeSettings)
    config: RaftConfig = CONFIG
    wall_clock_s: Callable[["Lab"], float] = lambda _: NOW_S
    sent: list[tuple[str, Message]] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.node = RaftNode(
            "a",
            Saved(base=Base(configuration=self.configuration)),
            self.disk,
            self._connect,
            Sessions(self.machine),
            self.config,
            Random(1),
            cast(asyncio.AbstractEventLoop, self.loop),
            self.events.append,
            lambda: self.wall_clock_s(self),
            settings=self.settings,
            snapshots=self.snapshots,
        )
        self.node.start()
        self.loop.run()

    def _connect(self, server_id: str, address: str) -> Wire:
        self.wires.append(Wire(self.sent, server_id, address))
        return self.wires[-1]

    def receive(self, *messages: Message) -> None:
        """Let messages arrive, then run the turn."""
        for message in messages:
            self.node.receive(message)
        self.loop.run()

    def ask(self, request: NodeRequest) -> None:
        """Let a request arrive, then run the turn; its answer goes to `answers`."""
        self.node.request(request, self.answers.append)
        self.loop.run()

    def saved(self) -> None:
        """Complete the oldest save."""
        _, on_saved = self.disk.saves.pop(0)
        on_saved(None)
        self.loop.run()

    def commit(self, last_index: int, followers: str = "b") -> None:
        """Complete the save under way, and let these have stored as much: a leader then commits through this index."""
        self.saved()
        self.receive(*(AppendEntriesReply(1, server_id, True, match_index=last_index) for server_id in followers))

    def sent_now(self) -> list[tuple[str, Message]]:
        """What has been sent since the last time."""
        sent, self.sent[:] = list(self.sent), []
        return sent

    def time_out(self) -> None:
        """Let the election timer run out."""
        self.loop.advance(self.node.raft.deadline)

    def lead(self) -> "Lab":
        """Make the node the leader of term 1, its no-op committed at index 1; nothing sent or told is kept."""
        self.time_out()
        self.saved()
        self.receive(RequestVoteReply(1, "b", True))
        self.saved()
        self.receive(AppendEntriesReply(1, "b", True, match_index=1))
        self.sent_now()
        self.events.clear()
        return self

    def told(self) -> list[tuple[EventKind, str]]:
        """The events so far, by kind and text; forgotten afterwards."""
        told = [(event.kind, event.text) for event in self.events]
        self.events.clear()
        return told


def heartbeat(term: int = 1, leader: str = "b", commit: int = 0) -> AppendEntries:
    """A leader's AppendEntries without entries, from the start of the log."""
    return AppendEntries(term, leader, 0, 0, leader_commit=commit)


def asks_vote(term: int, candidate: str = "b", last_index: int = 0, last_term: int = 0) -> RequestVote:
    """A candidate's RequestVote."""
    return RequestVote(term, candidate, last_index, last_term)
