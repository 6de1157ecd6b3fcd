"""The files of a write-ahead log: their names, modes and sizes, and what a crash leaves of them."""

import stat
from pathlib import Path

import pytest

from tests.adapters.state.runs import contents, loaded, saves
from tests.adapters.state.wal_disks import MARK
from tests.adapters.state.wal_runs import SMALL, STORED
from tfraft.adapters.state.wal import WalStateManager
from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import SettingError


def test_directories_and_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "deeper"
    large = Save(1, "n1", 3, Entries.of(Entry(1, EntryKind.COMMAND, bytes(5000))))
    saves(WalStateManager("n1", directory, segment_size_bytes=4096), SMALL, large)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (directory, *directory.iterdir())}
    assert modes == {
        "deeper": 0o700,
        "LOCK": 0o600,
        "metadata.json": 0o600,
        "0000000001.wal": 0o600,
        "0000000002.wal": 0o600,
        "0000000003.wal": 0o600,
    }


def test_segments_begin_small_and_double_up_to_their_size(tmp_path: Path) -> None:
    """A new server starts at once, and a small one takes little of the disk."""
    manager = WalStateManager("n1", tmp_path, segment_size_bytes=4 << 20)
    size = 600 << 10
    entries = [Entries.of(Entry(1, EntryKind.COMMAND, bytes(size))) for _ in range(20)]
    assert saves(manager, *(Save(1, "n1", index, run) for index, run in enumerate(entries, 1))) == [None] * 20
    sizes = [path.stat().st_size >> 20 for path in sorted(tmp_path.glob("*.wal"))]
    assert sizes == [1, 2, 4, 4, 4, 4]


def test_a_save_larger_than_a_segment_gets_one_of_its_own(tmp_path: Path) -> None:
    large = Entries.of(Entry(1, EntryKind.COMMAND, b"\xf0" * (3 << 20)))
    script = [Save(1, "n1", 1, large), Save(1, "n1", 2, SMALL.entries), Save(1, "n1", 4, large)]
    assert saves(WalStateManager("n1", tmp_path, segment_size_bytes=1 << 20), *script) == [None] * 3
    found = loaded(WalStateManager("n1", tmp_path))
    assert found == Saved(1, "n1", entries=Entries.from_rows([*large, *SMALL.entries, *large]))


def test_a_segment_that_is_needed_sooner_than_it_was_prepared_is_finished_first(tmp_path: Path) -> None:
    size = 1 << 20
    runs = [Entries.of(Entry(1, EntryKind.COMMAND, b"x" * length)) for length in (10, size - 200, 10)]
    script = [Save(1, None, index, run) for index, run in enumerate(runs, 1)]
    assert saves(WalStateManager("n1", tmp_path, segment_size_bytes=size), *script) == [None] * 3
    found = loaded(WalStateManager("n1", tmp_path))
    assert found == Saved(1, None, entries=Entries.from_rows(entry for run in runs for entry in run))
    assert [path.stat().st_size for path in sorted(tmp_path.glob("*.wal"))] == [size] * 3


@pytest.mark.parametrize("size", [0, -512, 511, 513])
def test_a_size_of_segments_that_is_no_number_of_sectors_is_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(SettingError, match=f"segment_size_bytes must be a multiple of 512, not {size}"):
        WalStateManager("n1", tmp_path, segment_size_bytes=size)


def test_the_size_of_segments_may_differ_from_run_to_run(tmp_path: Path) -> None:
    expected: list[Entry] = []
    for size in (512, 4096, 1024, 512):
        entries = [Entry(1, EntryKind.COMMAND, b"%d" % size * 100) for _ in range(5)]
        script = [Save(1, None, len(expected) + place, Entries.of(each)) for place, each in enumerate(entries, 1)]
        assert saves(WalStateManager("n1", tmp_path, segment_size_bytes=size), *script) == [None] * 5
        expected += entries
    assert loaded(WalStateManager("n1", tmp_path)) == Saved(1, None, entries=Entries.from_rows(expected))


def test_what_a_crash_left_half_made_is_removed(directory: Path) -> None:
    for name in ("0000000002.wal.new", "metadata.json.new"):
        (directory / name).write_bytes(b"half of a f")
    (directory / "notes.txt").write_text("mine")
    assert loaded(WalStateManager("n1", directory)) == STORED
    assert sorted(contents(directory)) == ["0000000001.wal", "metadata.json", "notes.txt"]


def test_a_directory_that_was_being_made_is_made_anew(tmp_path: Path) -> None:
    loaded(WalStateManager("n1", tmp_path))
    (tmp_path / "metadata.json").unlink()
    assert saves(WalStateManager("n1", tmp_path), SMALL) == [None]
    assert loaded(WalStateManager("n1", tmp_path)) == STORED


def test_the_mark_of_a_log_is_random_unless_it_is_given(tmp_path: Path) -> None:
    logs = []
    for name in ("a", "b"):
        loaded(WalStateManager("n1", tmp_path / name))
        logs.append(contents(tmp_path / name)["0000000001.wal"])
    assert logs[0] != logs[1]
    loaded(WalStateManager("n1", tmp_path / "c", mark=MARK))
    assert MARK in contents(tmp_path / "c")["0000000001.wal"]


def test_the_configuration_of_a_new_cluster_is_there_after_a_restart(tmp_path: Path) -> None:
    base = Base(0, 0, Configuration.of({"n1": "h:1"}))
    assert saves(WalStateManager("n1", tmp_path), Save(0, None, base=base)) == [None]
    assert loaded(WalStateManager("n1", tmp_path)) == Saved(base=base)
