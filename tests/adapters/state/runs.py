"""Runs of one server on its disk, for the tests of what keeps its state."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import TfRaftError
from tfraft.ports import StateManager

T = TypeVar("T")


def entry(data: bytes, term: int = 1, kind: EntryKind = EntryKind.COMMAND) -> Entry:
    return Entry(term, kind, data)


def entries(term: int, *data: bytes) -> Entries:
    return Entries.of(*(entry(each, term) for each in data))


BASE = Base(0, 0, Configuration.of({"n1": ":1"}))
SMALL = Save(1, "n1", 1, Entries.of(entry(b"", kind=EntryKind.NO_OP), entry(b"hello")), BASE)
STORED = Saved(SMALL.current_term, SMALL.voted_for, BASE, SMALL.entries)


async def answer_of(ask: Callable[[Callable[[T], None]], None]) -> T:
    """What the callback gets that `ask` is given."""
    answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    ask(answer.set_result)
    return await asyncio.wait_for(answer, 60)


async def acknowledged(manager: StateManager, save: Save) -> TfRaftError | None:
    return await answer_of(partial(manager.save, save))


def saves(manager: StateManager, *saves: Save) -> list[TfRaftError | None]:
    """Load, save one after the other, close; what became of each save."""

    async def one_run() -> list[TfRaftError | None]:
        try:
            manager.load()
            return [await acknowledged(manager, save) for save in saves]
        finally:
            manager.close()

    return asyncio.run(one_run())


def loaded(manager: StateManager) -> Saved | None:
    """What the next run of the server finds."""
    try:
        return manager.load()
    finally:
        manager.close()


def contents(directory: Path) -> dict[str, bytes]:
    """All files but those that only lock."""
    paths = (path for path in directory.iterdir() if path.name != "LOCK" and path.suffix != ".lock")
    return {path.name: path.read_bytes() for path in paths}
