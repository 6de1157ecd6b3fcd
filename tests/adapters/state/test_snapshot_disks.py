"""Snapshot files when the power goes, the disk fails, or the disk is slow."""

import asyncio
import errno
import os
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.adapters.state.disks import FailingFiles, SlowFiles
from tests.adapters.state.runs import answer_of
from tests.adapters.state.snapshot_runs import base_at, finish, found, made, make, names_in, read, snapshot_of, write
from tests.adapters.state.wal_disks import LOSSES, VirtualLogFiles, nothing_unsynced
from tfraft.adapters.state.snapshots import FileSnapshotStore
from tfraft.core.base import Snapshot
from tfraft.errors import DataError, StorageFailed, TfRaftError

OLD, NEW = b"old" * 700, bytes(1500) + b"new" * 700


def steps_of_a_snapshot(tmp_path: Path) -> int:
    disk = VirtualLogFiles()
    make(tmp_path, 7, OLD, files=disk)
    disk.steps_left = 10**9
    make(tmp_path, 9, NEW, files=disk)
    return 10**9 - int(disk.steps_left)


@pytest.mark.parametrize("killed", [False, True])
def test_a_crash_in_any_operation_leaves_the_old_or_the_new_snapshot_whole(tmp_path: Path, killed: bool) -> None:
    """PITFALLS 40; and what was read stays, since a log may be trimmed to it from then on."""
    outcomes = set()
    old, new = (snapshot_of(7, OLD), OLD), (snapshot_of(9, NEW), NEW)
    for steps in range(1, steps_of_a_snapshot(tmp_path) + 1):
        for seed in range(len(LOSSES) * 3):
            rng = Random(f"{steps} {seed}")
            disk = VirtualLogFiles()
            make(tmp_path, 7, OLD, files=disk)
            disk.steps_left = steps
            acknowledged = False
            try:
                make(tmp_path, 9, NEW, files=disk)
                acknowledged = True
            except (AssertionError, DataError):
                assert disk.steps_left <= 0
            after = disk.after_kill() if killed else disk.after_cut(LOSSES[seed % len(LOSSES)], rng)
            now = found(tmp_path, files=after)
            assert now == new if acknowledged else now in (old, new), f"{steps=} {seed=}"
            outcomes.add((acknowledged, now == new))
            assert found(tmp_path, files=after.after_cut(nothing_unsynced, rng)) == now, f"{steps=} {seed=}"
    assert outcomes == {(False, False), (False, True), (True, True)}


# --- Disks that fail, and one that is slow ---


def test_a_snapshot_is_synced_before_it_has_its_name_and_that_before_the_older_goes(tmp_path: Path) -> None:
    make(tmp_path)
    files = FailingFiles()

    async def run() -> None:
        store = FileSnapshotStore(tmp_path, files=files)
        store.load()
        files.told.clear()
        await made(store, 8, b"data")
        store.close()

    asyncio.run(run())
    made_so = ["create", "write", "write", "write", "write", "sync_data", "rename", "sync_directory", "remove"]
    assert files.told == made_so


@pytest.mark.parametrize("operation", ["create", "write", "sync_data", "rename", "sync_directory"])
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_an_error_of_the_disk_ends_the_writer_and_the_latest_stays(tmp_path: Path, operation: str, error: int) -> None:
    """PITFALLS 35: nothing is tried again, by this writer."""
    make(tmp_path)
    files = FailingFiles(error)

    async def run() -> None:
        store = FileSnapshotStore(tmp_path, files=files)
        latest = store.load()
        assert latest is not None
        files.broken = operation
        writer = store.create(base_at(8))
        first = await answer_of(partial(writer.write, b"data"))
        failure = await finish(writer)
        assert isinstance(failure, StorageFailed)
        assert str(failure) == f"{tmp_path}/0000000000000008.snapshot could not be saved: {os.strerror(error)}"
        assert first in (None, failure)
        files.broken = ""
        assert await finish(writer) is failure
        assert await read(store, latest, 0, 4) == b"data"
        store.close()

    asyncio.run(run())
    assert files.told.count(operation) <= 2
    index = 8 if operation == "sync_directory" else 7
    assert found(tmp_path) == (snapshot_of(index, b"data"), b"data")


def test_an_older_file_that_cannot_be_removed_is_left_for_the_next_start(tmp_path: Path) -> None:
    make(tmp_path)
    files = FailingFiles()
    files.broken = "remove"
    make(tmp_path, 8, files=files)
    assert len(names_in(tmp_path)) == 2
    assert found(tmp_path) == (snapshot_of(8, b"data"), b"data")
    assert len(names_in(tmp_path)) == 1


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    make(tmp_path)
    files = FailingFiles()

    async def run() -> None:
        store = FileSnapshotStore(tmp_path, files=files)
        latest = store.load()
        assert latest is not None
        files.broken = "read_at"
        assert await read(store, latest, 0, 4) is None
        store.close()

    asyncio.run(run())


def test_a_disk_that_cannot_be_read_is_an_error_at_the_start(tmp_path: Path) -> None:
    make(tmp_path)
    files = FailingFiles()
    files.broken = "read_at"
    with pytest.raises(DataError, match="cannot be read: Input/output error"):
        found(tmp_path, files=files)


@pytest.mark.parametrize("operation", ["", "create", "write_at", "sync_data", "rename", "sync_directory", "open"])
def test_all_descriptors_are_closed_whatever_happened(tmp_path: Path, operation: str) -> None:
    disk = VirtualLogFiles()
    make(tmp_path, files=disk)

    async def run() -> None:
        store = FileSnapshotStore(tmp_path, files=disk)
        store.load()
        disk.failing = operation
        answers: list[TfRaftError | None] = []
        for index in (8, 9):
            writer = store.create(base_at(index))
            answers.append(await answer_of(partial(writer.write, b"data")))
            result = await finish(writer)
            assert isinstance(result, Snapshot) == (operation == "")
        begun = store.create(base_at(10))
        await answer_of(partial(begun.write, b"data"))
        store.close()

    asyncio.run(run())
    assert disk.open_files == 0


def test_a_slow_disk_does_not_hold_up_the_loop_and_close_waits_for_it(tmp_path: Path) -> None:
    async def run() -> None:
        files = SlowFiles()
        store = FileSnapshotStore(tmp_path, files=files)
        store.load()
        files.may_sync.clear()
        writer = store.create(base_at(7))
        await write(writer, b"data")
        answers: list[Snapshot | TfRaftError] = []
        writer.finish(None, answers.append)
        await asyncio.sleep(0)
        # The loop goes on, and the snapshot cannot be there: the disk is let go by the loop itself.
        assert answers == []
        files.may_sync.set()
        store.close()
        await asyncio.sleep(0)
        assert answers == [snapshot_of(7, b"data")]

    asyncio.run(run())
