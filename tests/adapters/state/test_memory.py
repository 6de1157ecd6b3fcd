"""State in memory: what outlives the node, and what does not."""

from collections.abc import Callable

from tfraft.adapters.state.memory import MemoryDisk, MemoryStateManager
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import StorageFailed, TfRaftError


def into(answers: list[TfRaftError | None]) -> Callable[[TfRaftError | None], None]:
    return answers.append


def test_on_saved_comes_before_save_returns() -> None:
    manager = MemoryStateManager()
    manager.load()
    answers: list[TfRaftError | None] = []
    manager.save(Save(1, "n1"), into(answers))
    assert answers == [None]


def test_a_killed_node_finds_its_state_on_the_same_disk() -> None:
    """What was acknowledged survives, though nobody closed the manager."""
    disk = MemoryDisk()
    killed = MemoryStateManager(disk)
    killed.load()
    entries = Entries.of(Entry(1, EntryKind.COMMAND, b"x"))
    killed.save(Save(1, "n1", 1, entries), into([]))
    assert MemoryStateManager(disk).load() == Saved(1, "n1", entries=entries)


def test_a_killed_node_can_save_no_more_once_its_successor_has_started() -> None:
    """Two runs of a server that wrote to one disk could vote twice in a term (§3.8)."""
    disk = MemoryDisk()
    killed, successor = MemoryStateManager(disk), MemoryStateManager(disk)
    killed.load()
    successor.load()
    answers: list[TfRaftError | None] = []
    killed.save(Save(1, "n1"), into(answers))
    killed.close()
    successor.save(Save(1, "n2"), into(answers))
    assert isinstance(answers[0], StorageFailed)
    assert answers[1] is None
    assert disk.read() == Saved(1, "n2")


def test_without_a_disk_each_manager_has_its_own() -> None:
    first, second = MemoryStateManager(), MemoryStateManager()
    first.load()
    first.save(Save(1, "n1"), into([]))
    assert second.load() is None
