"""Snapshot files: their bytes, their names, power cuts, damage, and disks that fail."""

import asyncio
import errno
import os
import stat
import struct
import threading
from functools import partial
from pathlib import Path
from random import Random

import pytest
from crc32c import crc32c

from tests.adapters.state.wal_disks import LOSSES, VirtualLogFiles, nothing_unsynced
from tests.contracts.test_snapshot_store import answer_of, base_at, finish, made, read, snapshot_of, write
from tfraft.adapters.state.bases import encode_base
from tfraft.adapters.state.segments_on_disk import LogFiles
from tfraft.adapters.state.snapshots import FileSnapshotStore
from tfraft.core.base import Snapshot
from tfraft.errors import CorruptSnapshot, DataError, SettingError, StorageFailed, TfRaftError

NAME = "0000000000000007.snapshot"


def make(directory: Path, index: int = 7, data: bytes = b"data", name: str = "", files: LogFiles | None = None) -> None:
    """One run of a server that makes this snapshot."""

    async def run() -> None:
        store = FileSnapshotStore(directory, name, files=files)
        try:
            store.load()
            await made(store, index, data[: len(data) // 2], data[len(data) // 2 :])
        finally:
            store.close()

    asyncio.run(run())


def found(directory: Path, name: str = "", files: LogFiles | None = None) -> tuple[Snapshot | None, bytes]:
    """What the next run finds."""
    store = FileSnapshotStore(directory, name, files=files)
    try:
        latest = store.load()
        return latest, b"" if latest is None else b"".join(store.pieces(latest))
    finally:
        store.close()


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


# --- The file ---


def test_the_file_is_the_documented_one(tmp_path: Path) -> None:
    make(tmp_path)
    base = encode_base(base_at(7))
    header = b"tf-raft snap 1\n\0" + struct.pack("<I", len(base)) + base
    footer = struct.pack("<QI", 4, crc32c(b"data"))
    parts = (header, struct.pack("<I", crc32c(header)), b"data", footer, struct.pack("<I", crc32c(footer)))
    assert (tmp_path / NAME).read_bytes() == b"".join(parts)


def test_files_and_directories_are_for_their_owner_alone(tmp_path: Path) -> None:
    make(tmp_path / "new")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new", tmp_path / "new" / NAME)]
    assert modes == [0o700, 0o600]


def test_the_files_before_are_removed(tmp_path: Path) -> None:
    for index in (7, 8, 0x1234ABCD):
        make(tmp_path, index)
    assert names_in(tmp_path) == ["000000001234abcd.snapshot"]


def test_servers_of_one_directory_do_not_meet(tmp_path: Path) -> None:
    """As those whose states are JSON files beside each other."""
    servers = ["n1", "n1.0000000000000007", "NODE0:55000", "0000000000000007"]
    (tmp_path / "n1.json").write_text("mine")
    for number, server in enumerate(servers):
        make(tmp_path, 7 + number, server.encode(), server)
    for number, server in enumerate(servers):
        assert found(tmp_path, server) == (snapshot_of(7 + number, server.encode()), server.encode())
    assert found(tmp_path) == (None, b"")
    assert len(names_in(tmp_path)) == 5


@pytest.mark.parametrize("name", [".", "../n1", "a/b", "a\x00", "-n1", "n 1", "n1\n", "ñ", "x" * 64])
def test_a_name_that_cannot_name_a_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingError, match="the name of a server whose snapshots are kept in files"):
        FileSnapshotStore(tmp_path, name)


def test_what_a_crash_left_unfinished_is_removed_and_nothing_else(tmp_path: Path) -> None:
    make(tmp_path)
    others = ["notes.txt", f"{NAME}.new", "n2.0000000000000001.snapshot.new-1", "0000000001.wal"]
    for name in [*others, f"{NAME}.new-1", "0000000000000009.snapshot.new-12", "0000000000000003.snapshot"]:
        (tmp_path / name).write_bytes(b"half of a f")
    assert found(tmp_path) == (snapshot_of(7, b"data"), b"data")
    assert names_in(tmp_path) == sorted([NAME, *others])


def test_an_aborted_snapshot_and_one_that_is_not_finished_leave_no_file(tmp_path: Path) -> None:
    async def run() -> None:
        store = FileSnapshotStore(tmp_path)
        store.load()
        aborted, begun = store.create(base_at(7)), store.create(base_at(8))
        await write(aborted, b"aborted")
        await write(begun, b"begun")
        assert len(names_in(tmp_path)) == 2
        aborted.abort()
        store.close()

    asyncio.run(run())
    assert names_in(tmp_path) == []


# --- Power cuts ---

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


# --- Damage ---


def test_a_flipped_bit_anywhere_is_refused_by_the_name_of_the_file(tmp_path: Path) -> None:
    make(tmp_path, 7, b"some data")
    path = tmp_path / NAME
    text = path.read_bytes()
    data_at = text.index(b"some data")
    whats = set()
    for offset in range(len(text)):
        for bit in (0, 3, 7):
            path.write_bytes(text[:offset] + bytes([text[offset] ^ 1 << bit]) + text[offset + 1 :])
            with pytest.raises(CorruptSnapshot) as refusal:
                found(tmp_path)
            assert str(refusal.value).startswith(f"{path} is damaged: ")
            what = str(refusal.value).removeprefix(f"{path} is damaged: ")
            whats.add(what.partition(" ")[2][:12])
            assert ("its data have checksum" in what) == (data_at <= offset < data_at + 9)
    assert names_in(tmp_path) == [NAME]
    assert len(whats) == 4


@pytest.mark.parametrize("change", [-1, 1, -30, 512])
def test_a_file_that_was_cut_or_has_grown_is_refused(tmp_path: Path, change: int) -> None:
    make(tmp_path, 7, b"some data" * 10)
    path = tmp_path / NAME
    text = path.read_bytes()
    for longer in (bytes(max(0, change)), text[-16:]):
        path.write_bytes((text[:change] if change < 0 else text) + longer)
        with pytest.raises(CorruptSnapshot, match=f"{NAME} is damaged"):
            found(tmp_path)


def test_a_file_cut_at_any_length_is_refused(tmp_path: Path) -> None:
    make(tmp_path, 7, b"some data")
    path = tmp_path / NAME
    text = path.read_bytes()
    for length in range(len(text)):
        path.write_bytes(text[:length])
        with pytest.raises(CorruptSnapshot, match=f"{NAME} is damaged"):
            found(tmp_path)


def test_a_snapshot_under_another_name_is_refused(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / NAME).rename(tmp_path / "0000000000000008.snapshot")
    with pytest.raises(CorruptSnapshot, match="it is the snapshot of index 7"):
        found(tmp_path)


def test_an_older_snapshot_is_not_taken_for_the_damaged_latest(tmp_path: Path) -> None:
    """The log may begin after the latest: the older one would leave a gap. Nothing is changed."""
    make(tmp_path)
    older = (tmp_path / NAME).read_bytes()
    make(tmp_path, 8)
    (tmp_path / NAME).write_bytes(older)
    (tmp_path / "0000000000000008.snapshot").write_bytes(b"")
    with pytest.raises(CorruptSnapshot, match=r"0000000000000008\.snapshot is damaged"):
        found(tmp_path)
    assert names_in(tmp_path) == [NAME, "0000000000000008.snapshot"]


def test_damage_that_comes_while_it_is_read_is_told_at_the_end(tmp_path: Path) -> None:
    make(tmp_path, 7, b"some data")
    store = FileSnapshotStore(tmp_path)
    latest = store.load()
    assert latest is not None
    (tmp_path / NAME).write_bytes((tmp_path / NAME).read_bytes().replace(b"some", b"same"))
    pieces = store.pieces(latest)
    assert next(pieces) == b"same data"
    with pytest.raises(CorruptSnapshot, match="its data have checksum"):
        next(pieces)
    (tmp_path / NAME).unlink()
    with pytest.raises(CorruptSnapshot, match="it cannot be read: No such file or directory"):
        next(store.pieces(latest))
    store.close()


def test_damaged_snapshots_are_set_aside(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / NAME).write_bytes(b"rot")
    (tmp_path / "aside").mkdir()
    store = FileSnapshotStore(tmp_path)
    with pytest.raises(CorruptSnapshot):
        store.load()
    store.set_aside(tmp_path / "aside")
    assert store.load() is None
    store.close()
    assert (tmp_path / "aside" / NAME).read_bytes() == b"rot"


# --- Disks that fail ---


class FailingFiles(LogFiles):
    """The real disk until `broken` names the operation that fails from then on."""

    def __init__(self, error: int) -> None:
        self.broken = ""
        self.error = error
        self.told: list[str] = []

    def _tell(self, operation: str) -> None:
        self.told.append(operation)
        if operation == self.broken:
            raise OSError(self.error, os.strerror(self.error))

    def create(self, path: Path) -> int:
        self._tell("create")
        return super().create(path)

    def write(self, file: int, data: bytes) -> None:
        self._tell("write")
        super().write(file, data)

    def sync_data(self, file: int) -> None:
        self._tell("sync_data")
        super().sync_data(file)

    def rename(self, source: Path, target: Path) -> None:
        self._tell("rename")
        super().rename(source, target)

    def sync_directory(self, directory: Path) -> None:
        self._tell("sync_directory")
        super().sync_directory(directory)

    def remove(self, path: Path) -> None:
        self._tell("remove")
        super().remove(path)

    def read_at(self, file: int, offset: int, length: int) -> bytes:
        self._tell("read_at")
        return super().read_at(file, offset, length)


def test_a_snapshot_is_synced_before_it_has_its_name_and_that_before_the_older_goes(tmp_path: Path) -> None:
    make(tmp_path)
    files = FailingFiles(errno.EIO)

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
    files = FailingFiles(errno.EIO)
    files.broken = "remove"
    make(tmp_path, 8, files=files)
    assert len(names_in(tmp_path)) == 2
    assert found(tmp_path) == (snapshot_of(8, b"data"), b"data")
    assert len(names_in(tmp_path)) == 1


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    make(tmp_path)
    files = FailingFiles(errno.EIO)

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
    files = FailingFiles(errno.EIO)
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


class SlowFiles(LogFiles):
    """A disk that syncs only once it may."""

    def __init__(self) -> None:
        self.may_sync = threading.Event()

    def sync_data(self, file: int) -> None:
        assert self.may_sync.wait(60)
        super().sync_data(file)


def test_a_slow_disk_does_not_hold_up_the_loop_and_close_waits_for_it(tmp_path: Path) -> None:
    async def run() -> None:
        files = SlowFiles()
        store = FileSnapshotStore(tmp_path, files=files)
        store.load()
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
