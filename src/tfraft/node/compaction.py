"""Log compaction on one node (ch. 5): its own snapshots, those that a leader sends, and the log that they replace."""

from collections.abc import Callable, Iterator

from tfraft.core.base import Snapshot
from tfraft.core.effects import Effects
from tfraft.core.raft import Raft
from tfraft.errors import CorruptSnapshot, TfRaftError
from tfraft.node.settings import NodeSettings
from tfraft.node.snapshots import CallSoon, ForeignSnapshots, OwnSnapshots
from tfraft.node.status import EventKind
from tfraft.node.story import Story
from tfraft.ports import OnSnapshot, SnapshotStore, StateManager
from tfraft.store.sessions import Sessions


class Compaction:
    """Carries out what the effects of a turn say of snapshots. `fail` is told what stops the node."""

    def __init__(
        self,
        store: SnapshotStore,
        state: StateManager,
        machine: Sessions,
        raft: Raft,
        settings: NodeSettings,
        story: Story,
        call_soon: CallSoon,
        schedule_turn: Callable[[], None],
        fail: Callable[[TfRaftError], None],
    ) -> None:
        self._store = store
        self._state = state
        self._machine = machine
        self._raft = raft
        self._story = story
        self._fail = fail
        self._stopped = False
        self._own = OwnSnapshots(
            store, machine.snapshot, raft, settings, call_soon, self._on_taken, self._on_refused, fail
        )
        self._foreign = ForeignSnapshots(store, raft, schedule_turn, fail)

    def received(self, effects: Effects) -> None:
        """Write what a leader sent of a snapshot, and take over one that is whole, before anything else is applied."""
        if effects.pieces:
            self._foreign.take(effects.pieces)
        if effects.installed is not None:
            self._own.give_up()
            self._install(effects.installed)

    def applied(self, effects: Effects) -> None:
        """Take note of what was applied, and begin a snapshot of our own if one is due."""
        # A save that failed at once has stopped the node in the middle of its turn.
        if effects.committed is not None and not self._stopped:
            self._own.applied(effects.committed)

    def take_now(self, on_taken: OnSnapshot) -> None:
        """Give `on_taken` a snapshot that has all that is applied now, once it is durable; or why there is none."""
        self._own.take_now(on_taken)

    def read(self, snapshot: Snapshot) -> Iterator[bytes]:
        """All bytes of `snapshot`, which is the latest. Blocks. Raises `CorruptSnapshot`."""
        return self._store.pieces(snapshot)

    def stop(self) -> None:
        """Forget what is under way; nothing is begun any more."""
        self._stopped = True
        self._own.give_up()
        self._foreign.give_up()

    def _install(self, snapshot: Snapshot) -> None:
        try:
            self._machine.restore(self._store.pieces(snapshot))
        except TfRaftError as error:
            self._fail(error)
            return
        except Exception as error:
            # What it holds now, nobody knows.
            self._fail(CorruptSnapshot(f"the state machine cannot take the leader's snapshot: {error!r}"))
            return
        name, index = self._raft.state.server_id, snapshot.base.index
        text = f"{name} has replaced its state by the leader's snapshot through index {index}"
        self._story.tell(EventKind.SNAPSHOT, text, "§5.1")

    def _on_taken(self, taken: Snapshot) -> None:
        """Our own snapshot is durable: the log need not go back further than it."""
        if self._stopped:
            return
        base = self._raft.snapshot_taken(taken)
        name, index = self._raft.state.server_id, taken.base.index
        text = f"{name} has a snapshot through index {index} ({taken.size_bytes:,} bytes)"
        self._story.tell(EventKind.SNAPSHOT, text, "§5.1")
        if base is not None:
            self._state.trim(base, self._on_trimmed)

    def _on_refused(self, why: str) -> None:
        """There is no snapshot this time, and the log grows until the next."""
        text = f"{self._raft.state.server_id} could not take a snapshot, and keeps its log: {why}"
        self._story.tell(EventKind.SNAPSHOT, text, "§5.1")

    def _on_trimmed(self, error: TfRaftError | None) -> None:
        if error is not None and not self._stopped:
            self._fail(error)
