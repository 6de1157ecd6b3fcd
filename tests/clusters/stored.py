"""Data directories of servers that do not run, for tests: as `tf-raft serve` leaves them."""

import asyncio
from functools import partial
from pathlib import Path

from tests.adapters.state.runs import answer_of
from tfraft.adapters.state.memory import MemoryDisk
from tfraft.clusters.cluster_file import StateKind
from tfraft.clusters.server_home import ServerHome
from tfraft.clusters.states import storage
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.store import codec
from tfraft.store.envelope import Command, Registration

OLD = "c" * 32
THREE = Configuration.of({"n1": "h:1", "n2": "h:2", "n3": "h:3"}, removed=["n0"])
FOUNDING = Base(configuration=THREE)
TIME_MS = 1_767_225_600_123


def command(*words: bytes, client_id: int = 0, sequence_num: int = 0, term: int = 1) -> Entry:
    """The entry of a command of the store."""
    data = Command(TIME_MS, codec.encode(list(words)), client_id, sequence_num).encode()
    return Entry(term, EntryKind.COMMAND, data)


NO_OP = Entry(1, EntryKind.NO_OP)
SESSION = Entry(1, EntryKind.REGISTER_CLIENT, Registration(TIME_MS, 60_000, 5).encode())
LOG = Entries.of(
    NO_OP,
    SESSION,
    command(b"SET", b"greeting", b"hello world", client_id=2, sequence_num=1),
    Entry(1, EntryKind.CONFIGURATION, Configuration.of({"n1": "h:1", "n2": "h:2"}, {"n4": "h:4"}, (), ["n0"]).encode()),
    command(b"SET", b"\xff\n", b""),
)
"""Five entries, of every kind."""


def stored(directory: Path, *saves: Save, snapshot: Base | None = None, server_id: str = "n1") -> Path:
    """The directory of a server that has made these saves, and this snapshot of no state; its log is there."""

    async def one_run() -> None:
        home = ServerHome.open(directory, server_id)
        state, snapshots = storage(StateKind.WAL, server_id, directory, OLD, MemoryDisk())
        if home.file is None:
            home.begin(OLD, ("h:2",))
        await asyncio.to_thread(state.load)
        await asyncio.to_thread(snapshots.load)
        home.record_started()
        for save in saves:
            assert await answer_of(partial(state.save, save)) is None
        if snapshot is not None:
            made = await answer_of(partial(snapshots.create(snapshot).finish, None))
            assert isinstance(made, Snapshot)
        await asyncio.to_thread(state.close)
        await asyncio.to_thread(snapshots.close)
        home.close()

    asyncio.run(one_run())
    return directory / server_id
