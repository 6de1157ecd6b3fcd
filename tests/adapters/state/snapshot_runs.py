"""Snapshots that are made and read, for the tests of what keeps them; and of those in files, one run of a server."""

import asyncio
from functools import partial
from pathlib import Path

from crc32c import crc32c

from tests.adapters.state.runs import answer_of
from tfraft.adapters.state.segments_on_disk import LogFiles
from tfraft.adapters.state.snapshots import FileSnapshotStore
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.errors import TfRaftError
from tfraft.ports import SnapshotStore, SnapshotWriter

VOTERS = Configuration.of({"n1": "h:1", "n2": "h:2"}, ["n3"], removed=["n0"])


def base_at(index: int, term: int = 2) -> Base:
    return Base(index, term, VOTERS, index // 2)


def snapshot_of(index: int, data: bytes) -> Snapshot:
    return Snapshot(base_at(index), len(data), crc32c(data))


async def write(writer: SnapshotWriter, *pieces: bytes) -> None:
    for piece in pieces:
        assert await answer_of(partial(writer.write, piece)) is None


async def finish(writer: SnapshotWriter, expected: Snapshot | None = None) -> Snapshot | TfRaftError:
    return await answer_of(partial(writer.finish, expected))


async def made(store: SnapshotStore, index: int, *pieces: bytes) -> Snapshot:
    """Make a snapshot of these pieces."""
    writer = store.create(base_at(index))
    await write(writer, *pieces)
    snapshot = await finish(writer)
    assert isinstance(snapshot, Snapshot)
    return snapshot


async def read(store: SnapshotStore, snapshot: Snapshot, offset: int, size: int) -> bytes | None:
    return await answer_of(partial(store.read, snapshot, offset, size))


# --- In files ---

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
