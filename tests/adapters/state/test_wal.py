"""The write-ahead log as a StateManager: order, files, errors, and whose directory it is."""

import asyncio
import errno
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from crc32c import crc32c

from tests.adapters.state.wal_disks import MARK, VirtualLogFiles
from tfraft.adapters.state.segments_on_disk import LogFiles
from tfraft.adapters.state.wal import WalStateManager
from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import CorruptState, DataError, DataLocked, ForeignData, SettingError, StorageFailed, TfRaftError

SMALL = Save(1, "n1", 1, Entries.of(Entry(1, EntryKind.NO_OP), Entry(1, EntryKind.COMMAND, b"hello")))
STORED = Saved(1, "n1", entries=SMALL.entries)


async def acknowledged(manager: WalStateManager, save: Save) -> TfRaftError | None:
    answer: asyncio.Future[TfRaftError | None] = asyncio.get_running_loop().create_future()
    manager.save(save, answer.set_result)
    return await asyncio.wait_for(answer, 60)


def saves(manager: WalStateManager, *saves: Save) -> list[TfRaftError | None]:
    """Load, save one after the other, close; what became of each save."""

    async def one_run() -> list[TfRaftError | None]:
        try:
            manager.load()
            return [await acknowledged(manager, save) for save in saves]
        finally:
            manager.close()

    return asyncio.run(one_run())


def loaded(manager: WalStateManager) -> Saved | None:
    try:
        return manager.load()
    finally:
        manager.close()


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.name != "LOCK"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The directory of server n1 in cluster c1, with one small save."""
    assert saves(WalStateManager("n1", tmp_path, cluster_id="c1"), SMALL) == [None]
    return tmp_path


# --- The files ---


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


# --- One write, one sync ---


class ToldFiles(LogFiles):
    """The real disk; `told` lists what was asked of it, in order."""

    def __init__(self, told: list[str]) -> None:
        self.told = told

    def create(self, path: Path) -> int:
        self.told.append(f"create {path.name}")
        return super().create(path)

    def write(self, file: int, data: bytes) -> None:
        self.told.append("write")
        super().write(file, data)

    def write_at(self, file: int, offset: int, data: bytes) -> None:
        self.told.append(f"write at {offset}")
        super().write_at(file, offset, data)

    def sync(self, file: int) -> None:
        super().sync(file)
        self.told.append("synced")

    def sync_data(self, file: int) -> None:
        super().sync_data(file)
        self.told.append("data synced")

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self.told.append(f"renamed {source.name} {target.name}")

    def sync_directory(self, directory: Path) -> None:
        super().sync_directory(directory)
        self.told.append("directory synced")


def test_a_save_is_one_write_and_one_sync_before_it_is_acknowledged(tmp_path: Path) -> None:
    saves(WalStateManager("n1", tmp_path, segment_size_bytes=512), SMALL)
    assert (tmp_path / "0000000002.wal").exists()
    told: list[str] = []

    async def run() -> None:
        manager = WalStateManager("n1", tmp_path, files=ToldFiles(told))
        manager.load()
        told.clear()
        for term in (2, 3):
            assert await acknowledged(manager, Save(term, None)) is None
            told.append("acknowledged")
        manager.close()

    asyncio.run(run())
    assert told == [
        *("write at 192", "data synced", "acknowledged"),
        *("write at 256", "data synced", "acknowledged"),
    ]


class HeldUpFiles(ToldFiles):
    """Stands in the way of a new file until it may be made."""

    def __init__(self, told: list[str], may_create: threading.Event) -> None:
        super().__init__(told)
        self.may_create = may_create

    def create(self, path: Path) -> int:
        assert self.may_create.wait(60)
        return super().create(path)


def test_the_next_segment_is_prepared_after_the_save_is_acknowledged(tmp_path: Path) -> None:
    """PITFALLS 40: its zeros are synced before its name, and that before anything says that it is there."""
    told: list[str] = []
    may_create = threading.Event()
    may_create.set()

    async def run() -> None:
        manager = WalStateManager("n1", tmp_path, segment_size_bytes=512, files=HeldUpFiles(told, may_create))
        manager.load()
        told.clear()
        may_create.clear()
        assert await acknowledged(manager, SMALL) is None
        told.append("acknowledged")
        may_create.set()
        manager.close()

    asyncio.run(run())
    assert told == [
        *("write at 64", "data synced", "acknowledged"),
        *("create 0000000002.wal.new", "write", "write", "synced"),
        *("renamed 0000000002.wal.new 0000000002.wal", "directory synced"),
        *("create metadata.json.new", "write", "synced"),
        *("renamed metadata.json.new metadata.json", "directory synced"),
    ]


def test_a_new_directory_has_its_segment_before_its_metadata(tmp_path: Path) -> None:
    """Metadata that are there prove that a segment which is missing was there."""
    told: list[str] = []
    loaded(WalStateManager("n1", tmp_path, segment_size_bytes=512, files=ToldFiles(told)))
    assert told == [
        *("create 0000000001.wal.new", "write", "write", "synced"),
        *("renamed 0000000001.wal.new 0000000001.wal", "directory synced"),
        *("create metadata.json.new", "write", "synced"),
        *("renamed metadata.json.new metadata.json", "directory synced"),
        "directory synced",
    ]


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


# --- Of somebody else ---


def test_the_log_of_another_server_is_foreign(directory: Path) -> None:
    before = contents(directory)
    with pytest.raises(ForeignData, match=r"metadata\.json is of the log of server n1, not of n2"):
        loaded(WalStateManager("n2", directory, cluster_id="c1"))
    assert contents(directory) == before


def test_the_log_of_another_cluster_is_foreign(directory: Path) -> None:
    before = contents(directory)
    with pytest.raises(ForeignData, match=r"metadata\.json belongs to cluster c1, not to c2"):
        loaded(WalStateManager("n1", directory, cluster_id="c2"))
    assert contents(directory) == before
    assert loaded(WalStateManager("n1", directory)) == STORED


def test_the_log_of_no_cluster_is_foreign_to_a_cluster(tmp_path: Path) -> None:
    saves(WalStateManager("n1", tmp_path), SMALL)
    with pytest.raises(ForeignData, match="belongs to cluster without an id, not to c1"):
        loaded(WalStateManager("n1", tmp_path, cluster_id="c1"))


def test_the_log_of_a_newer_format_is_foreign(directory: Path) -> None:
    path = directory / "metadata.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2, "more": true'))
    before = contents(directory)
    with pytest.raises(ForeignData, match=r"is of format 2, from a newer tf-raft; this one reads format 1"):
        loaded(WalStateManager("n1", directory))
    assert contents(directory) == before


def test_a_second_manager_is_refused_until_the_first_is_closed(directory: Path) -> None:
    first, second = (WalStateManager("n1", directory) for _ in range(2))
    first.load()
    with pytest.raises(DataLocked, match=r"in use by this same process \d+"):
        second.load()
    first.close()
    assert second.load() == STORED
    second.close()


def test_a_manager_that_refused_its_directory_has_freed_it(directory: Path) -> None:
    with pytest.raises(ForeignData):
        WalStateManager("n1", directory, cluster_id="c2").load()
    assert loaded(WalStateManager("n1", directory)) == STORED


@pytest.mark.parametrize("planted", ["directory", "symbolic link"])
def test_something_else_in_the_place_of_a_segment_is_an_error(directory: Path, planted: str) -> None:
    path = directory / "0000000001.wal"
    path.rename(directory / "elsewhere")
    if planted == "directory":
        path.mkdir()
    else:
        path.symlink_to(directory / "elsewhere")
    with pytest.raises(DataError, match=r"0000000001\.wal cannot be read: "):
        loaded(WalStateManager("n1", directory))


def test_a_file_in_the_place_of_the_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    with pytest.raises(DataError, match=r"data cannot be made a directory: File exists"):
        loaded(WalStateManager("n1", tmp_path / "data"))


# --- Metadata ---


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"format": 1', '"format": 0', "its format must be a number from 1 on, not 0"),
        ('"format": 1', '"format": "1"', "its format must be a number from 1 on, not '1'"),
        ('"last_segment": 1', '"last_segment": 2', "its checksum does not fit what stands above it"),
        ('"checksum"', '"checksums"', "its checksum does not fit what stands above it"),
        ("{", "[", "it is not a JSON object"),
        ("n1", "\udcff", "it is not a JSON object"),
    ],
)
def test_damaged_metadata_are_refused(directory: Path, old: str, new: str, what: str) -> None:
    path = directory / "metadata.json"
    path.write_text(path.read_text().replace(old, new), errors="surrogateescape")
    with pytest.raises(CorruptState) as refusal:
        loaded(WalStateManager("n1", directory))
    assert str(refusal.value).startswith(f"{path} is damaged: {what}")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"first_segment": 1', '"first_segment": 0', "$.first_segment"),
        ('"mark": "', '"mark": "0', "$.mark"),
        ('"term":0', '"term":-1', "$.base.term"),
        ('"voters":{}', '"voters":{"n1":1}', "$.base.configuration"),
        ('{"voters":{}}', "{}", "`voters`"),
        ('"cluster_id"', '"cluster"', "cluster"),
    ],
)
def test_metadata_of_fitting_checksum_and_wrong_fields_are_refused_by_name(
    directory: Path, old: str, new: str, what: str
) -> None:
    path = directory / "metadata.json"
    body = path.read_text()
    assert old in body
    body = body[: body.index('"checksum"')].replace(old, new)
    path.write_text(body + f'"checksum": "crc32c:{crc32c(body.encode()):08x}"\n}}\n')
    with pytest.raises(CorruptState, match="its fields are wrong: ") as refusal:
        loaded(WalStateManager("n1", directory))
    assert what in str(refusal.value)


# --- A disk that fails ---


class FailingFiles(LogFiles):
    """The real disk until `broken` names the operation that fails from then on."""

    def __init__(self, error: int = errno.EIO) -> None:
        self.broken = ""
        self.tries = 0
        self.error = error

    def _fail(self, operation: str) -> None:
        if operation == self.broken:
            self.tries += 1
            raise OSError(self.error, os.strerror(self.error))

    def create(self, path: Path) -> int:
        self._fail("create")
        return super().create(path)

    def write(self, file: int, data: bytes) -> None:
        self._fail("write")
        super().write(file, data)

    def write_at(self, file: int, offset: int, data: bytes) -> None:
        self._fail("write_at")
        super().write_at(file, offset, data)

    def sync(self, file: int) -> None:
        self._fail("sync")
        super().sync(file)

    def sync_data(self, file: int) -> None:
        self._fail("sync_data")
        super().sync_data(file)

    def rename(self, source: Path, target: Path) -> None:
        self._fail("rename")
        super().rename(source, target)

    def sync_directory(self, directory: Path) -> None:
        self._fail("sync_directory")
        super().sync_directory(directory)

    def read_at(self, file: int, offset: int, length: int) -> bytes:
        self._fail("read_at")
        return super().read_at(file, offset, length)


@pytest.mark.parametrize("operation", ["write_at", "sync_data"])
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_an_error_of_the_disk_is_told_and_nothing_is_tried_again(tmp_path: Path, operation: str, error: int) -> None:
    """PITFALLS 35: an fsync that failed must not be retried, since the kernel has dropped what it could not write."""
    files = FailingFiles(error)

    async def run() -> list[TfRaftError | None]:
        manager = WalStateManager("n1", tmp_path, files=files)
        manager.load()
        assert await acknowledged(manager, SMALL) is None
        files.broken = operation
        broken = [await acknowledged(manager, Save(2, None)) for _ in range(2)]
        files.broken = ""
        mended = await acknowledged(manager, Save(2, None))
        manager.close()
        return [*broken, mended]

    errors = asyncio.run(run())
    assert all(isinstance(error, StorageFailed) for error in errors)
    assert {str(each) for each in errors} == {f"{tmp_path} could not be saved: {os.strerror(error)}"}
    assert files.tries == 1
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
    assert files.tries == 1
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


def test_what_was_read_is_written_again_and_synced_before_it_is_used(directory: Path) -> None:
    """The process before may have been killed before its sync."""
    told: list[str] = []
    loaded(WalStateManager("n1", directory, files=ToldFiles(told)))
    assert told == ["write at 64", "data synced", "directory synced"]


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


# --- The thread ---


class SlowFiles(LogFiles):
    """A disk that syncs only once it may."""

    def __init__(self) -> None:
        self.may_sync = threading.Event()
        self.may_sync.set()

    def sync_data(self, file: int) -> None:
        assert self.may_sync.wait(60)
        super().sync_data(file)


def test_a_slow_disk_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    async def run() -> None:
        files = SlowFiles()
        manager = WalStateManager("n1", tmp_path, files=files)
        manager.load()
        files.may_sync.clear()
        save = asyncio.ensure_future(acknowledged(manager, SMALL))
        await asyncio.sleep(0)
        # The loop goes on, and the save cannot be done: the disk is let go by the loop itself.
        assert not save.done()
        files.may_sync.set()
        assert await save is None
        manager.close()

    asyncio.run(run())


def test_close_waits_for_the_save_under_way(tmp_path: Path) -> None:
    async def run() -> list[TfRaftError | None]:
        files = SlowFiles()
        manager = WalStateManager("n1", tmp_path, files=files)
        manager.load()
        files.may_sync.clear()
        answers: list[TfRaftError | None] = []
        manager.save(SMALL, answers.append)
        closing = threading.Thread(target=manager.close)
        closing.start()
        with pytest.raises(DataLocked):
            WalStateManager("n1", tmp_path).load()
        files.may_sync.set()
        closing.join()
        assert loaded(WalStateManager("n1", tmp_path)) == STORED
        await asyncio.sleep(0)
        return answers

    assert asyncio.run(run()) == [None]


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
