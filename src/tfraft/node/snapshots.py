"""Moves the bytes of snapshots (ch. 5): to disk when the log has grown, to other servers, and from them.

Nothing here decides: the core says what to send and what to take, the settings when a snapshot is due.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from tfraft.core.base import Snapshot
from tfraft.core.effects import Committed, Piece
from tfraft.core.messages import InstallSnapshot, Message
from tfraft.core.raft import Raft
from tfraft.core.snapshot import moving
from tfraft.errors import CorruptSnapshot, TfRaftError, Unavailable
from tfraft.node.settings import NodeSettings
from tfraft.ports import OnSnapshot, SnapshotStore, SnapshotWriter

MOST_GROWTH = 4
"""While a server is being sent our snapshot the next one waits, until the log has grown so many times too long."""

CallSoon = Callable[[Callable[[SnapshotWriter], None], SnapshotWriter], object]


class OwnSnapshots:
    """Takes a snapshot of the state machine piece by piece, each written before the next is asked for."""

    def __init__(
        self,
        store: SnapshotStore,
        begin: Callable[[], Iterator[bytes]],
        raft: Raft,
        settings: NodeSettings,
        call_soon: CallSoon,
        on_taken: Callable[[Snapshot], None],
        on_refused: Callable[[str], None],
        on_error: Callable[[TfRaftError], None],
    ) -> None:
        self._store = store
        self._begin = begin
        self._raft = raft
        self._settings = settings
        self._call_soon = call_soon
        self._on_taken = on_taken
        self._on_refused = on_refused
        self._on_error = on_error
        self._entries = 0
        self._bytes = 0
        self._pieces: Iterator[bytes] | None = None
        self._writer: SnapshotWriter | None = None
        # Who waits for the snapshot that is under way, and who for the next.
        self._promised: list[OnSnapshot] = []
        self._waiting: list[OnSnapshot] = []

    def applied(self, committed: Committed) -> None:
        """Take note of what was applied, and begin a snapshot if one is due."""
        self._entries += len(committed.entries)
        self._bytes += sum(map(len, committed.entries.data))
        if self._writer is None and self._is_due():
            self.take()

    def _is_due(self) -> bool:
        times = MOST_GROWTH if moving(self._raft.state) else 1
        return (
            self._entries >= times * self._settings.snapshot_log_entries
            or self._bytes >= times * self._settings.snapshot_log_bytes
        )

    def take(self) -> None:
        """Begin a snapshot of what is applied now, unless one is under way.

        Not on a new server that has entries of its cluster, but none yet that tells the configuration: the founders
        have theirs before the log, and a snapshot without it would take it from whoever is sent it (§5.1)."""
        state = self._raft.state
        base = state.base_at(state.last_applied)
        if self._writer is not None or base.index == 0 or not base.configuration.members:
            return
        self._entries = self._bytes = 0
        self._writer = self._store.create(base)
        self._pieces = self._begin()
        # The first piece is asked for at once: the snapshot is that of this moment.
        self._write_next(self._writer)

    def take_now(self, on_taken: OnSnapshot) -> None:
        """Give `on_taken` a snapshot that has all that is applied now, once it is durable; or why there is none.

        One that is under way is of an earlier moment: the next begins when that is done."""
        self._waiting.append(on_taken)
        if self._writer is None:
            self._take_for_waiting()

    def give_up(self, why: str = "the server stops or was sent another; ask again") -> None:
        """Forget the snapshot under way, if there is one; who waits for one is told."""
        if self._writer is not None:
            self._writer.abort()
        self._writer = self._pieces = None
        self._promised += self._waiting
        self._waiting = []
        self._answer(Unavailable(f"the snapshot was given up: {why}"))

    def _take_for_waiting(self) -> None:
        """Begin the snapshot that somebody waits for, unless the latest has all that is applied."""
        state = self._raft.state
        self._promised, self._waiting = self._waiting, []
        if state.snapshot is not None and state.snapshot.base.index == state.last_applied:
            self._answer(state.snapshot)
        elif self._promised:
            self.take()
            if self._writer is None:
                self._answer(Unavailable("there is nothing to take a snapshot of yet; ask again"))

    def _answer(self, outcome: Snapshot | TfRaftError) -> None:
        promised, self._promised = self._promised, []
        for on_taken in promised:
            on_taken(outcome)

    def _write_next(self, writer: SnapshotWriter) -> None:
        def on_written(error: TfRaftError | None) -> None:
            if writer is not self._writer:
                return
            if error is not None:
                self._on_error(error)
            else:
                # Turns come between the pieces, however fast the disk is.
                self._call_soon(self._write_next, writer)

        if writer is not self._writer:
            return
        assert self._pieces is not None, "a snapshot on its way to disk has pieces"
        try:
            piece = next(self._pieces, None)
        except Exception as error:
            # As with a command that it cannot execute: the other servers would stop at the same place.
            why = f"the state machine raised {error!r}"
            self.give_up(why)
            self._on_refused(why)
            return
        if piece is None:
            writer.finish(None, partial(self._finished, writer))
        else:
            writer.write(piece, on_written)

    def _finished(self, writer: SnapshotWriter, outcome: Snapshot | TfRaftError) -> None:
        if writer is not self._writer:
            return
        self._writer = self._pieces = None
        if isinstance(outcome, Snapshot):
            self._on_taken(outcome)
            self._answer(outcome)
            self._take_for_waiting()
        else:
            self._on_error(outcome)


class ForeignSnapshots:
    """Writes the snapshot that a leader sends, piece by piece."""

    def __init__(
        self, store: SnapshotStore, raft: Raft, on_progress: Callable[[], None], on_error: Callable[[TfRaftError], None]
    ) -> None:
        self._store = store
        self._raft = raft
        self._on_progress = on_progress
        self._on_error = on_error
        self._waiting: deque[Piece] = deque()
        self._writer: SnapshotWriter | None = None
        self._busy = False

    def take(self, pieces: list[Piece]) -> None:
        """Write these pieces, after those that came before; the first piece of a snapshot ends another one."""
        for piece in pieces:
            if piece.offset == 0:
                self.give_up()
                self._writer = self._store.create(piece.snapshot.base)
            self._waiting.append(piece)
        self._write_next()

    def give_up(self) -> None:
        """Forget the snapshot under way, if there is one."""
        if self._writer is not None:
            self._writer.abort()
        self._writer = None
        self._waiting.clear()
        self._busy = False

    def _write_next(self) -> None:
        writer = self._writer
        if writer is None or self._busy or not self._waiting:
            return
        piece = self._waiting.popleft()
        self._busy = True

        def on_written(error: TfRaftError | None) -> None:
            if writer is not self._writer:
                return
            self._busy = False
            if error is not None:
                self._on_error(error)
                return
            self._raft.piece_written(piece.snapshot, piece.offset + len(piece.data))
            if piece.is_last:
                self._finish(writer, piece.snapshot)
            else:
                self._write_next()
            self._on_progress()

        writer.write(piece.data, on_written)

    def _finish(self, writer: SnapshotWriter, expected: Snapshot) -> None:
        def on_finished(outcome: Snapshot | TfRaftError) -> None:
            if writer is not self._writer:
                return
            self._writer = None
            match outcome:
                case Snapshot():
                    self._raft.snapshot_received(outcome)
                case CorruptSnapshot():
                    self._raft.snapshot_refused(expected)
                case _:
                    self._on_error(outcome)
            self._on_progress()

        writer.finish(expected, on_finished)


def send_piece(store: SnapshotStore, request: InstallSnapshot, send: Callable[[Message], None]) -> None:
    """Put the bytes into `request` and send it; not at all where the snapshot is not the latest any more."""

    def on_read(data: bytes | None) -> None:
        if data is not None:
            send(replace(request, data=data))

    store.read(request.snapshot, request.offset, request.size_bytes, on_read)
