"""What a node begins with: log and snapshot belong together, and a server never forgets what it has promised (§3.8)."""

import asyncio

import pytest

from tests.node.lab import VOTERS, HandDisk, HandSnapshots
from tfraft.core.base import Base, Snapshot
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import CorruptSnapshot, CorruptState, SettingError
from tfraft.node.opening import Opened, check_together, open_state
from tfraft.node.settings import NodeSettings
from tfraft.ports import OnSaved
from tfraft.store import Store, codec
from tfraft.store.envelope import Command
from tfraft.store.sessions import Sessions

GET = codec.encode([b"GET", b"k"])


class FullDisk(HandDisk):
    """A disk that has a state, and keeps what is saved."""

    def __init__(self, saved: Saved | None) -> None:
        super().__init__()
        self.saved = saved

    def load(self) -> Saved | None:
        return self.saved

    def save(self, save: Save, on_saved: OnSaved) -> None:
        super().save(save, on_saved)
        on_saved(None)


def snapshot_at(index: int) -> HandSnapshots:
    """A snapshot at this index, in which k is v."""
    sessions = Sessions(Store())
    sessions.apply(Command(1, codec.encode([b"SET", b"k", b"v"])).encode())
    data = b"".join(sessions.snapshot())
    return HandSnapshots(Snapshot(Base(index, 1, VOTERS), len(data), 1), data)


def opened(disk: FullDisk, snapshots: HandSnapshots | None, sessions: Sessions) -> Opened:
    """What `open_state` gives for these; the founders are three voters."""
    return asyncio.run(open_state(disk, snapshots, sessions, VOTERS))


def test_a_server_begins_with_the_state_of_its_snapshot_and_the_log_behind_it() -> None:
    """§5.1: the log need not go back to the first command."""
    saved = Saved(3, "b", Base(5, 1, VOTERS), Entries.of(Entry(3, EntryKind.NO_OP)))
    snapshots, sessions = snapshot_at(5), Sessions(Store())
    assert opened(FullDisk(saved), snapshots, sessions) == Opened(saved, snapshots.latest)
    assert sessions.query(GET) == b"$1\r\nv\r\n"


def test_a_log_that_reaches_further_back_than_the_snapshot_is_as_good() -> None:
    """A crash between the snapshot and the trimming of the log leaves both (§5.1)."""
    saved = Saved(1, None, Base(0, 0, VOTERS), Entries.of(*[Entry(1, EntryKind.NO_OP)] * 6))
    assert opened(FullDisk(saved), snapshot_at(5), Sessions(Store())).saved == saved


def test_founders_are_durable_before_a_new_server_begins() -> None:
    disk = FullDisk(None)
    assert opened(disk, HandSnapshots(), Sessions(Store())) == Opened(Saved(base=Base(configuration=VOTERS)), None)
    assert [save for save, _ in disk.saves] == [Save(0, None, base=Base(configuration=VOTERS))]


@pytest.mark.parametrize(
    ("saved", "index", "why"),
    [
        (None, 5, "there is a snapshot through index 5, but the log is lost"),
        (Saved(base=Base(7, 1)), 5, "the log begins after index 7, but the snapshot of what is before is lost"),
        (Saved(base=Base(7, 1)), 0, "the log begins after index 7, but the snapshot of what is before is lost"),
    ],
)
def test_a_log_without_its_snapshot_or_a_snapshot_without_its_log_is_refused(
    saved: Saved | None, index: int, why: str
) -> None:
    """A vote that is forgotten could be given twice; entries that are forgotten were promised to somebody."""
    disk, snapshots = FullDisk(saved), snapshot_at(index) if index else HandSnapshots()
    with pytest.raises(CorruptState, match=why):
        opened(disk, snapshots, Sessions(Store()))
    assert (disk.saves, disk.closed, snapshots.closed) == ([], 1, 1)


def test_a_log_and_a_snapshot_that_belong_together_are_taken() -> None:
    check_together(None, None)
    check_together(Saved(), None)
    check_together(Saved(base=Base(5, 1)), Snapshot(Base(5, 1), 1, 1))
    check_together(Saved(base=Base(5, 1)), Snapshot(Base(9, 1), 1, 1))


def test_a_snapshot_whose_bytes_are_none_of_a_state_is_refused_and_all_is_closed() -> None:
    snapshots = HandSnapshots(Snapshot(Base(5, 1, VOTERS), 7, 1), b"rubbish")
    disk, sessions = FullDisk(Saved(base=Base(5, 1, VOTERS))), Sessions(Store())
    with pytest.raises(CorruptState):
        opened(disk, snapshots, sessions)
    assert (disk.closed, snapshots.closed, sessions.query(GET)) == (1, 1, b"_\r\n")


def test_a_snapshot_that_cannot_be_read_closes_all() -> None:
    class Damaged(HandSnapshots):
        def load(self) -> Snapshot | None:
            raise CorruptSnapshot("bad bytes")

    disk, snapshots = FullDisk(Saved(current_term=1)), Damaged()
    with pytest.raises(CorruptSnapshot, match="bad bytes"):
        opened(disk, snapshots, Sessions(Store()))
    assert (disk.closed, snapshots.closed) == (1, 1)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("snapshot_log_bytes", 0),
        ("snapshot_log_entries", 0),
        ("max_sessions", 0),
        ("session_timeout_s", 0),
        ("session_timeout_s", float("inf")),
        ("session_timeout_s", float("nan")),
    ],
)
def test_a_setting_of_a_node_that_makes_no_sense_is_refused_by_name(setting: str, value: float) -> None:
    with pytest.raises(SettingError, match=f"{setting} must be .*, not {value:g}"):
        NodeSettings(**{setting: value})  # type: ignore[arg-type]
