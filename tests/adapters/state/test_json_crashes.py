"""The JSON file when the power goes, the disk fails, or the disk is slow."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.adapters.state.bad_disks import assert_close_waits, assert_the_loop_goes_on, saves_around_a_failure
from tests.adapters.state.disks import FailingFiles, FullFiles, SlowFiles, ToldFiles, VirtualFiles
from tests.adapters.state.runs import SMALL, STORED, acknowledged, contents, entry, loaded, saves
from tfraft.adapters.state.json import LocalStateManager
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries
from tfraft.errors import CorruptState, DataError, StorageFailed, TfRaftError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A small file of server n1."""
    assert saves(LocalStateManager("n1", tmp_path), SMALL) == [None]
    return tmp_path / "n1.json"


def test_a_temporary_file_that_was_left_over_is_ignored_and_removed(path: Path) -> None:
    stale = path.with_name("n1.json.new")
    stale.write_bytes(b"half of a f")
    stale.chmod(0o644)
    assert loaded(LocalStateManager("n1", path.parent)) == STORED
    assert not stale.exists()


def test_a_temporary_file_stays_where_the_file_itself_is_damaged(path: Path) -> None:
    """It may be the better copy: a person decides."""
    path.with_name("n1.json.new").write_bytes(path.read_bytes())
    path.write_bytes(b"")
    with pytest.raises(CorruptState):
        loaded(LocalStateManager("n1", path.parent))
    assert path.with_name("n1.json.new").exists()


def test_write_sync_rename_and_sync_of_the_directory_come_before_on_saved(tmp_path: Path) -> None:
    """PITFALLS: a name that is not synced may be gone after a power cut."""
    told: list[str] = []

    def on_saved(error: TfRaftError | None) -> None:
        told.append(f"on_saved {error}")

    async def save() -> None:
        manager = LocalStateManager("n1", tmp_path, files=ToldFiles(told))
        manager.load()
        told.clear()
        manager.save(SMALL, on_saved)
        manager.close()
        await asyncio.sleep(0)

    asyncio.run(save())
    replaced = ["create n1.json.new", "write", "synced", "renamed n1.json.new n1.json", "directory synced"]
    assert told == [*replaced, "on_saved None"]


def power_cuts() -> Iterator[tuple[int, bool, bool]]:
    """Every step of three saves, and every way in which unsynced names and contents may or may not be there."""
    for steps in range(40):
        for new_names in (False, True):
            for new_contents in (False, True):
                yield steps, new_names, new_contents


def test_a_power_cut_at_any_step_leaves_what_was_acknowledged_or_the_save_under_way(tmp_path: Path) -> None:
    """§3.8, on a disk that may forget whatever was not synced."""
    history = [SMALL, Save(2, None), Save(3, "n2", 2, Entries.of(entry(b"other", term=3)))]
    states = [
        None,
        STORED,
        Saved(2, None, STORED.base, STORED.entries),
        Saved(3, "n2", STORED.base, Entries.of(STORED.entries[0], entry(b"other", term=3))),
    ]
    outcomes = set()
    for steps, new_names, new_contents in power_cuts():
        disk = VirtualFiles(steps)
        try:
            done = saves(LocalStateManager("n1", tmp_path, files=disk), *history).count(None)
        except DataError:  # The cut came while it was loading.
            done = 0
        found = loaded(
            LocalStateManager("n1", tmp_path, files=disk.after_cut(new_names=new_names, new_contents=new_contents))
        )
        assert found in states[done : done + 2], f"{done} acknowledged, {steps=} {new_names=} {new_contents=}"
        outcomes.add((done, states.index(found)))
    # All of it was tried: nothing done, all done, and a save that was not acknowledged and is there.
    assert {(0, 0), (1, 2), (2, 2), (2, 3), (3, 3)} <= outcomes


def test_what_was_loaded_after_a_kill_survives_a_power_cut_that_follows(tmp_path: Path) -> None:
    """The killed run may have renamed and not synced; the next one relies on what it finds, vote included."""
    found = set()
    for steps in range(24):
        disk = VirtualFiles(steps)
        with suppress(DataError):
            saves(LocalStateManager("n1", tmp_path, files=disk), SMALL, Save(2, "n3"))
        disk.steps_left = float("inf")
        relied_on = loaded(LocalStateManager("n1", tmp_path, files=disk))
        after_cut = disk.after_cut(new_names=False, new_contents=False)
        assert loaded(LocalStateManager("n1", tmp_path, files=after_cut)) == relied_on, f"{steps=}"
        found.add(relied_on and relied_on.current_term)
    assert found == {None, 1, 2}


# --- A disk that fails ---


@pytest.mark.parametrize("operation", ["create", "write", "sync", "rename", "sync_directory"])
def test_an_error_of_the_disk_is_told_and_nothing_is_tried_again(tmp_path: Path, operation: str) -> None:
    """PITFALLS 35: an fsync that failed must not be retried, since the kernel has dropped what it could not write."""
    files = FailingFiles()
    errors = saves_around_a_failure(LocalStateManager("n1", tmp_path, files=files), files, SMALL, operation)
    assert all(isinstance(error, StorageFailed) for error in errors)
    assert {str(error) for error in errors} == {f"{tmp_path}/n1.json could not be saved: Input/output error"}
    assert files.failures == 1
    assert loaded(LocalStateManager("n1", tmp_path)) in (STORED, Saved(2, None, STORED.base, STORED.entries))


def test_a_disk_without_space_is_told_and_the_old_state_stays(tmp_path: Path) -> None:
    files = FullFiles(full=False)

    async def run() -> TfRaftError | None:
        manager = LocalStateManager("n1", tmp_path, files=files)
        manager.load()
        assert await acknowledged(manager, SMALL) is None
        files.full = True
        error = await acknowledged(manager, Save(2, None))
        manager.close()
        return error

    assert str(asyncio.run(run())) == f"{tmp_path}/n1.json could not be saved: No space left on device"
    assert loaded(LocalStateManager("n1", tmp_path)) == STORED


def test_a_disk_without_space_is_found_before_a_server_takes_part(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"n1\.json cannot be written: No space left on device"):
        loaded(LocalStateManager("n1", tmp_path, files=FullFiles(full=True)))
    assert contents(tmp_path) == {}
    saves(LocalStateManager("n1", tmp_path), SMALL)
    before = contents(tmp_path)
    with pytest.raises(DataError, match=r"n1\.json cannot be written: No space left on device"):
        loaded(LocalStateManager("n1", tmp_path, files=FullFiles(full=True)))
    assert contents(tmp_path) == before


def test_a_save_that_makes_no_sense_is_an_error_and_not_silence(tmp_path: Path) -> None:
    errors = saves(LocalStateManager("n1", tmp_path), Save(1, None, 5, Entries.of(entry(b"x"))))
    assert [str(error) for error in errors] == [
        f"{tmp_path}/n1.json could not be saved: AssertionError: a gap in the log: 0 entries, then 5"
    ]


def test_a_directory_in_the_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "n1.json").mkdir()
    with pytest.raises(DataError, match=r"n1\.json cannot be read: Is a directory"):
        loaded(LocalStateManager("n1", tmp_path))


def test_a_file_in_the_place_of_the_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    with pytest.raises(DataError, match=r"data cannot be made a directory: File exists"):
        loaded(LocalStateManager("n1", tmp_path / "data"))


# --- The thread ---


def test_a_slow_disk_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    files = SlowFiles()
    assert_the_loop_goes_on(LocalStateManager("n1", tmp_path, files=files), files, SMALL)


def test_close_waits_for_the_save_under_way(tmp_path: Path) -> None:
    assert_close_waits(lambda files: LocalStateManager("n1", tmp_path, files=files), SMALL)
    assert loaded(LocalStateManager("n1", tmp_path)) == STORED
