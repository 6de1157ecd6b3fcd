"""The write-ahead log on a disk that fails, and on one that is slow."""

import asyncio
import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from tests.adapters.state.bad_disks import assert_close_waits, assert_the_loop_goes_on, saves_around_a_failure
from tests.adapters.state.disks import FailingFiles, SlowFiles
from tests.adapters.state.runs import acknowledged, loaded, saves
from tests.adapters.state.wal_disks import MARK, VirtualLogFiles
from tests.adapters.state.wal_runs import SMALL, STORED
from tfraft.adapters.state.wal import WalStateManager
from tfraft.core.effects import Save, Saved
from tfraft.errors import CorruptState, DataError, StorageFailed, TfRaftError


@pytest.mark.parametrize("operation", ["write_at", "sync_data"])
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_an_error_of_the_disk_is_told_and_nothing_is_tried_again(tmp_path: Path, operation: str, error: int) -> None:
    """PITFALLS 35: an fsync that failed must not be retried, since the kernel has dropped what it could not write."""
    files = FailingFiles(error)
    errors = saves_around_a_failure(WalStateManager("n1", tmp_path, files=files), files, SMALL, operation)
    assert all(isinstance(error, StorageFailed) for error in errors)
    assert {str(each) for each in errors} == {f"{tmp_path} could not be saved: {os.strerror(error)}"}
    assert files.failures == 1
    assert loaded(WalStateManager("n1", tmp_path)) in (STORED, Saved(2, None, entries=STORED.entries))


@pytest.mark.parametrize("operation", ["create", "write", "sync", "rename", "sync_directory"])
def test_a_next_segment_that_cannot_be_made_stops_the_saves_after_the_one_that_was_acknowledged(
    tmp_path: Path, operation: str
) -> None:
    files = FailingFiles(errno.ENOSPC)

    async def run() -> list[TfRaftError | None]:
        manager = WalStateManager("n1", tmp_path, segment_size_bytes=512, files=files)
        manager.load()
        files.broken = operation
        answers = [await acknowledged(manager, save) for save in (SMALL, Save(2, None), Save(3, None))]
        manager.close()
        return answers

    answers = asyncio.run(run())
    assert answers[0] is None
    assert [str(answer) for answer in answers[1:]] == [f"{tmp_path} could not be saved: No space left on device"] * 2
    assert files.failures == 1
    assert loaded(WalStateManager("n1", tmp_path)) == STORED


@pytest.mark.parametrize("operation", ["create", "write", "sync", "rename", "sync_directory"])
def test_a_directory_that_cannot_be_written_is_found_before_a_new_server_takes_part(
    tmp_path: Path, operation: str
) -> None:
    files = FailingFiles()
    files.broken = operation
    with pytest.raises(DataError, match="cannot be written: Input/output error"):
        loaded(WalStateManager("n1", tmp_path, files=files))
    assert loaded(WalStateManager("n1", tmp_path)) is None


def test_a_sector_that_the_disk_cannot_give_back_is_damage(directory: Path) -> None:
    files = FailingFiles()
    files.broken = "read_at"
    with pytest.raises(CorruptState, match=r"damaged at byte 0, .*: it cannot be read: Input/output error"):
        loaded(WalStateManager("n1", directory, files=files))


def test_a_log_that_cannot_be_made_durable_is_not_used(directory: Path) -> None:
    files = FailingFiles()
    files.broken = "sync_data"
    with pytest.raises(DataError, match="cannot be written: Input/output error"):
        loaded(WalStateManager("n1", directory, files=files))


@pytest.mark.parametrize(
    ("save", "what"),
    [
        (Save(1, None, 5, SMALL.entries), "a gap in the log: 2 entries, then 5"),
        (Save(2**64, None), "argument out of range"),
    ],
)
def test_a_save_that_makes_no_sense_is_an_error_and_not_silence(directory: Path, save: Save, what: str) -> None:
    (error,) = saves(WalStateManager("n1", directory), save)
    assert what in str(error)
    assert loaded(WalStateManager("n1", directory)) == STORED


def test_a_slow_disk_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    files = SlowFiles()
    assert_the_loop_goes_on(WalStateManager("n1", tmp_path, files=files), files, SMALL)


def test_close_waits_for_the_save_under_way(tmp_path: Path) -> None:
    assert_close_waits(lambda files: WalStateManager("n1", tmp_path, files=files), SMALL)
    assert loaded(WalStateManager("n1", tmp_path)) == STORED


@pytest.mark.parametrize(
    "operation", ["", "create", "write", "sync", "rename", "sync_directory", "write_at", "sync_data", "open", "size"]
)
def test_all_descriptors_are_closed_whatever_happened(tmp_path: Path, operation: str) -> None:
    for large in (100, 2000):
        files = VirtualLogFiles()

        async def run(files: VirtualLogFiles = files, large: int = large) -> None:
            manager = WalStateManager("n1", tmp_path, segment_size_bytes=512, mark=MARK, files=files)
            manager.load()
            files.failing = operation
            answers = [await acknowledged(manager, Save(term, "n" * large)) for term in range(1, 8)]
            assert (answers[-1] is None) == (operation == "")
            manager.close()

        asyncio.run(run())
        # The same failure meets the next start, too, if it comes that far.
        with suppress(DataError):
            loaded(WalStateManager("n1", tmp_path, segment_size_bytes=512, files=files))
        assert files.open_files == 0
