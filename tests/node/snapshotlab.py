"""What the tests of snapshots share: a store that does everything at once, a machine in pieces, a leader at work."""

from collections.abc import Iterable, Iterator

from tests.node.lab import CONFIG, HandSnapshots, HandWriter, Lab
from tfraft.adapters.state.memory import MemorySnapshotStore
from tfraft.core.config import RaftConfig
from tfraft.core.requests import ClientQuery, ClientRequest
from tfraft.node.settings import NodeSettings
from tfraft.ports import SnapshotStore
from tfraft.store import codec

SET = ClientRequest(codec.encode([b"SET", b"k", b"v"]))
GET = ClientQuery(codec.encode([b"GET", b"k"]))
EVERY_3 = NodeSettings(snapshot_log_entries=3)


def in_memory() -> MemorySnapshotStore:
    """A store of snapshots that is ready, and does everything at once."""
    store = MemorySnapshotStore()
    store.load()
    return store


class InPieces:
    """A state machine whose snapshot has three pieces, and which counts those that were asked for."""

    def __init__(self) -> None:
        self.given = 0

    def apply(self, command: bytes) -> bytes:
        return b"+OK\r\n"

    def query(self, query: bytes) -> bytes:
        return b""

    def snapshot(self) -> Iterator[bytes]:
        for piece in (b"x", b"y", b"z"):
            self.given += 1
            yield piece

    def restore(self, pieces: Iterable[bytes]) -> None:
        raise AssertionError("nobody restores this")


def due(snapshots: SnapshotStore, config: RaftConfig = CONFIG) -> Lab:
    """A leader that has just applied its third entry, with which a snapshot is due."""
    lab = Lab(snapshots=snapshots, settings=EVERY_3, config=config).lead()
    lab.ask(SET)
    lab.ask(SET)
    lab.commit(2)
    lab.commit(3)
    return lab


def started() -> tuple[Lab, HandSnapshots]:
    """A leader whose first snapshot, through index 3, is on its way; nothing told or sent is kept."""
    snapshots = HandSnapshots()
    lab = due(snapshots)
    lab.sent_now()
    lab.events.clear()
    return lab, snapshots


def write_pieces(lab: Lab, writer: HandWriter) -> None:
    """Let all pieces of a snapshot be written; its end is still to come."""
    while not writer.is_finishing:
        writer.written()
        lab.loop.run()


def finish(lab: Lab, store: HandSnapshots) -> None:
    """Let the latest snapshot be written to its end."""
    writer = store.writers[-1]
    write_pieces(lab, writer)
    writer.finished()
    lab.loop.run()
