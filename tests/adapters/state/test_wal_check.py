"""Looking at a log while no server uses it."""

import asyncio
from pathlib import Path

import pytest

from tfraft.adapters.state.lock import DirectoryLock
from tfraft.adapters.state.wal import WalStateManager
from tfraft.adapters.state.wal_check import read_log, verify
from tfraft.adapters.state.wal_reader import LoggedSave
from tfraft.core.effects import Save
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


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.name != "LOCK"}


def test_a_whole_log_is_reported_with_what_it_says(directory: Path) -> None:
    before = contents(directory)
    report = verify(directory)
    assert (report.damage, report.torn) == (None, None)
    assert (report.metadata.server_id, report.metadata.cluster_id) == ("n1", "c1")
    assert (report.saves, report.current_term, report.voted_for, report.last_index) == (3, 2, None, 2)
    assert [(segment.number, segment.size) for segment in report.segments] == [(1, 512), (2, 1536), (3, 512), (4, 512)]
    assert contents(directory) == before


def test_the_saves_are_read_one_by_one_with_their_places(directory: Path) -> None:
    assert list(read_log(directory)) == [
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
        next(read_log(tmp_path / name))
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
    saves = read_log(directory)
    next(saves)
    manager = WalStateManager("n1", directory)
    with pytest.raises(DataLocked):
        manager.load()
    saves.close()
    manager.load()
    manager.close()
