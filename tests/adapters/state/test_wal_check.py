"""Looking at a log while no server uses it."""

import asyncio
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings

from tests.adapters.state.oracle import Step, as_told, histories
from tests.adapters.state.runs import contents
from tests.adapters.state.snapshot_runs import base_at, made, snapshot_of
from tfraft.adapters.state.lock import DirectoryLock
from tfraft.adapters.state.segment import CorruptLog
from tfraft.adapters.state.snapshots import FileSnapshotStore
from tfraft.adapters.state.wal import WalStateManager
from tfraft.adapters.state.wal_check import LoggedEntry, read_log, read_saves, verify
from tfraft.adapters.state.wal_reader import LoggedSave
from tfraft.adapters.state.wal_repair import RepairNote
from tfraft.core.base import Base
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import CorruptState, DataError, DataLocked

SAVES = [
    Save(1, "n1"),
    Save(1, "n1", 1, Entries.of(Entry(1, EntryKind.NO_OP), Entry(1, EntryKind.COMMAND, b"x" * 1300))),
    Save(2, None, 2, Entries.of(Entry(2, EntryKind.COMMAND, b"y"))),
]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    async def run() -> None:
        manager = WalStateManager("n1", tmp_path, cluster_id="c1", segment_size_bytes=512)
        manager.load()
        for save in SAVES:
            manager.save(save, lambda error: None)
        manager.close()

    asyncio.run(run())
    return tmp_path


def test_a_whole_log_is_reported_with_what_it_says(directory: Path) -> None:
    before = contents(directory)
    report = verify(directory)
    assert (report.damage, report.torn) == (None, None)
    assert (report.metadata.server_id, report.metadata.cluster_id) == ("n1", "c1")
    assert (report.saves, report.current_term, report.voted_for, report.last_index) == (3, 2, None, 2)
    assert [(segment.number, segment.size) for segment in report.segments] == [(1, 512), (2, 1536), (3, 512), (4, 512)]
    assert contents(directory) == before


def test_the_saves_are_read_one_by_one_with_their_places(directory: Path) -> None:
    assert list(read_saves(directory)) == [
        LoggedSave(1, 64, 96, SAVES[0]),
        LoggedSave(2, 64, 1408, SAVES[1]),
        LoggedSave(3, 64, 96, SAVES[2]),
    ]


def test_a_torn_end_is_reported_and_left_as_it_is(directory: Path) -> None:
    path = directory / "0000000003.wal"
    path.write_bytes(path.read_bytes()[:150].ljust(512, b"\0"))
    before = contents(directory)
    report = verify(directory)
    assert report.damage is None
    assert report.torn is not None
    assert (report.torn.segment.number, report.torn.offset) == (3, 64)
    assert (report.saves, report.current_term) == (2, 1)
    assert contents(directory) == before


@pytest.mark.parametrize("name", ["", "elsewhere"])
def test_a_directory_without_a_log_is_refused_and_not_touched(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"has no metadata\.json: it is not the directory of a write-ahead log"):
        verify(tmp_path / name)
    with pytest.raises(DataError, match=r"has no metadata\.json"):
        next(read_saves(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


def test_damaged_metadata_are_an_error_since_nothing_else_can_be_judged_without(directory: Path) -> None:
    (directory / "metadata.json").write_text("{}")
    with pytest.raises(CorruptState, match=r"metadata\.json is damaged"):
        verify(directory)


def test_the_log_of_a_server_that_runs_is_not_looked_at(directory: Path) -> None:
    """What is being written would look torn."""
    lock = DirectoryLock(directory)
    with pytest.raises(DataLocked):
        verify(directory)
    lock.release()
    saves = read_saves(directory)
    next(saves)
    manager = WalStateManager("n1", directory)
    with pytest.raises(DataLocked):
        manager.load()
    saves.close()
    manager.load()
    manager.close()


# --- The entries ---


def row(index: int, term: int = 1, data: bytes = b"") -> Entry:
    return Entry(term, EntryKind.COMMAND, data or b"%d" % index * 50)


def log_of(directory: Path, *steps: Step) -> None:
    async def run() -> None:
        manager = WalStateManager("n1", directory, segment_size_bytes=512)
        manager.load()
        for step in steps:
            if isinstance(step, Base):
                manager.trim(step, lambda error: None)
            else:
                manager.save(step, lambda error: None)
        manager.close()

    asyncio.run(run())


def test_the_entries_are_shown_with_index_term_kind_and_place(directory: Path) -> None:
    assert list(read_log(directory)) == [
        LoggedEntry(2, 64, 1, 1, EntryKind.NO_OP, b""),
        LoggedEntry(3, 64, 2, 2, EntryKind.COMMAND, b"y"),
    ]


def test_entries_that_were_cut_replaced_or_trimmed_are_not_shown(tmp_path: Path) -> None:
    log_of(
        tmp_path,
        Save(1, None, 1, Entries.from_rows(map(row, range(1, 11)))),
        Save(2, None, 6, Entries.of(row(6, 2))),
        Save(3, None, 4),
        Save(3, None, 4, Entries.of(row(4, 3), row(5, 3))),
        Base(2, 1),
    )
    assert [(each.index, each.term) for each in read_log(tmp_path)] == [(3, 1), (4, 3), (5, 3)]
    log_of(tmp_path, Save(4, None, 101, Entries.of(row(101, 4)), Base(100, 4)))
    assert [(each.index, each.term) for each in read_log(tmp_path)] == [(101, 4)]
    report = verify(tmp_path)
    assert (report.base.index, report.entries, report.last_index) == (100, 1, 101)


@settings(max_examples=40)
@given(histories(max_bytes=300))
def test_the_entries_that_are_shown_are_those_that_the_next_start_reads(runs: list[list[Step]]) -> None:
    with TemporaryDirectory() as name:
        directory = Path(name)
        expected = Saved()
        for steps in runs:
            log_of(directory, *steps)
            for step in steps:
                expected = as_told(expected, step)
        shown = list(read_log(directory))
        assert [each.index for each in shown] == [expected.base.index + 1 + place for place in range(len(shown))]
        assert Entries.from_rows(Entry(each.term, each.kind, each.data) for each in shown) == expected.entries
        report = verify(directory)
        assert (report.current_term, report.voted_for) == (expected.current_term, expected.voted_for)
        assert (report.base, report.entries) == (expected.base, len(expected.entries))


def test_the_entries_before_the_damage_are_shown_and_then_the_damage_is_told(tmp_path: Path) -> None:
    log_of(tmp_path, *(Save(1, None, index, Entries.of(row(index, 1, bytes([index]) * 300))) for index in range(1, 6)))
    path = tmp_path / "0000000003.wal"
    path.write_bytes(path.read_bytes().replace(bytes([3]) * 300, bytes([9]) * 300))
    entries = read_log(tmp_path)
    assert [next(entries).index for _ in range(2)] == [1, 2]
    with pytest.raises(CorruptLog) as damage:
        next(entries)
    assert (damage.value.segment, damage.value.offset, damage.value.index) == (str(path), 64, 3)


# --- The snapshot beside it ---


def snapshot_at(directory: Path, index: int) -> None:
    async def run() -> None:
        store = FileSnapshotStore(directory)
        store.load()
        await made(store, index, b"some data")
        store.close()

    asyncio.run(run())


def test_a_whole_directory_has_no_problems(directory: Path) -> None:
    snapshot_at(directory, 2)
    log_of(directory, base_at(1))
    report = verify(directory)
    assert (report.problems, report.snapshot, report.repair_note) == ((), snapshot_of(2, b"some data"), None)


def test_a_damaged_snapshot_is_a_problem_that_is_named(directory: Path) -> None:
    snapshot_at(directory, 1)
    path = directory / "0000000000000001.snapshot"
    path.write_bytes(path.read_bytes().replace(b"some", b"same"))
    before = contents(directory)
    report = verify(directory)
    assert report.snapshot is None
    (problem,) = report.problems
    assert problem.startswith(f"{path} is damaged: its data have checksum")
    assert contents(directory) == before


def test_a_log_that_begins_after_what_the_snapshot_holds_is_a_problem(directory: Path) -> None:
    log_of(directory, base_at(2))
    assert verify(directory).problems == (
        "the log begins after entry 2, and there is no snapshot: what is between is missing",
    )
    snapshot_at(directory, 1)
    assert verify(directory).problems == (
        "the log begins after entry 2, and the snapshot is of index 1: what is between is missing",
    )


def test_damage_and_what_is_to_be_repaired_are_told(directory: Path) -> None:
    path = directory / "0000000002.wal"
    path.write_bytes(path.read_bytes().replace(b"xxx", b"xyx", 1))
    (problem,) = verify(directory).problems
    assert problem.startswith(f"{path} is damaged at byte 64, where entry 1 of the log is due")
    manager = WalStateManager("n1", directory)
    manager.set_aside()
    manager.load()
    manager.close()
    assert verify(directory).repair_note == RepairNote(1, True, 2, 2)


def test_a_large_log_is_looked_at_in_the_memory_of_a_few_windows(tmp_path: Path) -> None:
    saves = [Save(1, None, index, Entries.of(row(index, 1, b"x" * 100_000))) for index in range(1, 201)]

    async def run() -> None:
        manager = WalStateManager("n1", tmp_path)
        manager.load()
        for save in saves:
            manager.save(save, lambda error: None)
        manager.close()

    asyncio.run(run())
    tracemalloc.start()
    try:
        assert verify(tmp_path).entries == 200
        assert sum(len(each.data) for each in read_log(tmp_path)) == 20_000_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000
