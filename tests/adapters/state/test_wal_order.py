"""The order of what a write-ahead log does to the disk: one write and one sync to a save, names after contents."""

import asyncio
import threading
from pathlib import Path

from tests.adapters.state.disks import ToldFiles
from tests.adapters.state.runs import acknowledged, loaded, saves
from tests.adapters.state.wal_runs import SMALL
from tfraft.adapters.state.wal import WalStateManager
from tfraft.core.effects import Save


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


def test_what_was_read_is_written_again_and_synced_before_it_is_used(directory: Path) -> None:
    """The process before may have been killed before its sync."""
    told: list[str] = []
    loaded(WalStateManager("n1", directory, files=ToldFiles(told)))
    assert told == ["write at 64", "data synced", "directory synced"]
