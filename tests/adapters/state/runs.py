"""Runs of one server on a JSON file, for the tests of that file."""

import asyncio
from pathlib import Path

from tfraft.adapters.state.json import LocalStateManager
from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import TfRaftError


def entry(data: bytes, term: int = 1, kind: EntryKind = EntryKind.COMMAND) -> Entry:
    return Entry(term, kind, data)


BASE = Base(0, 0, Configuration.of({"n1": ":1"}))
SMALL = Save(1, "n1", 1, Entries.of(entry(b"", kind=EntryKind.NO_OP), entry(b"hello")), BASE)
STORED = Saved(SMALL.current_term, SMALL.voted_for, BASE, SMALL.entries)


async def acknowledged(manager: LocalStateManager, save: Save) -> TfRaftError | None:
    answer: asyncio.Future[TfRaftError | None] = asyncio.get_running_loop().create_future()
    manager.save(save, answer.set_result)
    return await asyncio.wait_for(answer, 60)


def saves(manager: LocalStateManager, *saves: Save) -> list[TfRaftError | None]:
    """Load, save one after the other, close; what became of each save."""

    async def one_run() -> list[TfRaftError | None]:
        try:
            manager.load()
            return [await acknowledged(manager, save) for save in saves]
        finally:
            manager.close()

    return asyncio.run(one_run())


def loaded(manager: LocalStateManager) -> Saved | None:
    try:
        return manager.load()
    finally:
        manager.close()


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.suffix != ".lock"}
