"""Saves on a disk that fails or is slow, for the tests of every manager that writes to files."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from tests.adapters.state.disks import FailingFiles, SlowFiles
from tests.adapters.state.runs import acknowledged
from tfraft.core.effects import Save
from tfraft.errors import DataLocked, TfRaftError
from tfraft.ports import StateManager


def saves_around_a_failure(
    manager: StateManager, files: FailingFiles, save: Save, operation: str
) -> list[TfRaftError | None]:
    """Make `save`; then the answers to two more while `operation` fails, and to one when it does not any more."""

    async def run() -> list[TfRaftError | None]:
        manager.load()
        assert await acknowledged(manager, save) is None
        files.broken = operation
        broken = [await acknowledged(manager, Save(2, None)) for _ in range(2)]
        files.broken = ""
        mended = await acknowledged(manager, Save(2, None))
        manager.close()
        return [*broken, mended]

    return asyncio.run(run())


def assert_the_loop_goes_on(manager: StateManager, files: SlowFiles, save: Save) -> None:
    """A save does not hold up the loop while the disk is slow."""

    async def run() -> None:
        manager.load()
        files.may_sync.clear()
        saving = asyncio.ensure_future(acknowledged(manager, save))
        await asyncio.sleep(0)
        # The loop goes on, and the save cannot be done: the disk is let go by the loop itself.
        assert not saving.done()
        files.may_sync.set()
        assert await saving is None
        manager.close()

    asyncio.run(run())


def assert_close_waits(new_manager: Callable[[SlowFiles | None], StateManager], save: Save) -> None:
    """A manager that is closed while it saves is closed once the save is done, and not before."""
    files = SlowFiles()

    async def run() -> list[TfRaftError | None]:
        manager = new_manager(files)
        manager.load()
        files.may_sync.clear()
        answers: list[TfRaftError | None] = []
        manager.save(save, answers.append)
        closing = threading.Thread(target=manager.close)
        closing.start()
        with pytest.raises(DataLocked):
            new_manager(None).load()
        files.may_sync.set()
        closing.join()
        await asyncio.sleep(0)
        return answers

    assert asyncio.run(run()) == [None]
